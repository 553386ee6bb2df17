"""Too much of everything on one socket: long documents, many operations, large frames."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import orjson
import pytest

from app.api import WEBSOCKET_BYTES
from app.graphql_socket import OPERATIONS_A_SOCKET
from tests.support.graphql_ws import QUERY, Socket, subscribe_frame
from tests.support.live_api import LiveApi
from tests.support.live_jobs import JOB

LONG = 10_000
SHORT = "subscription ($id: ID!) { jobUpdates(id: $id) { progress %s } }"
LONG_DOCUMENTS = {
    "a comment": "#" * (LONG - len(JOB) - 1) + "\n" + JOB,
    "white space": JOB + " \n\t," * LONG,
    "a name": JOB.replace("subscription", "subscription " + "n" * LONG, 1),
    "long aliases": SHORT % " ".join(f"{'a' * 170}{number}: progress" for number in range(59)),
}
TOO_LONG_DOCUMENTS = {
    "the same field again and again": SHORT % ("progress " * (LONG // 9)),
    "aliases": SHORT % " ".join(f"a{number}: progress" for number in range(LONG // 14)),
    "nesting": SHORT % ("job { " * (LONG // 6)),
    "directives": SHORT % ("progress " + "@include(if: true) " * (LONG // 19)),
    "tokens": SHORT % ("progress " * LONG),
    "no end": "subscription {" + "a" * LONG,
}


async def each_next(client: Socket, ids: list[str]) -> dict[str, Any]:
    """One update of each of these operations."""
    told: dict[str, Any] = {}
    while len(told) < len(ids):
        frame = await client.receive()
        assert frame["type"] == "next", frame
        assert frame["id"] not in told, frame
        told[frame["id"]] = frame["payload"]["data"]["jobUpdates"]
    assert set(told) == set(ids)
    return told


@pytest.mark.parametrize("document", LONG_DOCUMENTS.values(), ids=list(LONG_DOCUMENTS))
async def test_a_long_subscription_is_served_like_a_short_one(document: str, live: LiveApi) -> None:
    job = await live.job()
    async with live.socket() as client:
        id = await client.subscribe(document, id=job.id)
        await each_next(client, [id])
        await job.report(25.0)
        assert (await each_next(client, [id]))[id]["progress"] == 25.0


async def test_a_long_name_of_an_operation_is_no_long_series(live: LiveApi) -> None:
    job = await live.job()
    name = "n" * LONG
    async with live.socket() as client:
        id = await client.subscribe(JOB.replace("subscription", f"subscription {name}", 1), id=job.id)
        await each_next(client, [id])
        await client.subscribe(f"query {name} {QUERY}")
        assert (await client.receive())["type"] == "next"
        metrics = (await live.http.get("/metrics")).text
        assert max(map(len, metrics.splitlines())) < 1_000


@pytest.mark.parametrize("document", TOO_LONG_DOCUMENTS.values(), ids=list(TOO_LONG_DOCUMENTS))
async def test_one_beyond_the_limits_is_an_error_and_the_socket_goes_on(document: str, live: LiveApi) -> None:
    job = await live.job()
    async with live.socket() as client:
        good = await client.subscribe(JOB, id=job.id)
        await each_next(client, [good])
        for _ in range(3):
            bad = await client.subscribe(document, id=job.id)
            frame = await client.receive()
            assert (frame["type"], frame["id"]) == ("error", bad)
            assert len(frame["payload"][0]["message"]) < 1_000
        await job.report(25.0)
        assert (await each_next(client, [good]))[good]["progress"] == 25.0


async def test_operations_beyond_the_limit_are_errors_and_the_rest_get_every_event(live: LiveApi) -> None:
    job = await live.job()
    async with live.socket() as client:
        sent = [await client.subscribe(JOB, id=job.id) for _ in range(2 * OPERATIONS_A_SOCKET)]
        frames = [await client.receive() for _ in sent]
        assert Counter(frame["type"] for frame in frames) == {"next": 100, "error": 100}
        refused = [frame for frame in frames if frame["type"] == "error"]
        assert all("limit" in frame["payload"][0]["message"].lower() for frame in refused)
        begun = [frame["id"] for frame in frames if frame["type"] == "next"]
        assert len({*begun, *(frame["id"] for frame in refused)}) == len(sent)
        cursors = set()
        for progress in (10.0, 20.0, 30.0, 40.0):
            await job.report(progress)
            told = await each_next(client, begun)
            assert {update["progress"] for update in told.values()} == {progress}
            cursors |= {update["cursor"] for update in told.values()}
        assert len(cursors) == 4
        await job.complete()
        ends: dict[str, list[str]] = {id: [] for id in begun}
        for _ in range(2 * len(begun)):
            frame = await client.receive()
            ends[frame["id"]].append(frame["type"])
        assert set(map(tuple, ends.values())) == {("next", "complete")}
        other = await live.job()
        fresh = [await client.subscribe(JOB, id=other.id) for _ in range(OPERATIONS_A_SOCKET)]
        await each_next(client, fresh)  # every place is free again


async def test_a_frame_may_be_as_large_as_the_limit_and_no_larger(live: LiveApi) -> None:
    job = await live.job()
    text = orjson.dumps(subscribe_frame("1", JOB, id=job.id)).decode()
    async with live.follower(job) as follower, live.socket() as client:
        await client.connection.send(text + " " * (WEBSOCKET_BYTES - len(text)))
        await each_next(client, ["1"])
        await live.serves(job, follower, 10.0)
        assert (await each_next(client, ["1"]))["1"]["progress"] == 10.0
        await client.connection.send(text.replace('"1"', '"2"') + " " * (WEBSOCKET_BYTES + 1 - len(text)))
        assert (await client.closed())[0] == 1009
        await live.serves(job, follower, 20.0)


async def test_a_storm_of_completes_for_what_never_was_changes_nothing(live: LiveApi) -> None:
    job = await live.job()
    async with live.socket() as client:
        id = await client.subscribe(JOB, id=job.id)
        await each_next(client, [id])
        for number in range(5_000):
            await client.send({"type": "complete", "id": f"never {number}"})
        await job.report(10.0)
        assert (await each_next(client, [id]))[id]["progress"] == 10.0


async def test_500_come_and_go_at_once(live: LiveApi) -> None:
    job = await live.job()

    async def come_and_go(number: int) -> None:
        async with live.raw() as client:
            await client.subscribe("1", JOB, id=job.id)
            if number % 3 == 0:
                await client.json()
            elif number % 3 == 1:
                await client.send_close()

    async with live.follower(job) as follower:
        for start in range(0, 500, 50):
            await asyncio.gather(*(come_and_go(start + number) for number in range(50)))
            await live.serves(job, follower, start / 10)


async def test_500_operations_come_and_go_at_once_on_one_socket(live: LiveApi) -> None:
    job = await live.job()
    async with live.socket() as client:
        for number in range(500):
            await client.subscribe(JOB, "one", id=job.id)
            await client.send({"type": "complete", "id": "one"})
            if number % 100 == 0:
                await job.report(number / 100)
        await client.subscribe(QUERY, "last")
        while (frame := await client.receive())["id"] != "last":
            assert (frame["type"], frame["id"]) == ("next", "one")
        assert (await client.receive())["type"] == "complete"
        await job.report(99.0)
        await client.is_told_nothing()
