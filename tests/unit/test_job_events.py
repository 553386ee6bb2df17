"""Nudges over Redis, the documented surface and the doorbell, with Redis there and with Redis away."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import orjson
import pytest
from redis.asyncio import Redis

from app import redis_surface
from app.engines import Home, open_engines
from app.events import RedisEvents, open_events
from workers import doorbell
from workers.doorbell import ArqDoorbell, Doorman

MESSAGE_KEYS = {"job_id", "stage", "progress", "status", "message", "timestamp"}


async def _listening(events: RedisEvents) -> None:
    async with asyncio.timeout(10):
        await events.is_listening.wait()


async def test_a_nudge_reaches_other_processes_and_this_one_once(redis_url: str) -> None:
    async with open_events(redis_url) as here, open_events(redis_url) as there:
        await _listening(here)
        await _listening(there)
        async with (
            here.subscribe("job:1") as mine,
            there.subscribe("job:1") as theirs,
            there.subscribe("job:2") as another,
        ):
            await here.nudge("job:1", "jobs")
            assert await mine.wait(1.0)
            assert await theirs.wait(1.0)
            assert not await another.wait(0.2)
            assert not await mine.wait(0.2)


async def test_many_nudges_wake_once(redis_url: str) -> None:
    async with open_events(redis_url) as here, open_events(redis_url) as there:
        await _listening(there)
        async with there.subscribe("jobs") as subscription:
            for _ in range(50):
                await here.nudge("jobs")
            await asyncio.sleep(0.3)
            assert await subscription.wait(5.0)
            assert not await subscription.wait(0.1)


async def test_a_process_holds_one_connection_for_all_its_subscribers(redis_url: str) -> None:
    async with open_events(redis_url) as events:
        await _listening(events)
        client = Redis.from_url(redis_url)
        before = len(await client.client_list(_type="pubsub"))
        subscriptions = [events.subscribe(f"job:{number}") for number in range(200)]
        for subscription in subscriptions:
            await subscription.__aenter__()
        assert events.subscriber_count == 200
        assert len(await client.client_list(_type="pubsub")) == before
        for subscription in subscriptions:
            await subscription.__aexit__()
        assert events.subscriber_count == 0
        await client.aclose()


async def test_a_broken_connection_is_made_again_and_wakes_everybody(redis_url: str) -> None:
    async with open_events(redis_url) as here, open_events(redis_url) as there:
        await _listening(there)
        client = Redis.from_url(redis_url)
        async with there.subscribe("jobs") as subscription:
            await client.client_kill_filter(_type="pubsub")
            assert await subscription.wait(5.0)  # what was missed must be looked for
            await _listening(there)
            await here.nudge("jobs")
            assert await subscription.wait(2.0)
        await client.aclose()


async def test_an_error_of_any_kind_ends_no_listening(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear, errors = RedisEvents._hear, [AttributeError("of a client library")]

    async def fail_once(self: RedisEvents, channel: Any) -> None:
        if errors:
            raise errors.pop()
        await hear(self, channel)

    monkeypatch.setattr(RedisEvents, "_hear", fail_once)
    async with open_events(redis_url) as there, there.subscribe("jobs") as subscription, asyncio.timeout(20):
        while errors or not there.is_listening.is_set():
            await asyncio.sleep(0.01)
        await subscription.wait(0.2)  # woken by the new connection
        async with open_events(redis_url) as here:
            await here.nudge("jobs")
            assert await subscription.wait(5.0)


async def test_an_error_of_any_kind_ends_no_hearing_of_bells(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear, errors = Doorman._hear, [AttributeError("of a client library")]

    async def fail_once(self: Doorman) -> None:
        if errors:
            raise errors.pop()
        await hear(self)

    monkeypatch.setattr(Doorman, "_hear", fail_once)
    heard, bell = Heard(), ArqDoorbell(redis_url)
    listening = asyncio.create_task(Doorman(redis_url, heard.answer, 1).listen())
    assert await bell.ring([uuid4()])
    await heard.wait(1)
    assert errors == []
    await _stopped(listening)
    await bell.close()


async def test_without_redis_nothing_waits(tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/no.sock"
    bell = ArqDoorbell(nowhere)
    async with open_events(nowhere) as events:
        began = time.monotonic()
        async with events.subscribe("jobs") as subscription:
            for _ in range(200):
                await events.nudge("jobs")
                await events.publish_job(_job(), stage=None, change="status")
                assert not await bell.ring([uuid4()])
            assert await subscription.wait(0.0)  # this process hears itself
        assert time.monotonic() - began < 3.0
    await bell.close()


def _job(**given: Any) -> Any:
    values = {
        "id": uuid4(),
        "kind": "PARTICLE_RENDER",
        "state": "PROCESSING",
        "progress": 41.7,
        "message": "drawing",
        "error": None,
        "params": {"a": 1},
        "result": None,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "started_at": None,
        "updated_at": datetime(2026, 1, 2, tzinfo=UTC),
        "completed_at": None,
    }
    return SimpleNamespace(**{**values, **given})


async def test_the_documented_surface(redis_url: str) -> None:
    client = Redis.from_url(redis_url)
    async with client.pubsub() as channels, open_events(redis_url) as events:
        await channels.subscribe(redis_surface.STATUS_CHANNEL, redis_surface.PROGRESS_CHANNEL)
        for _ in range(2):
            await channels.get_message(timeout=1)
        job = _job()
        await events.publish_job(job, stage="render", change="progress")
        await events.publish_job(_job(state="CANCELLED"), stage=None, change="status")
        first = await channels.get_message(timeout=10)
        second = await channels.get_message(timeout=10)
        held = await client.hgetall(f"job:{job.id}")
        left = await client.ttl(f"job:{job.id}")
    await client.aclose()
    assert first["channel"] == b"job_progress_updates"
    assert orjson.loads(first["data"]) == {
        "job_id": str(job.id),
        "stage": "render",
        "progress": 41,
        "status": "processing",
        "message": "drawing",
        "timestamp": "2026-01-02T00:00:00+00:00",
    }
    assert second["channel"] == b"job_status_updates"
    said = orjson.loads(second["data"])
    assert set(said) == MESSAGE_KEYS
    assert (said["status"], said["message"], said["stage"]) == ("failed", "Cancelled", None)
    assert (held[b"id"].decode(), held[b"status"]) == (str(job.id), b"processing")
    assert orjson.loads(held[b"data"])["params"] == {"a": 1}
    assert 24 * 3600 - 10 < left <= 24 * 3600


def test_a_failed_job_says_why() -> None:
    failed = _job(state="FAILED", error={"code": "INTERNAL", "message": "it failed"})
    assert redis_surface.message(failed, None)["message"] == "it failed"
    assert redis_surface.data(failed)["error"] == "it failed"


class Heard:
    """Answers bells, and counts them."""

    def __init__(self) -> None:
        self.count = 0
        self.came = asyncio.Event()

    async def answer(self) -> bool:
        self.count += 1
        self.came.set()
        return True

    async def wait(self, count: int, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while self.count < count:
                self.came.clear()
                await self.came.wait()


async def _stopped(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_each_bell_is_answered_once(redis_url: str) -> None:
    heard = Heard()
    bell = ArqDoorbell(redis_url)
    listening = [asyncio.create_task(Doorman(redis_url, heard.answer, 4).listen()) for _ in range(3)]
    job_id = uuid4()
    assert await bell.ring([job_id] * 5)
    assert await bell.ring([job_id] * 5)
    await heard.wait(10)
    await asyncio.sleep(0.3)
    assert heard.count == 10
    await _stopped(*listening)
    client = Redis.from_url(redis_url)
    assert await client.keys("arq:*") == []  # no results, no leases, no payloads stay
    await client.aclose()
    await bell.close()


async def test_no_more_bells_wait_than_wake_every_idle_slot(redis_url: str) -> None:
    bell = ArqDoorbell(redis_url)
    client = Redis.from_url(redis_url)
    for _ in range(doorbell.MOST_BELLS + 5):
        assert await bell.ring([uuid4(), uuid4()])
    assert await client.zcard(doorbell.QUEUE) == doorbell.MOST_BELLS
    heard = Heard()
    listening = [asyncio.create_task(Doorman(redis_url, heard.answer, 4).listen())]
    await heard.wait(doorbell.MOST_BELLS)
    await _stopped(*listening)
    assert await bell.ring([uuid4()])
    assert await client.zcard(doorbell.QUEUE) == 1
    await client.aclose()
    await bell.close()


async def test_what_cannot_be_sent_keeps_nothing_else_back(redis_url: str) -> None:
    async with open_events(redis_url) as here, open_events(redis_url) as there:
        await _listening(there)
        async with there.subscribe("jobs") as subscription:
            await here.nudge("no text: \ud800")
            await asyncio.sleep(0.1)
            await here.nudge("jobs")
            assert await subscription.wait(5.0)


async def test_what_was_told_is_sent_before_the_end(redis_url: str) -> None:
    """A command that tells of a change and ends at once."""
    async with open_events(redis_url) as there:
        await _listening(there)
        async with there.subscribe("jobs") as subscription:
            async with open_events(redis_url) as here:
                await here.nudge("jobs")
            assert await subscription.wait(2.0)


async def test_hundreds_may_ring_and_nudge_at_once(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than there are connections: they wait for one, and nothing counts as Redis being away."""
    monkeypatch.setattr(doorbell, "RING_SECONDS", 10.0)  # how fast the machine is, is not the question
    bell = ArqDoorbell(redis_url)
    client = Redis.from_url(redis_url)
    async with open_events(redis_url) as events:
        rung = await asyncio.gather(*(bell.ring([uuid4()]) for _ in range(100)))
        await asyncio.gather(*(events.nudge("jobs") for _ in range(100)))
        assert all(rung)
        assert await client.zcard(doorbell.QUEUE) >= doorbell.MOST_BELLS
        assert len(await client.client_list()) < 50
    await client.aclose()
    await bell.close()


