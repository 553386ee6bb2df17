"""Multipart bodies straight to disk: what a client sends lies where it is stored from, hashed on the way.

    async with received_form(request, services) as form:
        upload = form.files["file"]

Memory holds a megabyte of it at most, and the byte limit holds while the body comes in. A client that goes
away, stalls or sends what is no form leaves nothing behind, and so does the end of the block: whoever wants
to keep a file has stored it by then. For POST /assets, GraphQL multipart requests and the REST families.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.disk import full_disk_told
from app.multipart import FormReader, ReceivedForm, largest_file
from domain.assets.removal import STAGED_UPLOADS
from domain.errors import InvalidInput, TooLarge
from domain.ports import Limits, Services

STALL_SECONDS = 30.0  # without a single byte
MIN_BYTES_PER_SECOND = 1024  # on average, once a body has lasted longer than it may stall
OVERHEAD_BYTES = 1024**2  # boundaries and part headers


@asynccontextmanager
async def received_form(
    request: Request, services: Services, *, max_files: int = 1
) -> AsyncIterator[ReceivedForm]:
    """The form of a request whose body nobody has read yet.

    Raises InvalidInput (no multipart body, broken or cut), TooLarge, StorageFull, HTTPException 408 (too
    slow), and starlette's ClientDisconnect.
    """
    folder = services.scratch / STAGED_UPLOADS
    with full_disk_told():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    reader = FormReader(_boundary(request), folder, services.limits, max_files)
    try:
        _check_announced(request, services.limits, max_files)
        await _read(request, reader)
        yield reader.form
    finally:
        await asyncio.to_thread(reader.discard)


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise InvalidInput("file", "The body must be multipart/form-data with a boundary")
    return options[b"boundary"]


def _check_announced(request: Request, limits: Limits, max_files: int) -> None:
    announced = request.headers.get("content-length", "")
    most = max_files * largest_file(limits) + OVERHEAD_BYTES
    if announced.isascii() and announced.isdigit() and int(announced) > most:
        raise TooLarge(f"The request is too large: it may have at most {most:,} bytes", field="file")


async def _read(request: Request, reader: FormReader) -> None:
    started = time.monotonic()
    received = 0
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(STALL_SECONDS):
                chunk = await anext(stream)
            if not chunk:
                break
            received += len(chunk)
            reader.feed(chunk)
            if reader.is_full:
                await asyncio.to_thread(reader.flush)
            lasted = time.monotonic() - started
            if lasted > STALL_SECONDS and received < lasted * MIN_BYTES_PER_SECOND:
                raise TimeoutError
    except TimeoutError as error:
        raise HTTPException(408, "The upload stalled") from error
    finally:
        await stream.aclose()
    await asyncio.to_thread(reader.finish)
