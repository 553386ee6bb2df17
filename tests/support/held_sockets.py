"""Sockets that this process serves, seen from both sides: the client's bytes, and what the server holds."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app import sockets
from tests.support.graphql_ws import PROTOCOL
from tests.support.live_jobs import LiveJob
from tests.support.raw_ws import RawSocket, raw_socket

KERNEL_BYTES = 4_096


@asynccontextmanager
async def begun(base_url: str, receive_bytes: int | None = None) -> AsyncIterator[RawSocket]:
    async with raw_socket(base_url, "/graphql", PROTOCOL, receive_bytes=receive_bytes) as client:
        await client.begin()
        yield client


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


def open_sockets() -> list[sockets.BoundedSocket]:
    """Those that this process serves."""
    return [
        found
        for found in gc.get_objects()
        if issubclass(type(found), sockets.BoundedSocket) and not found.disconnected
    ]


async def fill(job: LiveJob, client: RawSocket) -> sockets.BoundedSocket:
    """Change the job until something waits for a client that does not read."""
    (held,) = open_sockets()
    for number in range(400):
        await job.report(0.01 * number, "x" * 1_000)
        await asyncio.sleep(0)
        if not held.writable.is_set():
            return held
    raise AssertionError("everything was taken")
