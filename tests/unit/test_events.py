"""Nudges over Redis and the documented surface, with Redis there and with Redis away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from app.events import RedisEvents, open_events
from tests.support.fault_proxy import FaultProxy


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
