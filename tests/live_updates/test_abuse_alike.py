"""Subscriptions that look alike: no two that mean different things are taken for one."""

from __future__ import annotations

import json

import pytest

from tests.support.graphql_ws import subscribe_frame
from tests.support.live_api import LiveApi
from tests.support.live_jobs import ALL, JOB

CHOSEN = """subscription ($id: ID!, $message: Boolean!) { jobUpdates(id: $id) {
  progress message @include(if: $message) } }"""
TWO = """subscription One($id: ID!) { jobUpdates(id: $id) { progress } }
subscription Two($id: ID!) { jobUpdates(id: $id) { two: progress } }"""


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
        assert "message" in await client.update("true")
        await client.subscribe(CHOSEN, "false", id=job.id, message=False)
        assert "message" not in await client.update("false")
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
            text = json.dumps(subscribe_frame(id, JOB, odd="ODD", id=job.id)).replace('"ODD"', odd)
            await client.connection.send(text)
            await client.update(id)
        await live.serves(job, follower, 10.0)
        assert {(await client.receive())["id"] for _ in range(2)} == {"1", "2"}


async def test_operations_of_one_document_are_told_apart(live: LiveApi) -> None:
    job = await live.job()
    async with live.socket() as client:
        for name in ("One", "Two"):
            frame = subscribe_frame(name, TWO, id=job.id)
            frame["payload"]["operationName"] = name
            await client.send(frame)
            await client.update(name)
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
