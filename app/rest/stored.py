"""Stored bytes as an answer: ranges, conditions and names, a block at a time from storage.

What is stored under a key never changes, so the entity tag is for ever. The type is the stored one and the
browser may not guess another; whatever a file contains, it runs no script in our name.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.ranges import Unsatisfiable, byte_range
from app.rest.edge import services_of

IMMUTABLE = "private, max-age=31536000, immutable"
REVALIDATED = "private, no-cache"
SHOWN_TYPES = ("audio/", "video/", "image/")  # everything else is only saved, never shown


async def stored_response(
    request: Request,
    key: str,
    content_type: str,
    *,
    attachment: str | None = None,
    inline: str | None = None,
    etag: str | None = None,
    cache: str = REVALIDATED,
) -> Response:
    """The bytes of a key, or of what `Range` says of them; 304 for a client that has them.

    `attachment` or `inline` is the file name that is shown. Raises NotFound where the bytes are gone.
    """
    files = services_of(request).files
    size = await files.size(key)
    tag = f'"{etag or hashlib.sha256(key.encode()).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": cache,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "Content-Disposition": _disposition(content_type, attachment, inline),
    }
    if _is_known(request, tag):
        return Response(status_code=304, headers=headers)
    try:
        wanted = byte_range(_range_header(request, tag), size)
    except Unsatisfiable:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    start, end = wanted or (0, size)
    headers["Content-Length"] = str(end - start)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 200 if wanted is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=content_type)
    blocks = files.stream(key, start, end)
    first = await anext(blocks, b"")  # bytes that are gone are told before the answer has begun
    return StreamingResponse(_resumed(first, blocks), status, headers, content_type)


def disposition(kind: str, filename: str) -> str:
    """Content-Disposition (RFC 6266): an ASCII name for old clients, the true one beside it."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in filename)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _disposition(content_type: str, attachment: str | None, inline: str | None) -> str:
    if attachment is not None:
        return disposition("attachment", attachment)
    kind = "inline" if content_type.startswith(SHOWN_TYPES) else "attachment"
    return kind if inline is None else disposition(kind, inline)


def _is_known(request: Request, tag: str) -> bool:
    known = request.headers.get("if-none-match")
    if known is None:
        return False
    return known.strip() == "*" or tag in (part.strip().removeprefix("W/") for part in known.split(","))


def _range_header(request: Request, tag: str) -> str | None:
    """`Range` counts only for GET, and only where `If-Range`, if it is there, names what is stored."""
    if request.method != "GET" or request.headers.get("if-range", tag).strip() != tag:
        return None
    return request.headers.get("range")


async def _resumed(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for block in rest:
        yield block
