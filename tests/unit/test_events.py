"""Nudges over Redis and the documented surface, with Redis there and with Redis away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import orjson
import pytest
from redis.asyncio import Redis

from app import redis_surface
from app.events import RedisEvents, open_events
from app.redis_surface import Change, Unsent
from tests.support.fault_proxy import FaultProxy

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


@asynccontextmanager
async def _a_silent_peer() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """The port of one that accepts connections and never answers, also not after the block; and
    an event that says that somebody waits for it. It accepts no more when the block ends."""
    waits = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waits.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], waits
    finally:
        server.close()


async def test_a_peer_that_never_answers_is_given_up_for_the_redis_that_comes_in_its_place(
    redis_url: str,
) -> None:
    async with _a_silent_peer() as (port, waits):
        events = RedisEvents(f"redis://127.0.0.1:{port}/0")
        listening = asyncio.create_task(events.listen())
        async with asyncio.timeout(10):
            await waits.wait()
    try:
        async with FaultProxy.before(redis_url, port=port), asyncio.timeout(20):
            await events.is_listening.wait()
            async with open_events(redis_url) as there, events.subscribe("jobs") as subscription:
                await there.nudge("jobs")
                assert await subscription.wait(5.0)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await events.close()


async def test_nobody_listens_before_redis_has_said_so(redis_url: str) -> None:
    async with FaultProxy.before(redis_url) as proxy:
        asked = proxy.trap(b"SUBSCRIBE", delivers=False)
        async with open_events(proxy.url) as events:
            async with asyncio.timeout(10):
                await asked.wait()
            await asyncio.sleep(0.1)
            assert not events.is_listening.is_set()
            assert events.unheard_seconds > 0.0
            proxy.heal()
            await _listening(events)
            assert events.unheard_seconds == 0.0


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


async def test_hundreds_may_nudge_at_once(redis_url: str) -> None:
    """More than there are connections."""
    client = Redis.from_url(redis_url)
    async with open_events(redis_url) as there, open_events(redis_url) as events:
        await _listening(there)
        async with there.subscribe("jobs") as subscription:
            await asyncio.gather(*(events.nudge("jobs") for _ in range(100)))
            assert await subscription.wait(5.0)
        assert len(await client.client_list()) < 50
    await client.aclose()


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
        await _listening(there)
        async with there.subscribe("jobs") as subscription:
            await here.publish_job(refused, stage=None, change="status")
            await here.publish_job(another, stage=None, change="status")
            await here.nudge("jobs")
            assert await subscription.wait(5.0)
            await _status(client, another, b"processing")
            await client.delete(f"job:{refused.id}")
            await _status(client, refused, b"processing")


async def test_what_could_not_be_sent_is_tried_once_more_before_the_end(redis_url: str, client: Any) -> None:
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


def test_of_what_is_not_sent_the_newest_change_of_each_job_is_kept_and_not_without_end() -> None:
    unsent, jobs = Unsent(most=3), [_job(version=2) for _ in range(4)]
    first, second, third, fourth = (Change.of(job, None, "status") for job in jobs)
    unsent.keep([first, second, third])
    unsent.keep([Change.of(_later(jobs[0], 1, "PENDING"), None, "status")])
    assert unsent.take(9) == [first, second, third]
    newer = Change.of(_later(jobs[0], 3, "COMPLETED"), None, "status")
    unsent.keep([first, second, third, newer, fourth])
    assert len(unsent) == 3
    assert unsent.take(2) == [third, newer]
    assert unsent.take(2) == [fourth]
    assert not unsent
