"""P8: without Redis the API accepts and answers, jobs run, and live updates arrive; only a little later.

The load is open: the next request goes out when its time has come, however slow the last answer is.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.engines import Engines
from db import sql
from domain.accounts import local_owner
from domain.jobs import NewJob, submit_many
from tests.support import engine_faults, invariants
from tests.support.effects import Effects
from tests.support.fault_proxy import FaultProxy
from tests.support.figures import Figures
from tests.support.films import Films, films
from tests.support.graphql_ws import socket
from tests.support.job_workers import worker_processes
from tests.support.job_world import job_services
from tests.support.server import running_server

pytestmark = [pytest.mark.slow, pytest.mark.promise("P8"), pytest.mark.timeout(300)]

AWAY_SECONDS, SPOILED_SECONDS = 60.0, 5.0
A_SECOND = 8  # mutations, and as many reads
BACKLOG = 200
WATCH = "subscription { allJobUpdates { job { id } status at } }"


@dataclass
class Load:
    """What was asked of the API, and how long each answer took, in seconds."""

    client: Films
    rng: random.Random
    ids: list[UUID] = field(default_factory=list)
    submits: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    warm: int = 0  # how many were asked for before the watcher surely watched
    usual: float = 0.0  # the slowest answer while all is well: a busy machine takes longer for everything

    async def go_on(self, seconds: float) -> None:
        """Submit and read at a steady pace. Raises what any of it raised."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * A_SECOND)):
                await asyncio.sleep(max(0.0, began + number / A_SECOND - time.monotonic()))
                group.create_task(_timed(self._submit, self.submits))
                if self.ids:
                    group.create_task(_timed(self._read, self.reads))

    async def _submit(self) -> None:
        self.ids.append(await self.client.ask())

    async def _read(self) -> None:
        assert await self.client.read(self.rng.choice(self.ids)) in ("PENDING", "PROCESSING", "COMPLETED")


async def _timed(ask: Callable[[], Awaitable[None]], seconds: list[float]) -> None:
    began = time.monotonic()
    await ask()
    seconds.append(time.monotonic() - began)


@dataclass
class Watcher:
    """What a dashboard on an API without any load sees: the end of every job, and how late (seconds)."""

    ended: dict[str, float] = field(default_factory=dict)

    async def watch(self, base_url: str) -> None:
        """For ever."""
        async with socket(base_url) as client:
            async for data in client.updates(WATCH):
                update: dict[str, Any] = data["allJobUpdates"]
                if update["status"] == "COMPLETED":
                    job_id = update["job"]["id"]
                    assert job_id not in self.ended
                    self.ended[job_id] = time.time() - datetime.fromisoformat(update["at"]).timestamp()

    async def has_seen(self, ids: list[UUID]) -> None:
        async with asyncio.timeout(30.0):
            while not {str(job_id) for job_id in ids} <= set(self.ended):
                await asyncio.sleep(0.05)


@asynccontextmanager
async def the_whole(
    database_url: str, redis_url: str, effects: Effects, home: Path, rng: random.Random
) -> AsyncIterator[tuple[Load, Watcher]]:
    """Two workers, an API under load, and another whose only client watches."""
    async with AsyncExitStack() as stack:
        workers = await stack.enter_async_context(worker_processes(database_url, redis_url, home))
        for _ in range(2):
            workers.launch(slots=4, RENDERED=str(effects.path))
        busy = stack.enter_context(running_server(database_url, redis_url, workers=0, ready=False))
        quiet = stack.enter_context(running_server(database_url, redis_url, workers=0, ready=False))
        for process in workers.started:
            await workers.takes_part(process)
        load = Load(await stack.enter_async_context(films(busy.base_url)), rng)
        watcher = Watcher()
        watching = await stack.enter_async_context(_beside(watcher.watch(quiet.base_url)))
        await load.go_on(2.0)  # everything is warm
        async with asyncio.timeout(30.0):
            while not watcher.ended:  # of jobs that ended before it looked it is never told
                await load.go_on(0.5)
        load.warm = len(load.ids)
        submits, reads = len(load.submits), len(load.reads)
        await load.go_on(SPOILED_SECONDS)
        load.usual = max(*load.submits[submits:], *load.reads[reads:])
        yield load, watcher
        assert not watching.done()
        assert [process.poll() for process in (*workers.started, busy.api, quiet.api)] == [None] * 4


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_redis_stopped_for_60_s_under_load_fails_no_mutation_and_delays_little(
    own_engines: Engines, effects: Effects, figures: Figures, rng: random.Random, tmp_path: Path
) -> None:
    urls = own_engines.addresses.database_url, own_engines.addresses.redis_url
    async with the_whole(*urls, effects, tmp_path / "home", rng) as (load, watcher):
        await engine_faults.stop(own_engines.redis)
        await _load_within(figures, "stopped for 60 s", load, AWAY_SECONDS - 4.0)
        await _pile_up(urls[1], effects, tmp_path)
        await load.go_on(4.0)

        await engine_faults.start(own_engines.redis)
        began = time.monotonic()
        await load.go_on(3.0)
        await invariants.quiet()
        drained = time.monotonic() - began
        await watcher.has_seen(load.ids[load.warm :])
    figures.within("P8", "a backlog of 200 jobs of 0.4 s drained after Redis came back", drained, limit=30.0)
    late = max(watcher.ended.values())
    figures.within("P8", "a live update, the latest of all", late, limit=6.0)
    await _every_job_ran_once(load, effects, tmp_path)


