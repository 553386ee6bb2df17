"""Uploads through GraphQL (the multipart request specification), streamed to disk.

Nothing larger than a block is held in memory. What a request staged is removed when its operation has
ended, whatever happened: what is to stay has been stored by then. A body that ends before its last
boundary is refused.

A form of another site can send multipart without asking; it cannot add a header. So one of
`PREFLIGHT_HEADERS` is required (CVE-2024-47082; as Apollo Server does).
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from app.graphql_refusals import Refused
from resolvers.uploads import Upload

PREFLIGHT_HEADERS = ("graphql-require-preflight", "apollo-require-preflight", "x-requested-with")
MAX_FIELD_BYTES = 1024**2
MAX_PARTS = 22
BLOCK_BYTES = 1024**2
_FIELD_TOO_LARGE = f"A field of the form is too large: at most {MAX_FIELD_BYTES:,} bytes"


@dataclass
class Staging:
    """Where the files of one request lie, and how many bytes each may have."""

    folder: Path
    max_file_bytes: int
    paths: list[Path] = field(default_factory=list)

    def new_path(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"upload-{uuid4().hex}"
        self.paths.append(path)
        return path

    def clear(self) -> None:
        for path in self.paths:
            path.unlink(missing_ok=True)


async def read_multipart(request: Request, staging: Staging) -> Any:
    """The operation with the uploaded files in its variables. Raises Refused."""
    if not any(request.headers.get(name) for name in PREFLIGHT_HEADERS):
        raise Refused(
            400,
            "A multipart request needs a GraphQL-Require-Preflight header (or Apollo-Require-Preflight or "
            "X-Requested-With) that is not empty",
        )
    form = _Form(staging)
    try:
        async for part in _parts(request):
            await form.take(part)
        return form.operation()
    except FormParserError as error:
        raise Refused(400, "The multipart body is damaged") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Refused(507, "There is no room for the upload on the server", code="STORAGE_FULL") from error
    finally:
        form.close()


@dataclass(frozen=True)
class _Begin:
    name: str
    filename: str | None
    content_type: str


class _End:
    pass


_Event = _Begin | bytes | _End


async def _parts(request: Request) -> AsyncIterator[_Event]:
    """What the body holds, in order. Raises Refused and FormParserError."""
    _, options = parse_options_header(request.headers["content-type"])
    boundary = options.get(b"boundary")
    if not boundary:
        raise Refused(400, "The multipart body has no boundary")
    reader = _Reader()
    parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
    async for chunk in request.stream():
        parser.write(chunk)
        for event in reader.taken():
            yield event
    if not reader.whole:
        raise Refused(400, "The multipart body ends too early")


class _Reader:
    """The parser's callbacks, turned into events."""

    def __init__(self) -> None:
        self.whole = False
        self._events: list[_Event] = []
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = b"", b""

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": self._on_name,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header,
            "on_headers_finished": self._on_begin,
            "on_part_data": lambda data, start, end: self._events.append(bytes(data[start:end])),
            "on_part_end": lambda: self._events.append(_End()),
            "on_end": self._on_end,
        }

    def taken(self) -> list[_Event]:
        events, self._events = self._events, []
        return events

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _on_begin(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise Refused(400, "A part of the multipart body has no name")
        filename = options.get(b"filename")
        self._events.append(
            _Begin(
                options[b"name"].decode(errors="replace"),
                None if filename is None else filename.decode(errors="replace"),
                self._headers.get(b"content-type", b"").decode("latin-1"),
            )
        )

    def _on_end(self) -> None:
        self.whole = True


class _Form:
    """`operations` and `map` come first, in memory; each part that the map names is a file."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._fields: dict[str, bytearray] = {}
        self._files: dict[str, Upload] = {}
        self._map: dict[str, Any] | None = None
        self._parts = 0
        self._field: bytearray | None = None
        self._file: _OpenFile | None = None

    async def take(self, event: _Event) -> None:
        if isinstance(event, _Begin):
            self._begin(event)
        elif isinstance(event, _End):
            await self._end()
        elif self._file is not None:
            await self._file.write(event)
        elif self._field is not None:
            self._field += event
            if len(self._field) > MAX_FIELD_BYTES:
                raise Refused(
                    413,
                    _FIELD_TOO_LARGE,
                    code="TOO_LARGE",
                )

    def operation(self) -> Any:
        if self._map is None:
            raise Refused(400, "The multipart body needs the fields `operations` and `map`")
        operations = _json(self._fields, "operations")
        for name, places in self._map.items():
            if name not in self._files:
                raise Refused(400, f"The file {name[:60]!r} of the map is missing in the form")
            for place in places:
                _put(operations, place, self._files[name])
        return operations

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _begin(self, part: _Begin) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Refused(400, f"The multipart body has too many parts: at most {MAX_PARTS}")
        if part.filename is None and part.name in ("operations", "map"):
            self._field = self._fields[part.name] = bytearray()
            return
        if self._map is None:
            self._map = _checked_map(self._fields)
        if part.name not in self._map or part.name in self._files:
            raise Refused(400, f"The part {part.name[:60]!r} is not in the map, or there twice")
        self._file = _OpenFile(self._staging, part)

    async def _end(self) -> None:
        if self._file is not None:
            self._files[self._file.part.name] = await self._file.finished()
        elif self._field is not None and len(self._fields) == 2 and self._map is None:
            self._map = _checked_map(self._fields)
        self._file = self._field = None


class _OpenFile:
    """A file that is being received: written in blocks by a thread, hashed on the way."""

    def __init__(self, staging: Staging, part: _Begin) -> None:
        self.part = part
        self._limit = staging.max_file_bytes
        self._path = staging.new_path()
        self._file = self._path.open("xb")
        self._block = bytearray()
        self._hash = hashlib.sha256()
        self._size = 0

    async def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise Refused(413, f"The file is too large: at most {self._limit:,} bytes", code="TOO_LARGE")
        self._block += data
        if len(self._block) >= BLOCK_BYTES:
            await self._flush()

    async def finished(self) -> Upload:
        await self._flush()
        self.close()
        return Upload(
            self._path, self.part.filename or "", self.part.content_type, self._size, self._hash.hexdigest()
        )

    def close(self) -> None:
        self._file.close()

    async def _flush(self) -> None:
        block, self._block = self._block, bytearray()
        await asyncio.to_thread(self._write, block)

    def _write(self, block: bytearray) -> None:
        self._hash.update(block)
        self._file.write(block)
        self._file.flush()


def _json(fields: dict[str, bytearray], name: str) -> Any:
    try:
        return orjson.loads(fields.get(name, b""))
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"The form field `{name}` must be JSON and come before the files") from error


def _checked_map(fields: dict[str, bytearray]) -> dict[str, Any]:
    _json(fields, "operations")
    places = _json(fields, "map")
    if not isinstance(places, dict) or not all(_is_list_of_text(value) for value in places.values()):
        raise Refused(400, "The form field `map` must be an object of lists of paths")
    return places


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _put(operations: Any, place: str, upload: Upload) -> None:
    """Sets the null at the dotted path below `variables`; anything else there is refused."""
    keys = place.split(".")
    target: Any = operations
    try:
        if keys[0] != "variables" or len(keys) < 2:
            raise KeyError(keys[0])
        for key in keys[:-1]:
            target = target[int(key)] if isinstance(target, list) else target[key]
        last: Any = int(keys[-1]) if isinstance(target, list) else keys[-1]
        if target[last] is not None:
            raise KeyError(last)
        target[last] = upload
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Refused(400, f"The map names {place[:60]!r}, where there is no null to be the file") from error


@contextmanager
def staged(folder: Path, max_file_bytes: int) -> Iterator[Staging]:
    staging = Staging(folder, max_file_bytes)
    try:
        yield staging
    finally:
        staging.clear()
