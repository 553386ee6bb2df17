"""Operations that meddle with each other: on one socket, or beside others that follow the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from db import sql
from domain import jobs
from tests.support.graphql_ws import Socket
from tests.support.live_api import LiveApi
from tests.support.live_jobs import ALL, JOB
from tests.support.raw_ws import RawSocket

CHOSEN = """subscription ($id: ID!, $message: Boolean!) { jobUpdates(id: $id) {
  progress message @include(if: $message) } }"""
TWO = """subscription One($id: ID!) { jobUpdates(id: $id) { progress } }
subscription Two($id: ID!) { jobUpdates(id: $id) { two: progress } }"""
EACH = "query ($first: Int!) { jobs(first: $first) { nodes { id } } }"


async def told(client: Socket, id: str) -> Any:
    """The next frame of a socket with one operation."""
    frame = await client.receive()
    assert (frame["type"], frame["id"]) == ("next", id), frame
    (update,) = frame["payload"]["data"].values()
    return update


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
        await client.send({"type": "ping"})
        assert (await client.receive())["type"] == "pong"


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


async def test_documents_and_variables_that_look_alike_are_told_apart_or_answered_alike(
    live: LiveApi,
) -> None:
    job, other = await live.job(), await live.job()
    spaced = JOB.replace(" ", "\n\t, ").replace("{", "{ # a comment\n")
    async with live.socket() as client:
        await client.subscribe(JOB, "as it is", id=job.id)
        await client.subscribe(spaced, "white space", id=job.id)
        await client.subscribe(JOB, "null", id=job.id, after=None)
        await client.subscribe(JOB, "null first", after=None, id=job.id)
        await client.subscribe(JOB, "unknown", id=job.id, nonsense={"b": 1, "a": [2]})
        await client.subscribe(JOB, "upper case", id=job.id.upper())
        await client.subscribe(JOB, "other", id=other.id)
        frames = [await client.receive() for _ in range(7)]
        assert {frame["type"] for frame in frames} == {"next"}, frames
        await job.report(10.0)
        await other.report(20.0)
        seen = {}
        for _ in range(7):
            frame = await client.receive()
            seen[frame["id"]] = frame["payload"]["data"]["jobUpdates"]
        assert seen.pop("other")["progress"] == 20.0
        assert {update["progress"] for update in seen.values()} == {10.0}
        assert len(set(map(json.dumps, seen.values()))) == 1


async def test_what_python_takes_for_equal_is_not_for_graphql(live: LiveApi) -> None:
    """1 and 1.0 and true are equal there, and have the same hash."""
    job = await live.job()
    async with live.socket() as client:
        await client.subscribe(CHOSEN, "true", id=job.id, message=True)
        assert "message" in await told(client, "true")
        await client.subscribe(CHOSEN, "false", id=job.id, message=False)
        assert "message" not in await told(client, "false")
        for wrong in (1, 0, 1.0, "true", None, [True]):
            await client.subscribe(CHOSEN, "wrong", id=job.id, message=wrong)
            frame = await client.receive()
            assert (frame["type"], frame["id"]) == ("error", "wrong"), wrong
        await job.report(10.0, "said")
        frames = [await client.receive() for _ in range(2)]
        assert {frame["id"]: frame["payload"]["data"]["jobUpdates"] for frame in frames} == {
            "true": {"progress": 10.0, "message": "said"},
            "false": {"progress": 10.0},
        }


ODD_VARIABLES = {
    "many": "[" + ",".join(map(str, range(20_000))) + "]",
    "large numbers": "[1e308, -1e308, 123456789012345678901234567890, 5e-324]",
    "no numbers": "[NaN, Infinity, -Infinity]",
    "the same name twice": '{"a": 1, "a": 2}',
}


@pytest.mark.parametrize("odd", ODD_VARIABLES.values(), ids=list(ODD_VARIABLES))
async def test_variables_that_nobody_asks_for_do_no_harm(odd: str, live: LiveApi) -> None:
    job = await live.job()
    async with live.follower(job) as follower, live.socket() as client:
        for id in ("1", "2"):
            frame = {"type": "subscribe", "id": id, "payload": {"query": JOB, "variables": {"id": job.id}}}
            text = json.dumps(frame).replace('"variables": {', f'"variables": {{"odd": {odd}, ')
            await client.connection.send(text)
            await told(client, id)
        await live.serves(job, follower, 10.0)
        assert {(await client.receive())["id"] for _ in range(2)} == {"1", "2"}


async def test_operations_of_one_document_are_told_apart(live: LiveApi) -> None:
    job = await live.job()
    async with live.socket() as client:
        for name in ("One", "Two"):
            payload = {"query": TWO, "variables": {"id": job.id}, "operationName": name}
            await client.send({"type": "subscribe", "id": name, "payload": payload})
            await told(client, name)
        await job.report(10.0)
        frames = [await client.receive() for _ in range(2)]
        assert {frame["id"]: frame["payload"]["data"]["jobUpdates"] for frame in frames} == {
            "One": {"progress": 10.0},
            "Two": {"two": 10.0},
        }


async def test_filters_are_told_apart_whatever_the_order_of_their_fields(live: LiveApi) -> None:
    job = await live.job()
    async with live.socket() as client:
        kind, status = ["PARTICLE_RENDER"], ["PROCESSING"]
        await client.subscribe(ALL, "a", filter={"kind": kind, "status": status})
        await client.subscribe(ALL, "b", filter={"status": status, "kind": kind})
        await client.subscribe(ALL, "c", filter={"status": ["COMPLETED"], "kind": kind})
        assert {(await client.receive())["id"] for _ in range(2)} == {"a", "b"}
        await job.report(10.0)
        assert {(await client.receive())["id"] for _ in range(2)} == {"a", "b"}
        await job.complete()
        frame = await client.receive()
        assert (frame["id"], frame["payload"]["data"]["allJobUpdates"]["status"]) == ("c", "COMPLETED")


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
