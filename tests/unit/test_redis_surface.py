"""The documented Redis surface of jobs, and what is kept for it while Redis does not take it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import orjson
import pytest
from redis.asyncio import Redis

from app import events as sending
from app import redis_surface
from app.events import RedisEvents, open_events
from app.redis_surface import Change, Unsent
from tests.support.fault_proxy import FaultProxy

MESSAGE_KEYS = {"job_id", "stage", "progress", "status", "message", "timestamp"}


async def test_without_redis_nothing_waits(tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/no.sock"
    async with open_events(nowhere) as events:
        began = time.monotonic()
        async with events.subscribe("jobs") as subscription:
            for _ in range(200):
                await events.nudge("jobs")
                await events.publish_job(_job(), stage=None, change="status")
            assert await subscription.wait(0.0)  # this process hears itself
        assert time.monotonic() - began < 3.0


def _job(**given: Any) -> Any:
    values = {
        "id": uuid4(),
        "version": 1,
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


async def _status(client: Any, job: Any, status: bytes) -> None:
    """Wait until the hash of the job says so."""
    async with asyncio.timeout(20):
        while await client.hget(f"job:{job.id}", "status") != status:
            await asyncio.sleep(0.01)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Any]:
    async with Redis.from_url(redis_url) as found:
        yield found


@pytest.fixture
async def told(client: Any) -> AsyncIterator[Any]:
    """`await told(n)`: the next n changes on the documented channels, as (job, status)."""
    async with client.pubsub(ignore_subscribe_messages=True) as channels:
        await channels.subscribe(redis_surface.STATUS_CHANNEL, redis_surface.PROGRESS_CHANNEL)

        async def following(number: int) -> list[tuple[str, str]]:
            found: list[tuple[str, str]] = []
            async with asyncio.timeout(20):
                while len(found) < number:
                    if (message := await channels.get_message(timeout=1.0)) is not None:
                        said = orjson.loads(message["data"])
                        found.append((said["job_id"], said["status"]))
            return found

        yield following


def _later(job: Any, version: int, state: str) -> Any:
    return _job(id=job.id, version=version, state=state)


async def test_what_comes_late_does_not_go_over_what_is_newer(redis_url: str, client: Any, told: Any) -> None:
    job, another = _job(version=3, state="COMPLETED"), _job(state="PENDING")
    async with open_events(redis_url) as worker, open_events(redis_url) as api:
        await worker.publish_job(job, stage=None, change="status")
        await _status(client, job, b"completed")
        await api.publish_job(_later(job, 1, "PENDING"), stage=None, change="status")
        await api.publish_job(another, stage=None, change="status")
        await _status(client, another, b"pending")
    assert await client.hget(f"job:{job.id}", "status") == b"completed"
    assert await told(2) == [(str(job.id), "completed"), (str(another.id), "pending")]
    assert set(await client.hgetall(f"job:{job.id}")) == {b"id", b"status", b"data"}  # as documented
    assert 24 * 3600 - 60 < await client.ttl(f"job_version:{job.id}") <= 24 * 3600


async def test_an_end_while_redis_was_away_is_told_when_it_is_back(
    redis_url: str, client: Any, told: Any
) -> None:
    job, another = _job(version=2), _job()
    async with FaultProxy.before(redis_url) as proxy, open_events(proxy.url) as events:
        await events.publish_job(job, stage=None, change="status")
        await _status(client, job, b"processing")
        proxy.refuse()
        await events.publish_job(_later(job, 3, "PROCESSING"), stage=None, change="progress")
        await asyncio.sleep(0.1)  # it was tried by now, or will be sent with the end
        await events.publish_job(_later(job, 4, "COMPLETED"), stage=None, change="status")
        assert await client.hget(f"job:{job.id}", "status") == b"processing"
        proxy.heal()
        await _status(client, job, b"completed")
        await events.publish_job(another, stage=None, change="status")
        await _status(client, another, b"processing")
    assert await told(3) == [
        (str(job.id), "processing"),
        (str(job.id), "completed"),
        (str(another.id), "processing"),
    ]


async def test_what_arrived_though_its_answer_did_not_is_told_once(
    redis_url: str, client: Any, told: Any
) -> None:
    job, another = _job(state="COMPLETED"), _job()
    async with FaultProxy.before(redis_url) as proxy, open_events(proxy.url) as events:
        caught = proxy.trap(b"EVAL", delivers=True)
        await events.publish_job(job, stage=None, change="status")
        async with asyncio.timeout(10):
            await caught.wait()
        await _status(client, job, b"completed")
        await asyncio.sleep(0.5)  # it is given up after half of it
        proxy.heal()
        await events.publish_job(another, stage=None, change="status")
        await _status(client, another, b"processing")
    assert await told(2) == [(str(job.id), "completed"), (str(another.id), "processing")]


async def test_one_that_redis_refuses_keeps_no_other_and_no_nudge_back(redis_url: str, client: Any) -> None:
    refused, another = _job(), _job()
    await client.set(f"job:{refused.id}", "no hash")
    async with open_events(redis_url) as there, open_events(redis_url) as here:
        async with asyncio.timeout(10):
            await there.is_listening.wait()
        async with there.subscribe("jobs") as subscription:
            await here.publish_job(refused, stage=None, change="status")
            await here.publish_job(another, stage=None, change="status")
            await here.nudge("jobs")
            assert await subscription.wait(5.0)
            await _status(client, another, b"processing")
            await client.delete(f"job:{refused.id}")
            await _status(client, refused, b"processing")


async def test_what_could_not_be_sent_is_tried_once_more_before_the_end(
    redis_url: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "ANSWER_SECONDS", 5.0)  # a busy machine is no Redis that is away
    jobs = [_job() for _ in range(3 * redis_surface.AT_ONCE)]
    async with FaultProxy.before(redis_url) as proxy, open_events(proxy.url) as events:
        proxy.refuse()
        for job in jobs:
            await events.publish_job(job, stage=None, change="status")
        async with asyncio.timeout(10):
            while not events.unsent_count:
                await asyncio.sleep(0.01)
        proxy.heal()
        events.finish()
        async with asyncio.timeout(10):
            while events.unsent_count:
                await asyncio.sleep(0.01)
    assert len(await client.keys("job:*")) == len(jobs)


async def _refused(client: Any, *jobs: Any) -> None:
    """Redis refuses every change of these jobs."""
    for job in jobs:
        await client.set(f"job:{job.id}", "no hash")


async def _unsent(events: RedisEvents, number: int) -> None:
    async with asyncio.timeout(20):
        while events.unsent_count != number:
            await asyncio.sleep(0.01)


async def test_nothing_is_tried_turn_after_turn_while_redis_is_away(
    redis_url: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change was refused, and Redis went away before that is to be tried again."""
    job, turns, send_lot = _job(), [], RedisEvents._send_lot

    async def counted(self: RedisEvents) -> None:
        turns.append(time.monotonic())
        await send_lot(self)

    monkeypatch.setattr(RedisEvents, "_send_lot", counted)
    await _refused(client, job)
    async with FaultProxy.before(redis_url) as proxy, open_events(proxy.url) as events:
        await events.publish_job(job, stage=None, change="status")
        await _unsent(events, 1)
        proxy.refuse()
        await asyncio.sleep(0.5)
        await events.nudge("jobs")
        await asyncio.sleep(sending.AWAY_SECONDS)
        assert 2 <= len(turns) < 20
        proxy.heal()


