"""The id of an operation is the client's: each frame carries exactly that, whatever it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.graphql_ws import QUERY, Socket, subscribe_frame
from tests.support.live_api import LiveApi
from tests.support.live_jobs import JOB

SHORT = "subscription ($id: ID!) { jobUpdates(id: $id) { progress } }"
IDS = {
    "10,000 characters": "x" * 10_000,
    "10,000 quotes": '"' * 10_000,
    "quotes and backslashes": '"\\"\\\\"',
    "a whole frame": '","type":"complete","id":"other',
    "emoji": "\U0001f600" * 50,
    "control characters": "".join(map(chr, range(32))) + "\x7f",
    "line separators": "\u2028\u2029\u0085",
    "the end of Unicode": "\U0010ffff\uffff\ufeff",
    "white space": " ",
    "HTML": "</script><!--",
    "a number": "1",
    "null": "null",
    "as long as a frame with a short header": "y" * 74,
    "one character more than a byte counts": "z" * 256,
}


async def snapshot(client: Socket, id: str) -> Any:
    frame = await client.receive()
    assert (frame["type"], frame["id"]) == ("next", id)
    return frame["payload"]["data"]["jobUpdates"]


async def test_every_frame_carries_the_id_of_its_operation(live: LiveApi) -> None:
    job = await live.job()
    async with live.socket() as client:
        for id in IDS.values():
            await client.subscribe(JOB, id, id=job.id)
            assert (await snapshot(client, id))["progress"] == 0
        await job.report(50.0)
        told = {(frame := await client.receive())["id"]: frame for _ in IDS}
        assert set(told) == set(IDS.values())
        assert {frame["payload"]["data"]["jobUpdates"]["progress"] for frame in told.values()} == {50.0}
        await job.complete()
        ends: dict[str, list[str]] = {id: [] for id in IDS.values()}
        for _ in range(2 * len(IDS)):
            frame = await client.receive()
            ends[frame["id"]].append(frame["type"])
        assert set(map(tuple, ends.values())) == {("next", "complete")}


async def test_frames_of_every_length_are_whole(live: LiveApi) -> None:
    """A frame says its length in one byte up to 125, in two up to 65,535, in eight from there on."""
    job = await live.job()
    async with live.socket() as client:
        await client.subscribe(SHORT, "1", id=job.id)
        one = len(await client.connection.recv())
        assert one < 120
        steps = (*range(124, 129), *range(65_533, 65_539), 200_000)
        ids = {"2" * (size - one + 1): size for size in steps}
        for id, size in ids.items():
            await client.subscribe(SHORT, id, id=job.id)
            assert len(await client.connection.recv()) == size
        for progress in ("1.0", "2.0", "3.0"):  # as long as 0.0
            await job.report(float(progress))
            for _ in range(len(ids) + 1):
                text = await client.connection.recv()
                frame = json.loads(text)
                assert len(text) == ids.get(frame["id"], one)
                assert str(frame["payload"]["data"]["jobUpdates"]["progress"]) == progress


async def test_queries_and_errors_carry_it_too(live: LiveApi) -> None:
    async with live.socket() as client:
        for id in IDS.values():
            await client.subscribe(QUERY, id)
            for kind in ("next", "complete"):
                frame = await client.receive()
                assert (frame["type"], frame["id"]) == (kind, id)
            await client.subscribe("{ nothing }", id)
            frame = await client.receive()
            assert (frame["type"], frame["id"]) == ("error", id)


async def test_an_id_is_what_its_escapes_mean(live: LiveApi) -> None:
    job = await live.job()
    async with live.socket() as client:
        escaped = json.dumps(subscribe_frame("a\U0001f600", JOB, id=job.id))
        assert "\\ud83d\\ude00" in escaped
        await client.connection.send(escaped)
        await snapshot(client, "a\U0001f600")
        await client.connection.send(escaped.replace('"a\\ud83d', '"\\u0061\\ud83d'))
        code, reason = await client.closed()
        assert (code, reason) == (4409, "Subscriber for a\U0001f600 already exists")


@pytest.mark.parametrize("lone", ["\\ud800", "\\udc00", "\\ud83dx", "\\ude00\\ud83d"])
async def test_half_a_character_is_no_json_and_closes_the_socket(lone: str, live: LiveApi) -> None:
    """No frame could carry it back: it cannot be written in UTF-8."""
    async with live.socket() as client:
        text = json.dumps(subscribe_frame("LONE", QUERY))
        await client.connection.send(text.replace("LONE", lone))
        code, reason = await client.closed()
        assert (code, bool(reason)) == (4400, True)


async def test_an_id_is_free_again_at_once(live: LiveApi) -> None:
    """After `complete` of the client nothing of the old operation comes any more under the new one's."""
    job = await live.job()
    again = JOB.replace("jobUpdates(", "again: jobUpdates(")
    async with live.socket() as client:
        for number in range(50):
            await client.subscribe(JOB, "one", id=job.id)
            await job.report(number / 10)
            await client.send({"type": "complete", "id": "one"})
            await client.subscribe(again, "one", id=job.id)
            while "again" not in (frame := await client.receive())["payload"]["data"]:
                assert "jobUpdates" in frame["payload"]["data"]
            await job.report(number / 10 + 0.05)
            frame = await client.receive()
            while frame["payload"]["data"]["again"]["progress"] < number / 10 + 0.05:
                frame = await client.receive()
            await client.send({"type": "complete", "id": "one"})
            await client.send({"type": "ping"})
            while (await client.receive())["type"] != "pong":
                pass
