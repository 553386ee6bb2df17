"""Clients that do not read, and what they do to their operations meanwhile."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest
from websockets.frames import Opcode

from tests.support.figures import Figures
from tests.support.graphql_ws import Socket
from tests.support.live_api import LiveApi
from tests.support.live_jobs import ALL, JOB, LiveJob
from tests.support.raw_ws import RawSocket

KERNEL_BYTES = 4_096
MEGABYTE = 1024**2
SILENT = 100
QUERY = "{ viewer { authMode } }"


async def many_changes(job: LiveJob, follower: Socket, count: int, first: float) -> None:
    """More than a client takes that does not read; the follower has seen them all, or newer ones."""
    for number in range(count):
        await job.report(first + number / 100, "x" * 1_000)
    while (await follower.receive())["payload"]["data"]["jobUpdates"]["progress"] < first + (count - 1) / 100:
        pass


async def told_until_complete(client: RawSocket, ids: set[str]) -> dict[str, list[Any]]:
    """The updates of each of these operations, until each is complete."""
    told: dict[str, list[Any]] = {id: [] for id in ids}
    left = set(ids)
    while left:
        frame = await client.json()
        assert frame["id"] in left, frame
        if frame["type"] == "complete":
            left.remove(frame["id"])
        else:
            told[frame["id"]].append(frame["payload"]["data"]["jobUpdates"])
    return told


@pytest.mark.slow
async def test_the_newest_and_the_end_come_of_thousands_of_changes(live: LiveApi) -> None:
    job = await live.job()
    async with live.follower(job) as follower, live.raw(KERNEL_BYTES) as client:
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        await many_changes(job, follower, 2_000, 1.0)
        await job.complete()
        updates = (await told_until_complete(client, {"1"}))["1"]
        progress = [update["progress"] for update in updates]
        assert progress == sorted(progress)
        assert (updates[-1]["status"], updates[-1]["progress"]) == ("COMPLETED", 100.0)
        assert len(updates) < 500


async def test_every_operation_of_a_stalled_socket_has_its_end(live: LiveApi) -> None:
    job = await live.job()
    ids = {str(number) for number in range(50)}
    async with live.follower(job) as follower, live.raw(KERNEL_BYTES) as client:
        for id in ids:
            await client.subscribe(id, JOB, id=job.id)
            await client.json()
        await many_changes(job, follower, 200, 1.0)
        await client.subscribe("query", QUERY)
        await many_changes(job, follower, 200, 10.0)
        await job.complete()
        seen: list[str] = []
        told: dict[str, list[float]] = {id: [] for id in ids}
        while len(seen) < len(ids) + 1:
            frame = await client.json()
            if frame["type"] == "complete":
                seen.append(frame["id"])
            elif frame["id"] != "query":
                told[frame["id"]].append(frame["payload"]["data"]["jobUpdates"]["progress"])
        assert {*seen} == {*ids, "query"}
        for progress in told.values():
            assert progress == sorted(set(progress))
            assert progress[-1] == 100.0


async def test_a_stalled_client_may_leave_and_come_back_under_the_same_id(live: LiveApi) -> None:
    """Once the new operation is heard, the old one is not any more."""
    job = await live.job()
    again = JOB.replace("jobUpdates(", "again: jobUpdates(")
    async with live.follower(job) as follower, live.raw(KERNEL_BYTES) as client:
        await client.subscribe("1", JOB, id=job.id)
        await client.subscribe("all", ALL)
        for _ in range(2):
            await client.json()
        await many_changes(job, follower, 300, 1.0)
        await client.send({"type": "complete", "id": "1"})
        await client.subscribe("1", again, id=job.id)
        await client.send({"type": "complete", "id": "all"})
        await many_changes(job, follower, 300, 10.0)
        await job.complete()
        words: list[str] = []
        while (frame := await client.json())["type"] != "complete":
            if frame["id"] == "1":
                words += frame["payload"]["data"]
        assert frame["id"] == "1"
        assert words == sorted(words, reverse=True)  # jobUpdates, then again
        assert words[-1] == "again"


async def test_one_that_never_reads_again_takes_nothing_along(live: LiveApi) -> None:
    job = await live.job()
    async with live.follower(job) as follower:
        async with live.raw(KERNEL_BYTES) as client:
            for number in range(20):
                await client.subscribe(str(number), JOB if number % 2 else ALL, id=job.id)
            await many_changes(job, follower, 300, 1.0)
        await live.serves(job, follower, 50.0)


async def test_a_large_update_that_waits_for_many_is_in_memory_once(live: LiveApi) -> None:
    job = await live.job()
    async with live.follower(job) as follower, AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(live.raw(KERNEL_BYTES)) for _ in range(SILENT)]
        for client in silent:
            await client.subscribe("1", JOB, id=job.id)
            await client.json()
        await live.serves(job, follower, 1.0)
        before = live.resident_bytes()
        await job.report(2.0, "x" * MEGABYTE)
        await follower.receive(30.0)
        await live.serves(job, follower, 3.0)
        grown = live.resident_bytes() - before
        assert grown < SILENT * MEGABYTE / 3, grown
        for _ in range(2):
            assert (await silent[-1].json())["type"] == "next"


@pytest.mark.slow
async def test_100_that_never_read_cost_little_and_delay_nobody(live: LiveApi, figures: Figures) -> None:
    job = await live.job()
    async with live.follower(job) as follower, AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(live.raw(KERNEL_BYTES)) for _ in range(SILENT)]
        for client in silent:
            await client.subscribe("1", JOB, id=job.id)
            await client.json()
        await live.serves(job, follower, 1.0)
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
