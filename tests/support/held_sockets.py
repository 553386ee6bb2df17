"""Sockets that this process serves, as the server holds them."""

from __future__ import annotations

import asyncio
import gc

from app.sockets import BoundedSocket
from tests.support.graphql_ws import Socket
from tests.support.inprocess import until
from tests.support.live_jobs import LiveJob
from tests.support.raw_ws import RawSocket


def open_sockets() -> list[BoundedSocket]:
    return [
        found
        for found in gc.get_objects()
        if issubclass(type(found), BoundedSocket) and not found.disconnected
    ]


def held_for(client: RawSocket) -> BoundedSocket:
    """The other end of that client."""
    address = client.connection.getsockname()
    (held,) = [one for one in open_sockets() if one.transport.get_extra_info("peername") == address]
    return held


async def fill(job: LiveJob, held: BoundedSocket, beside: Socket | None = None) -> float:
    """Change the job until something waits for a client that does not read; the progress then.

    With one `beside` that follows the job too, no change is made before the last one was told.
    """
    for number in range(400):
        progress = 0.01 * number
        await job.report(progress, "x" * 1_000)
        await asyncio.sleep(0)
        if beside is not None:
            await beside.update()
        if not held.writable.is_set():
            return progress
    await until(lambda: not held.writable.is_set())  # a busy machine has yet to tell of them
    return progress
