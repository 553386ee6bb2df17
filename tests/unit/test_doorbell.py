"""Bells: rung, heard once, and not waited for; with Redis there and with Redis away."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from uuid import uuid4

import pytest
import uvloop
from redis.asyncio import Redis

from app.engines import Home, open_engines
from tests.support.fault_proxy import FaultProxy
from workers import doorbell
from workers.doorbell import ArqDoorbell, Doorman


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast the machine is, is not the question."""
    monkeypatch.setattr(doorbell, "RING_SECONDS", 10.0)


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


async def _none_left(client: Redis) -> None:
    """A bell goes from the queue after its answer."""
    async with asyncio.timeout(10):
        while await client.zcard(doorbell.QUEUE):
            await asyncio.sleep(0.02)


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
    client = Redis.from_url(redis_url)
    await heard.wait(10)
    await _none_left(client)
    await asyncio.sleep(0.3)
    assert heard.count == 10
    await _stopped(*listening)
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
    await _none_left(client)
    await _stopped(*listening)
    assert await bell.ring([uuid4()])
    assert await client.zcard(doorbell.QUEUE) == 1
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


async def test_without_redis_a_ring_waits_for_nothing(tmp_path: Path) -> None:
    bell = ArqDoorbell(f"unix://{tmp_path}/no.sock")
    began = time.monotonic()
    for _ in range(200):
        assert not await bell.ring([uuid4()])
    assert time.monotonic() - began < 3.0
    await bell.close()


async def test_hundreds_may_ring_at_once(redis_url: str) -> None:
    """More than there are connections: they wait for one, and it does not count as Redis being away."""
    bell = ArqDoorbell(redis_url)
    client = Redis.from_url(redis_url)
    assert all(await asyncio.gather(*(bell.ring([uuid4()]) for _ in range(100))))
    assert await client.zcard(doorbell.QUEUE) >= doorbell.MOST_BELLS
    assert len(await client.client_list()) < 50
    await client.aclose()
    await bell.close()


def test_a_connection_that_is_cut_in_any_moment_is_a_bell_that_was_not_rung(redis_url: str) -> None:
    """Under uvloop, as the server runs: there a write to what has just been cut is a RuntimeError."""

    async def rung_while_cut() -> int:
        unrung = 0
        async with FaultProxy.before(redis_url) as proxy:
            for number in range(60):
                bell = ArqDoorbell(proxy.url)
                assert await bell.ring([uuid4()])
                rings = [asyncio.create_task(bell.ring([uuid4()])) for _ in range(6)]
                await asyncio.sleep(number % 5 / 1000)
                proxy.reset()
                rings += [asyncio.create_task(bell.ring([uuid4()])) for _ in range(3)]
                unrung += (await asyncio.gather(*rings)).count(False)
                await bell.close()
        return unrung

    assert uvloop.run(rung_while_cut()) > 0