async def _pile_up(redis_url: str, effects: Effects, tmp_path: Path) -> None:
    """More than the workers can do by the time when Redis is back."""
    async with job_services(redis_url, tmp_path / "home") as services:
        params = {"effects": str(effects.path), "step": 0.012}
        batch = [NewJob("TEST_STEPS", params) for _ in range(BACKLOG)]
        await submit_many(await local_owner(), batch, services=services)


async def test_a_redis_that_hangs_refuses_or_breaks_off_fails_no_mutation_either(
    own_engines: Engines, effects: Effects, figures: Figures, rng: random.Random, tmp_path: Path
) -> None:
    """Each for a few seconds, and whole again in between."""
    async with FaultProxy.before(own_engines.addresses.redis_url) as proxy:
        urls = own_engines.addresses.database_url, proxy.url
        async with the_whole(*urls, effects, tmp_path / "home", rng) as (load, watcher):
            faults: dict[str, Callable[[], None]] = {
                "frozen": lambda: engine_faults.pause(own_engines.redis),
                "behind a network that swallows all": proxy.blackhole,
                "refusing": proxy.refuse,
                "half closed": proxy.half_close,
                "0.2 s away": lambda: proxy.delay(0.2),
            }
            for name, spoil in faults.items():
                try:
                    spoil()
                    await _load_within(figures, name, load, SPOILED_SECONDS)
                finally:
                    engine_faults.go_on(own_engines.redis)
                    proxy.heal()
                await load.go_on(1.0)
            await invariants.quiet()
            await watcher.has_seen(load.ids[load.warm :])
    figures.within("P8", "a live update, the latest of all faults", max(watcher.ended.values()), limit=6.0)
    await _every_job_ran_once(load, effects, tmp_path)


async def _load_within(figures: Figures, fault: str, load: Load, seconds: float) -> None:
    """Load for so long, until every job of it has started; what that took, and how long the answers did."""
    submits, reads, ids = len(load.submits), len(load.reads), len(load.ids)
    await load.go_on(seconds)
    waits = await _starts(load.ids[ids:])
    limit = max(500.0, 1000 * load.usual)
    figures.within("P8", f"Redis {fault}: mutations, p99", 1000 * _p99(load.submits[submits:]), limit, "ms")
    figures.within("P8", f"Redis {fault}: reads, p99", 1000 * _p99(load.reads[reads:]), limit, "ms")
    figures.within("P8", f"Redis {fault}: a start after its submit, p99", _p99(waits), limit=2.0)


async def _starts(ids: list[UUID]) -> list[float]:
    """How long each waited for its start (seconds), once all have started."""
    began = time.monotonic()
    while None in (waits := await _waits(ids)):
        assert time.monotonic() - began < 10.0, f"{waits.count(None)} jobs do not start"
        await asyncio.sleep(0.1)
    return [seconds for seconds in waits if seconds is not None]


async def _waits(ids: list[UUID]) -> list[float | None]:
    rows = await sql.rows(
        """SELECT extract(epoch FROM started_at - created_at)::float AS waited FROM jobs
        WHERE id = ANY($1::uuid[])""",
        ids,
    )
    return [row["waited"] for row in rows]


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.99 * len(seconds))]


async def _every_job_ran_once(load: Load, effects: Effects, tmp_path: Path) -> None:
    await invariants.check(tmp_path / "home" / "files")
    assert sorted(effects.jobs("ran")) == sorted(str(job_id) for job_id in load.ids)
    rows = await sql.rows("SELECT DISTINCT state, attempt, crashes FROM jobs")
    assert [(row["state"], row["attempt"], row["crashes"]) for row in rows] == [("COMPLETED", 1, 0)]
