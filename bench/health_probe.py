"""How long a small request takes while the server is busy with something else."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from bench import load

READY_SECONDS = 60.0
READ_BYTES = 4096
MOST_PAUSE_SECONDS = 0.06  # of any length up to it, so that no rhythm of the server's is met or missed
_REQUEST = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@asynccontextmanager
async def probing(port: int) -> AsyncIterator[list[float]]:
    """Milliseconds of health requests, one after the other on one connection, while the block runs."""
    took: list[float] = []
    task = asyncio.create_task(_probe(port, took))
    try:
        yield took
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def ready(port: int) -> None:
    """Returns with the first answer; the port is open already. Raises TimeoutError, OSError and EOFError."""
    async with asyncio.timeout(READY_SECONDS), _connected(port) as ask:
        await ask()


async def _probe(port: int, took: list[float]) -> None:
    async with _connected(port) as ask:
        while True:
            began = time.perf_counter()
            await ask()
            took.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(random.uniform(0, MOST_PAUSE_SECONDS))


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def ask() -> None:
        writer.write(_REQUEST)
        data = b""
        while load.whole_body(data) is None:
            received = await reader.read(READ_BYTES)
            if not received:
                raise EOFError("the server closed the connection")
            data += received
        if not load.is_success(data):
            raise ValueError(data.decode(errors="replace"))

    try:
        yield ask
    finally:
        writer.close()
