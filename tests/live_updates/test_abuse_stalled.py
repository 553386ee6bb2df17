"""Clients that do not read, and what they do to their operations meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest
from websockets.frames import Opcode

from tests.support.figures import Figures
from tests.support.graphql_ws import QUERY, Socket
from tests.support.live_api import LiveApi
from tests.support.live_jobs import ALL, JOB, LiveJob
from tests.support.raw_ws import KERNEL_BYTES, RawSocket

MEGABYTE = 1024**2
SILENT = 100


@pytest.fixture
async def job(live: LiveApi) -> LiveJob:
    return await live.job()


@pytest.fixture
async def follower(live: LiveApi, job: LiveJob) -> AsyncIterator[Socket]:
    """Somebody else, who reads."""
    async with live.follower(job) as client:
        yield client


@pytest.fixture
async def stalled(live: LiveApi, follower: Socket) -> AsyncIterator[RawSocket]:
    """A client that takes next to nothing until it reads."""
    async with live.raw(KERNEL_BYTES) as client:
        yield client


@pytest.fixture
async def silent(live: LiveApi, job: LiveJob, follower: Socket) -> AsyncIterator[list[RawSocket]]:
    """Many of these, with the snapshot; and the server has had its first change to tell."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(live.raw(KERNEL_BYTES)) for _ in range(SILENT)]
        for client in clients:
            await has_snapshots(client, job, {"1"})
        await live.serves(job, follower, 1.0)
        yield clients


async def has_snapshots(client: RawSocket, job: LiveJob, ids: set[str]) -> None:
    for id in ids:
        await client.subscribe(id, JOB, id=job.id)
        await client.json()


async def many_changes(job: LiveJob, follower: Socket, count: int, first: float) -> None:
    """More than a client takes that does not read; the follower has seen them all, or newer ones."""
    for number in range(count):
        await job.report(first + number / 100, "x" * 1_000)
    while (await follower.receive())["payload"]["data"]["jobUpdates"]["progress"] < first + (count - 1) / 100:
        pass


async def told_until_complete(client: RawSocket, ids: set[str]) -> dict[str, list[Any]]:
    """The data that each of these operations is sent, until each is complete."""
    told: dict[str, list[Any]] = {id: [] for id in ids}
    left = set(ids)
    while left:
        frame = await client.json()
        assert frame["id"] in left, frame
        if frame["type"] == "complete":
            left.remove(frame["id"])
        else:
            told[frame["id"]].append(frame["payload"]["data"])
    return told


@pytest.mark.slow
async def test_the_newest_and_the_end_come_of_thousands_of_changes(
    job: LiveJob, follower: Socket, stalled: RawSocket
) -> None:
    await has_snapshots(stalled, job, {"1"})
    await many_changes(job, follower, 2_000, 1.0)
    await job.complete()
    updates = [data["jobUpdates"] for data in (await told_until_complete(stalled, {"1"}))["1"]]
    progress = [update["progress"] for update in updates]
    assert progress == sorted(progress)
    assert (updates[-1]["status"], updates[-1]["progress"]) == ("COMPLETED", 100.0)
    assert len(updates) < 500


async def test_every_operation_of_a_stalled_socket_has_its_end(
    job: LiveJob, follower: Socket, stalled: RawSocket
) -> None:
    ids = {str(number) for number in range(50)}
    await has_snapshots(stalled, job, ids)
    await many_changes(job, follower, 200, 1.0)
    await stalled.subscribe("query", QUERY)
    await many_changes(job, follower, 200, 10.0)
    await job.complete()
    told = await told_until_complete(stalled, {*ids, "query"})
    assert [list(data) for data in told["query"]] == [["viewer"]]
    for id in ids:
        progress = [data["jobUpdates"]["progress"] for data in told[id]]
        assert progress == sorted(set(progress))
        assert progress[-1] == 100.0


async def test_a_stalled_client_may_leave_and_come_back_under_the_same_id(
    job: LiveJob, follower: Socket, stalled: RawSocket
) -> None:
    """Once the new operation is heard, the old one is not any more."""
    again = JOB.replace("jobUpdates(", "again: jobUpdates(")
    await stalled.subscribe("1", JOB, id=job.id)
    await stalled.subscribe("all", ALL)
    for _ in range(2):
        await stalled.json()
    await many_changes(job, follower, 300, 1.0)
    await stalled.send({"type": "complete", "id": "1"})
    await stalled.subscribe("1", again, id=job.id)
    await stalled.send({"type": "complete", "id": "all"})
    await many_changes(job, follower, 300, 10.0)
    await job.complete()
    words: list[str] = []
    while (frame := await stalled.json())["type"] != "complete":
        if frame["id"] == "1":
            words += frame["payload"]["data"]
    assert frame["id"] == "1"
    assert words == sorted(words, reverse=True)  # jobUpdates, then again
    assert words[-1] == "again"


async def test_one_that_never_reads_again_takes_nothing_along(
    live: LiveApi, job: LiveJob, follower: Socket
) -> None:
    async with live.raw(KERNEL_BYTES) as client:
        for number in range(20):
            await client.subscribe(str(number), JOB if number % 2 else ALL, id=job.id)
        await many_changes(job, follower, 300, 1.0)
    await live.serves(job, follower, 50.0)


async def test_a_large_update_that_waits_for_many_is_in_memory_once(
    live: LiveApi, job: LiveJob, follower: Socket, silent: list[RawSocket]
) -> None:
    before = live.resident_bytes()
    await job.report(2.0, "x" * MEGABYTE)
    await follower.receive(30.0)
    await live.serves(job, follower, 3.0)
    grown = live.resident_bytes() - before
    assert grown < SILENT * MEGABYTE / 3, grown
    for _ in range(2):
        assert (await silent[-1].json())["type"] == "next"


@pytest.mark.slow
async def test_100_that_never_read_cost_little_and_delay_nobody(
    live: LiveApi, job: LiveJob, follower: Socket, silent: list[RawSocket], figures: Figures
) -> None:
    before = live.resident_bytes()
    for number in range(1_000):
        await job.report(2.0 + number / 100, "x" * 1_000)
        await follower.receive()
    grown = (live.resident_bytes() - before) / MEGABYTE
    await live.serves(job, follower, 50.0)
    await job.complete()
    for client in silent:
        await _reads_to_the_end(client)
    figures.within("P12", f"memory for 1000 changes that {SILENT} stalled readers missed", grown, 8.0, "MB")


async def _reads_to_the_end(client: RawSocket) -> None:
    last = {}
    while (frame := await client.read()) is not None and frame.opcode is Opcode.TEXT:
        message = orjson.loads(frame.data)
        if message["type"] == "complete":
            break
        last = message["payload"]["data"]["jobUpdates"]
    assert last["status"] == "COMPLETED"
