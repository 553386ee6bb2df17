"""Observers of jobs: what they see never goes back, and they see the end though no nudge ever comes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import connect

from db import job_moves, sql
from domain import jobs, particles
from domain.accounts import Viewer
from domain.jobs.protocol import MAX_CRASHES
from domain.ports import Events, Services
from tests.support.fault_proxy import FaultProxy
from tests.support.figures import Figures
from tests.support.graphql_ws import Socket, socket
from tests.support.live_jobs import ALL, JOB, KIND, LEASE_SECONDS, STAGES, LiveJob, running, submitted
from tests.support.rows import a_system
from tests.support.server import Server, address, environment, starling, stop

OBSERVERS = 20
END_SECONDS = 6.0
JOBS = 8


@asynccontextmanager
async def _served(database_url: str, redis_url: str, home: Path) -> AsyncIterator[Server]:
    """An API whose start this loop does not wait for: the proxies that it needs are served here."""
    home.mkdir()
    given = environment(home, DATABASE_URL=database_url, REDIS_URL=redis_url)
    process = starling(["api", "--port", "0"], given, home / "api.log")
    try:
        url = await asyncio.to_thread(address, process, home / "api.log")
        yield Server(url, database_url, redis_url, home, process)
    finally:
        await asyncio.to_thread(stop, process)


async def _status(client: Socket) -> str:
    frame = await client.receive()
    assert frame["type"] == "next", frame
    (update,) = frame["payload"]["data"].values()
    return str(update["status"])


async def _end(client: Socket) -> float:
    """When the end came."""
    while await _status(client) != "COMPLETED":
        pass
    return time.monotonic()


async def _seconds_to_the_end(url: str, job: LiveJob) -> float:
    """Of the slowest of those who watch it, or everything, some of whom came back in the middle."""
    async with AsyncExitStack() as stack:
        clients = []
        for number in range(OBSERVERS):
            client = await stack.enter_async_context(socket(url, ping_interval=None))
            await client.subscribe(ALL if number % 4 == 0 else JOB, **_of(job, number))
            first = await client.receive()
            assert first["type"] == "next", first
            if number % 2:
                (update,) = first["payload"]["data"].values()
                client.connection.transport.abort()
                client = await stack.enter_async_context(socket(url, ping_interval=None))
                await client.subscribe(JOB, **{**_of(job, number), "after": update["cursor"]})
            clients.append(client)
        await asyncio.sleep(0.3)  # they wait
        ends = [asyncio.create_task(_end(client)) for client in clients]
        began = time.monotonic()
        await job.complete()
        return max(await asyncio.gather(*ends)) - began


def _of(job: LiveJob, number: int) -> dict[str, Any]:
    return {} if number % 4 == 0 else {"id": job.id}


@pytest.mark.promise("P11")
@pytest.mark.timeout(180)
async def test_the_end_is_seen_though_every_nudge_is_lost(
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    services: Services,
    viewer: Viewer,
    figures: Figures,
) -> None:
    async with (
        FaultProxy.before(redis_url) as proxy,
        _served(database_url, proxy.url, tmp_path / "api") as api,
    ):
        job = await running(viewer, services)
        proxy.blackhole()  # its subscription is open, and silent
        seconds = await _seconds_to_the_end(api.base_url, job)
        figures.within("P11", "the end is seen, all nudges swallowed", seconds, END_SECONDS)
        proxy.refuse()
        job = await running(viewer, services)
        seconds = await _seconds_to_the_end(api.base_url, job)
        figures.within("P11", "the end is seen, Redis away", seconds, END_SECONDS)
        assert "Traceback" not in api.log("api"), api.log("api")[-3000:]


@asynccontextmanager
async def _killed_subscriptions(redis_url: str) -> AsyncIterator[None]:
    client = Redis.from_url(redis_url)

    async def kill() -> None:
        while True:
            await client.client_kill_filter(_type="pubsub")
            await asyncio.sleep(0.005)

    killing = asyncio.create_task(kill())
    try:
        yield
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
        await client.aclose()


@pytest.mark.promise("P11")
@pytest.mark.timeout(180)
async def test_the_end_is_seen_though_no_subscription_lives_long(
    api: Server, redis_url: str, services: Services, viewer: Viewer, figures: Figures
) -> None:
    job = await running(viewer, services)
    async with _killed_subscriptions(redis_url):
        seconds = await _seconds_to_the_end(api.base_url, job)
    figures.within("P11", "the end is seen, subscriptions killed in a loop", seconds, END_SECONDS)


@pytest.mark.promise("P11")
@pytest.mark.timeout(180)
async def test_the_end_is_seen_though_the_database_was_away_meanwhile(
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    services: Services,
    viewer: Viewer,
    figures: Figures,
) -> None:
    async with (
        FaultProxy.before(database_url) as proxy,
        _served(proxy.url, redis_url, tmp_path / "api") as api,
    ):
        job = await running(viewer, services)
        async with AsyncExitStack() as stack:
            clients = []
            for number in range(OBSERVERS):
                client = await stack.enter_async_context(socket(api.base_url, ping_interval=None))
                await client.subscribe(ALL if number % 4 == 0 else JOB, **_of(job, number))
                assert await _status(client) == "PROCESSING"
                clients.append(client)
            ends = [asyncio.create_task(_end(client)) for client in clients]
            proxy.refuse()
            await job.report(50.0)
            await asyncio.sleep(3.0)
            await job.complete()
            assert not any(end.done() for end in ends)
            began = time.monotonic()
            proxy.heal()
            seconds = max(await asyncio.gather(*ends)) - began
        figures.within("P11", "the end is seen after the database was away", seconds, END_SECONDS)
        assert '"ERROR"' not in api.log("api"), api.log("api")[-3000:]


@pytest.mark.promise("P11")
async def test_a_status_comes_each_second_though_redis_is_away(
    database_url: str, redis_url: str, tmp_path: Path, services: Services, viewer: Viewer
) -> None:
    system = await a_system(viewer)
    async with (
        FaultProxy.before(redis_url) as proxy,
        _served(database_url, proxy.url, tmp_path / "api") as api,
        connect(f"{api.websocket_url}/particles/ws/{system.id}") as live,
    ):
        await live.recv()
        proxy.refuse()
        await asyncio.wait_for(live.recv(), 5.0)  # it may have lain here for a while
        began = time.monotonic()
        for _ in range(4):
            await asyncio.wait_for(live.recv(), 5.0)
        assert time.monotonic() - began > 2.5
        await particles.update(viewer, system.id, {"config": {"fps": 17}}, services=services)
        async with asyncio.timeout(5.0):
            while b'"fps":17' not in (await live.recv(decode=False)).replace(b" ", b""):
                pass


@pytest.mark.promise("P11")
async def test_a_status_socket_stays_open_while_the_database_is_away(
    database_url: str, redis_url: str, tmp_path: Path, services: Services, viewer: Viewer
) -> None:
    system = await a_system(viewer)
    async with (
        FaultProxy.before(database_url) as proxy,
        _served(proxy.url, redis_url, tmp_path / "api") as api,
        connect(f"{api.websocket_url}/particles/ws/{system.id}") as live,
    ):
        await live.recv()
        proxy.refuse()
        await live.send('{"action": "update_config", "config": {"fps": 18}}')
        async with asyncio.timeout(10.0):
            while b"error" not in await live.recv(decode=False):
                pass
        await asyncio.sleep(2.0)
        await particles.update(viewer, system.id, {"config": {"fps": 17}}, services=services)
        proxy.heal()
        async with asyncio.timeout(10.0):
            while b'"fps":17' not in (await live.recv(decode=False)).replace(b" ", b""):
                pass
        assert '"ERROR"' not in api.log("api"), api.log("api")[-3000:]


class Unreliable:
    """Events whose nudges come late, twice, in another order, or never."""

    def __init__(self, real: Events, rng: random.Random) -> None:
        self._real = real
        self._rng = rng
        self._late: set[asyncio.Task[None]] = set()

    async def nudge(self, *topics: str) -> None:
        for _ in range(self._rng.choice([0, 1, 2])):
            task = asyncio.create_task(self._later(topics))
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    async def _later(self, topics: tuple[str, ...]) -> None:
        await asyncio.sleep(self._rng.uniform(0.0, 0.3))
        await self._real.nudge(*topics)

    async def publish_job(self, job: Any, *, stage: str | None, change: str) -> None:
        await self._real.publish_job(job, stage=stage, change=change)

    @property
    def unheard_seconds(self) -> float:
        return self._real.unheard_seconds

    def subscribe(self, topic: str) -> Any:
        return self._real.subscribe(topic)

    async def settle(self) -> None:
        await asyncio.gather(*self._late)


@dataclass
class Observer:
    """Of one job or of all; `told` is (job, at) of each update, in the order in which they came."""

    client: Socket
    job_id: str | None
    told: list[tuple[str, str, str]] = field(default_factory=list)

    async def observe(self, until_ended: set[str]) -> None:
        missing = {self.job_id} if self.job_id else set(until_ended)
        while missing:
            frame = await self.client.receive(60.0)
            assert frame["type"] == "next", frame
            (update,) = frame["payload"]["data"].values()
            job_id = self.job_id or update["job"]["id"]
            self.told.append((job_id, update["at"], update["status"]))
            if update["status"] in ("COMPLETED", "FAILED", "CANCELLED"):
                missing.discard(job_id)


async def _worker(services: Services, rng: random.Random, is_over: asyncio.Event) -> None:
    """Claims whatever is due and reports, fails, crashes, gives back or ends it."""
    while not is_over.is_set():
        row = await job_moves.claim("a test", [KIND], LEASE_SECONDS)
        if row is None:
            await asyncio.sleep(0.05)
            continue
        job = LiveJob(row, services)
        await jobs.announce([row], services)
        for progress in sorted(rng.uniform(0, 99) for _ in range(rng.randrange(6))):
            await job.report(progress, STAGES[0]["name"])
            await asyncio.sleep(rng.choice([0.0, 0.02]))
        match rng.choice(["release", "fail", "crash", "complete"]):
            case "release":
                await job.release()
            case "complete":
                await job.complete()
            case "fail":
                failed = await job_moves.fail(
                    row.id, row.epoch, code="INTERNAL", message="failed", may_retry=True, delay_seconds=0.05
                )
                await jobs.announce([failed] if failed else [], services)
            case "crash":
                await sql.run("UPDATE jobs SET lease_until = now() WHERE id = $1", row.id)
                lost = await job_moves.reap(max_crashes=MAX_CRASHES, delay_seconds=0.1)
                await jobs.announce(lost, services)


@pytest.mark.promise("P10")
@pytest.mark.timeout(240)
async def test_nothing_that_an_observer_sees_goes_back(
    api: Server, services: Services, viewer: Viewer, rng: random.Random, figures: Figures
) -> None:
    unreliable = Unreliable(services.events, rng)
    shaky = replace(services, events=unreliable)
    made = [await submitted(viewer, shaky, number=number) for number in range(JOBS)]
    ids = {job.id for job in made}
    is_over = asyncio.Event()
    async with AsyncExitStack() as stack:
        observers = []
        for job_id in [*sorted(ids), None, None, None]:
            client = await stack.enter_async_context(socket(api.base_url, ping_interval=None))
            await client.subscribe(JOB if job_id else ALL, **({"id": job_id} if job_id else {}))
            observers.append(Observer(client, job_id))
        observing = [asyncio.create_task(one.observe(ids)) for one in observers]
        # Who follows all jobs is told those that are not ended, then every change: of a job whose end the
        # place of the opening holds already nothing comes, by contract, and `observe` would wait in vain.
        while not all(one.told for one in observers):
            await asyncio.sleep(0.01)
        working = [asyncio.create_task(_worker(shaky, rng, is_over)) for _ in range(3)]
        async with asyncio.timeout(120):
            await asyncio.gather(*observing)
        is_over.set()
        await asyncio.gather(*working)
        await unreliable.settle()
    rows = await sql.rows("SELECT job_id, at, state, version, epoch, progress FROM job_events")
    steps = {
        (str(row["job_id"]), row["at"].isoformat(), row["state"]): (
            row["version"],
            (row["epoch"], row["progress"]),
        )
        for row in rows
    }
    seen = back = 0
    for observer in observers:
        for job_id in ids:
            path = [steps[key] for key in observer.told if key[0] == job_id]
            seen += len(path)
            back += sum(after[0] <= before[0] or after[1] < before[1] for before, after in pairwise(path))
    figures.note("P10", "updates that observers saw, of jobs that fail, crash and are reaped", seen)
    figures.exactly("P10", "of them went back", back, 0)