async def test_one_that_redis_goes_on_refusing_puts_no_other_off(redis_url: str, client: Any) -> None:
    refused, another = _job(), _job(state="COMPLETED")
    await _refused(client, refused, another)
    async with open_events(redis_url) as events:
        await events.publish_job(another, stage=None, change="status")
        await _unsent(events, 1)
        await client.delete(f"job:{another.id}")
        async with asyncio.timeout(15 * sending.AWAY_SECONDS):
            version = 1
            while await client.hget(f"job:{another.id}", "status") is None:
                version += 1
                await events.publish_job(
                    _later(refused, version, "PROCESSING"), stage=None, change="progress"
                )
                await asyncio.sleep(sending.AWAY_SECONDS / 4)
        await _unsent(events, 1)


@pytest.mark.parametrize(
    ("refused", "away_seconds"),
    [(1, sending.AWAY_SECONDS), (3 * redis_surface.AT_ONCE, 0.0)],  # 0: due again at once
)
async def test_at_the_end_what_redis_refuses_keeps_no_other_back_and_has_an_end(
    refused: int, away_seconds: float, redis_url: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "ANSWER_SECONDS", 5.0)
    jobs = [_job() for _ in range(3 * redis_surface.AT_ONCE)]
    await _refused(client, *jobs[:refused])
    async with FaultProxy.before(redis_url) as proxy, asyncio.timeout(20):
        async with open_events(proxy.url) as events:
            proxy.refuse()
            for job in jobs:
                await events.publish_job(job, stage=None, change="status")
            await _unsent(events, len(jobs))
            proxy.heal()
            monkeypatch.setattr(sending, "AWAY_SECONDS", away_seconds)
        assert events.unsent_count == refused


def test_of_what_is_not_sent_the_newest_change_of_each_job_is_kept_and_not_without_end() -> None:
    unsent, jobs = Unsent(most=3), [_job(version=2) for _ in range(4)]
    first, second, third, fourth = (Change.of(job, None, "status") for job in jobs)
    unsent.keep([first, second, third], due_at=1.0)
    unsent.keep([Change.of(_later(jobs[0], 1, "PENDING"), None, "status")], due_at=1.0)
    assert unsent.take(9, now=1.0) == [first, second, third]
    newer = Change.of(_later(jobs[0], 3, "COMPLETED"), None, "status")
    unsent.keep([first, second, third, newer, fourth], due_at=1.0)
    assert len(unsent) == 3
    assert unsent.take(2, now=1.0) == [third, newer]
    assert unsent.take(2, now=1.0) == [fourth]
    assert not unsent


def test_each_unsent_change_is_due_at_its_own_time() -> None:
    unsent, jobs = Unsent(), [_job(version=2) for _ in range(2)]
    first, second = (Change.of(job, None, "status") for job in jobs)
    assert unsent.due_at == math.inf
    unsent.keep([first], due_at=1.0)
    unsent.keep([second], due_at=2.0)
    newer = Change.of(_later(jobs[0], 3, "COMPLETED"), None, "status")
    unsent.keep([newer], due_at=3.0)
    assert unsent.due_at == 2.0
    assert unsent.take(9, now=1.9) == []
    assert unsent.take(9, now=2.0) == [second]
    assert (unsent.due_at, len(unsent)) == (3.0, 1)
    unsent.make_due(2.5)
    assert unsent.take(9, now=2.5) == [newer]
