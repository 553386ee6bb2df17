"""Operations that meddle with each other: on one socket, or beside others that follow the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from db import sql
from domain import jobs
from tests.support.live_api import LiveApi
from tests.support.live_jobs import ALL, JOB
from tests.support.raw_ws import RawSocket

EACH = "query ($first: Int!) { jobs(first: $first) { nodes { id } } }"


async def test_nothing_comes_after_unsubscribing_in_mid_delivery(live: LiveApi) -> None:
    """What is answered after the `complete` was read comes after the last of the operation's frames."""
    job = await live.job()
    stop = asyncio.Event()

    async def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            await job.report(number / 1_000)

    changing = asyncio.create_task(change())
    async with live.socket() as client:
        for round in range(60):
            ids = [await client.subscribe(JOB, f"{round} {number}", id=job.id) for number in range(5)]
            for _ in range(10):
                assert (await client.receive())["type"] == "next"
            for id in ids:
                await client.send({"type": "complete", "id": id})
            await client.send({"type": "ping"})
            while (frame := await client.receive())["type"] != "pong":
                assert (frame["type"], frame["id"] in ids) == ("next", True)
        stop.set()
        await changing
        await job.report(99.0)
        await client.is_told_nothing()


async def test_queries_and_subscriptions_of_one_socket_keep_their_ids(live: LiveApi) -> None:
    followed = [await live.job() for _ in range(5)]
    async with live.socket() as client:
        for number, job in enumerate(followed):
            await client.subscribe(JOB, f"job {number}", id=job.id)
        await client.subscribe(ALL, "all")
        for round in range(10):
            for number, job in enumerate(followed):
                await client.subscribe(EACH, f"page {round} {number}", first=number + 1)
                await job.report(number + 1 + round * 10.0)
        answers, last = 0, dict.fromkeys(range(5), -1.0)
        newest: dict[str, float] = {}
        ends = {number: 91.0 + number for number in range(5)}
        while answers < 50 or last != ends or sorted(newest.values()) != sorted(ends.values()):
            frame = await client.receive()
            word, *numbers = frame["id"].split()
            if frame["type"] == "complete":
                assert word == "page"
                answers += 1
            elif word == "page":
                assert len(frame["payload"]["data"]["jobs"]["nodes"]) == int(numbers[1]) + 1
            elif word == "job":
                progress = frame["payload"]["data"]["jobUpdates"]["progress"]
                assert progress > last[int(numbers[0])]
                assert progress == 0 or progress % 10 == int(numbers[0]) + 1
                last[int(numbers[0])] = progress
            else:
                update = frame["payload"]["data"]["allJobUpdates"]
                newest[update["job"]["id"]] = update["progress"]
        assert set(newest) == {job.id for job in followed}


async def test_a_job_that_is_deleted_ends_everybodys_updates(live: LiveApi) -> None:
    job = await live.job()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(live.follower(job)) for _ in range(10)]
        await sql.run("DELETE FROM jobs")
        await live.services.events.nudge(jobs.topic(job.row.id))
        for client in clients:
            frame = await client.receive()
            assert frame["type"] == "complete"
            await client.subscribe(JOB, frame["id"], id=job.id)
            refused = await client.receive()
            assert refused["type"] == "error"
            assert refused["payload"][0]["extensions"]["code"] == "NOT_FOUND"


async def _same_id_twice(client: RawSocket, job_id: str) -> None:
    await client.subscribe("1", JOB, id=job_id)


async def _binary(client: RawSocket, job_id: str) -> None:
    client.protocol.send_binary(b'{"type":"ping"}')
    await client._flush()


async def _no_json(client: RawSocket, job_id: str) -> None:
    client.protocol.send_text(b"{")
    await client._flush()


async def _beginning_again(client: RawSocket, job_id: str) -> None:
    await client.send({"type": "connection_init"})


async def _no_frame(client: RawSocket, job_id: str) -> None:
    await client.send_bytes(b"\xff" * 100)


MISDEEDS: dict[Callable[[RawSocket, str], Awaitable[None]], int] = {
    _same_id_twice: 4409,
    _binary: 4400,
    _no_json: 4400,
    _beginning_again: 4429,
    _no_frame: 1002,
}


@pytest.mark.parametrize("misdeed", MISDEEDS, ids=lambda misdeed: misdeed.__name__.strip("_"))
async def test_who_is_closed_takes_nobody_along(
    misdeed: Callable[[RawSocket, str], Awaitable[None]], live: LiveApi
) -> None:
    job = await live.job()
    async with live.follower(job) as follower, live.raw() as client:
        await client.subscribe("1", JOB, id=job.id)
        assert (await client.json())["type"] == "next"
        await misdeed(client, job.id)
        assert await client.close_code() == MISDEEDS[misdeed]
        await live.serves(job, follower, 10.0)