async def test_a_full_worker_leaves_bells_to_others(redis_url: str) -> None:
    busy, idle = Heard(), Heard()
    full = Doorman(redis_url, busy.answer, 2)
    full.set_capacity(0)
    listening = [asyncio.create_task(full.listen())]
    bell = ArqDoorbell(redis_url)
    await asyncio.sleep(0.2)
    await bell.ring([uuid4() for _ in range(6)])
    await asyncio.sleep(0.3)
    assert busy.count == 0
    listening.append(asyncio.create_task(Doorman(redis_url, idle.answer, 2).listen()))
    await idle.wait(6)
    assert (busy.count, idle.count) == (0, 6)
    full.set_capacity(2)
    await bell.ring([uuid4()])
    async with asyncio.timeout(10):
        while busy.count + idle.count < 7:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    assert busy.count + idle.count == 7
    await _stopped(*listening)
    await bell.close()


async def test_bells_are_heard_again_when_redis_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis of its own that goes away and comes back with nothing in it."""
    monkeypatch.setattr(doorbell, "AWAY_SECONDS", 0.1)
    home = Home(tmp_path / "home")
    heard = Heard()
    with open_engines(home) as engines:
        url = engines.addresses.redis_url
        bell = ArqDoorbell(url)
        listening = asyncio.create_task(Doorman(url, heard.answer, 2).listen())
        await bell.ring([uuid4()])
        await heard.wait(1)
        client = Redis.from_url(url)
        await client.flushall()
        await client.client_kill_filter(_type="normal", skipme=True)
        await asyncio.sleep(0.3)
        for _ in range(20):
            if await bell.ring([uuid4()]):
                break
            await asyncio.sleep(0.1)
        await heard.wait(2)
        await client.aclose()
    assert not await bell.ring([uuid4()])
    assert not listening.done()
    await _stopped(listening)
    await bell.close()
