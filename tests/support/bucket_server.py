"""A small object store over real HTTP, for `app.storage`: the part of the S3 API that obstore speaks.

Put, multipart put, head, ranged get, delete and list (version 2). It keeps objects in memory and checks no
signature; what it proves is that our side of the wire works end to end.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        return

    def _name(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        return unquote(parts.path).lstrip("/"), query

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_PUT(self) -> None:
        name, query = self._name()
        data = self._body()
        with self.server.lock:
            if "uploadId" in query:
                self.server.parts[query["uploadId"]][int(query["partNumber"])] = data
            else:
                self.server.objects[name] = data
        self._answer(200, headers={"ETag": _tag(data)})

    def do_POST(self) -> None:
        name, query = self._name()
        body = self._body().decode()
        bucket, _, key = name.partition("/")
        with self.server.lock:
            if "delete" in query:
                gone = re.findall("<Key>(.*?)</Key>", body)
                for each in gone:
                    self.server.objects.pop(f"{bucket}/{unescape(each)}", None)
                told = "".join(f"<Deleted><Key>{each}</Key></Deleted>" for each in gone)
                self._answer(200, _xml("DeleteResult", told))
                return
            if "uploads" in query:
                upload = f"upload-{len(self.server.parts)}"
                self.server.parts[upload] = {}
                inner = f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
                self._answer(200, _xml("InitiateMultipartUploadResult", inner))
                return
            parts = self.server.parts.pop(query["uploadId"])
            data = b"".join(parts[number] for number in sorted(parts))
            self.server.objects[name] = data
        self._answer(200, _xml("CompleteMultipartUploadResult", f"<ETag>{_tag(data)}</ETag>"))

    def do_GET(self) -> None:
        name, query = self._name()
        if "list-type" in query:
            self._list(name.rstrip("/"), query.get("prefix", ""))
            return
        data = self.server.objects.get(name)
        if data is None:
            self._answer(404, _xml("Error", "<Code>NoSuchKey</Code>"))
            return
        headers = {"ETag": _tag(data), "Last-Modified": format_datetime(datetime.now(UTC), usegmt=True)}
        wanted = self.headers.get("Range")
        if wanted is None:
            self._answer(200, data, headers | {"Content-Length": str(len(data))})
            return
        first, last = wanted.removeprefix("bytes=").split("-")
        start, end = int(first), min(int(last), len(data) - 1)
        self._answer(
            206, data[start : end + 1], headers | {"Content-Range": f"bytes {start}-{end}/{len(data)}"}
        )

    do_HEAD = do_GET

    def _list(self, bucket: str, prefix: str) -> None:
        begin = f"{bucket}/{prefix}"
        found = sorted(name for name in self.server.objects if name.startswith(begin))
        entries = "".join(
            f"<Contents><Key>{escape(name.partition('/')[2])}</Key><Size>{len(self.server.objects[name])}</Size>"
            f"<LastModified>{datetime.now(UTC).isoformat()}</LastModified><ETag>x</ETag></Contents>"
            for name in found
        )
        self._answer(200, _xml("ListBucketResult", f"<IsTruncated>false</IsTruncated>{entries}"))


def _tag(data: bytes) -> str:
    return f'"{md5(data, usedforsecurity=False).hexdigest()}"'


def _xml(root: str, inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{root}>{inner}</{root}>'.encode()


def bucket_environment(endpoint: str) -> dict[str, str]:
    """What a process that uses it is given."""
    return {
        "AWS_ENDPOINT": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


@contextmanager
def bucket_server() -> Iterator[str]:
    """Its address."""
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
