"""Storms of pings, read or not: each is worth its answer and nothing more."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.support.graphql_ws import Socket
from tests.support.live_api import LiveApi
from tests.support.live_jobs import JOB
from tests.support.raw_ws import KERNEL_BYTES, NO_MASK, RawSocket

MEGABYTE = 1024**2


async def test_a_storm_of_pings_is_answered_and_holds_nobody_up(live: LiveApi) -> None:
    job = await live.job()
    async with live.follower(job) as follower, live.socket() as client:
        id = await client.subscribe(JOB, id=job.id)
        assert (await client.receive())["id"] == id
        storm = asyncio.create_task(_pings(client, 10_000))
        await live.serves(job, follower, 10.0)
        progress: list[float] = []
        pongs = 0
        while pongs < 10_000 or not progress:
            frame = await client.receive()
            if frame["type"] == "pong":
                pongs += 1
            else:
                progress.append(frame["payload"]["data"]["jobUpdates"]["progress"])
        assert (pongs, progress) == (10_000, [10.0])
        await storm


async def _pings(client: Socket, count: int) -> None:
    for _ in range(count):
        await client.send({"type": "ping"})


async def _send_on(client: RawSocket, data: bytes, times: int) -> None:
    with suppress(ConnectionError):  # the server may have enough of it
        for _ in range(times):
            await client.send_bytes(data)


PINGS = {
    "WebSocket's": b"\x89\xfd" + NO_MASK + b"p" * 125,
    "the protocol's": b"\x81\xfe\0\xd7" + NO_MASK + b'{"type":"ping"}' + b" " * 200,
}


@pytest.mark.parametrize("ping", PINGS.values(), ids=list(PINGS))
async def test_pings_of_one_who_does_not_read_pile_up_nowhere(ping: bytes, live: LiveApi) -> None:
    """24 MB of them: the server stops reading, or lets the client go, but never keeps their pongs."""
    job = await live.job()
    async with live.follower(job) as follower, live.raw(KERNEL_BYTES) as client:
        await live.serves(job, follower, 10.0)
        before = live.resident_bytes()
        storm = asyncio.create_task(_send_on(client, ping * 1_000, 24 * MEGABYTE // len(ping * 1_000)))
        for number in range(5):
            await live.serves(job, follower, 20.0 + number)
            await asyncio.wait([storm], timeout=0.2)
        grown = live.resident_bytes() - before
        storm.cancel()
        await asyncio.gather(storm, return_exceptions=True)
        assert grown < 8 * MEGABYTE, grown
