"""PostgreSQL, as durable as the product has it, crashed and killed in the middle of runs and settlements."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from app.engines import Engines
from db import sql
from db.jobs import Job
from domain import jobs
from domain.ports import Services
from tests.support import invariants
from tests.support.effects import Effects
from tests.support.engine_faults import Engine, crash_postgres, kill, reconnected, start
from tests.support.fault_proxy import FaultProxy
from tests.support.figures import Figures
from tests.support.job_history import eventually
from tests.support.job_workers import Workers, worker_processes
from tests.support.job_world import ended, job_services, submitted
from tests.support.server import running_server

pytestmark = [pytest.mark.promise("P9"), pytest.mark.slow, pytest.mark.timeout(400)]

JOBS, SLOTS = 50, 9
CREATE = """mutation { createParticleSystem(input: {name: "kept", particleType: SNOW}) { id } }"""
COUNT = "{ particleSystems(first: 5) { totalCount } }"
End = Callable[[Engine | None], Awaitable[None]]


@dataclass
class World:
    """Engines of the test's own, and two workers: one of them reaches the database through a proxy."""

    engines: Engines
    services: Services
    workers: Workers
    proxy: FaultProxy
    effects: Effects
    made: list[Job] = field(default_factory=list)

    async def submit(self, number: int) -> None:
        path = str(self.effects.path)
        self.made += [
            await submitted(self.services, "TEST_STEPS", step=0.12, file="a film", effects=path)
            for _ in range(number)
        ]

    async def mid_run(self, rng: random.Random) -> None:
        await asyncio.sleep(rng.uniform(0.2, 1.5))

    async def before_a_commit(self, rng: random.Random) -> None:
        await self._next_commit(delivers=False)

    async def after_a_commit(self, rng: random.Random) -> None:
        """Nobody is told that it happened."""
        await self._next_commit(delivers=True)

    async def _next_commit(self, *, delivers: bool) -> None:
        """Of the worker behind the proxy: there is a job for it, however many have ended by now."""
        await self.submit(SLOTS)
        await asyncio.wait_for(self.proxy.trap(b"COMMIT;", delivers=delivers).wait(), 60)


@asynccontextmanager
async def world(engines: Engines, effects: Effects, home: Path) -> AsyncIterator[World]:
    url, redis_url = engines.addresses.database_url, engines.addresses.redis_url
    async with (
        worker_processes(url, redis_url, home) as workers,
        job_services(redis_url, home) as services,
        FaultProxy.before(url) as proxy,
    ):
        await workers.start(slots=SLOTS - 3)
        await workers.start(slots=3, DATABASE_URL=proxy.url)
        yield World(engines, services, workers, proxy, effects)


async def test_a_crash_loses_nothing_and_fakes_no_success(
    own_engines: Engines, effects: Effects, tmp_path: Path, rng: random.Random, figures: Figures
) -> None:
    home = tmp_path / "home"
    async with world(own_engines, effects, home) as here:
        await here.submit(JOBS)
        rounds = [
            (moment, end)
            for moment in (here.mid_run, here.before_a_commit, here.after_a_commit)
            for end in (crash_postgres, kill)
        ]
        rng.shuffle(rounds)
        away = [await _one_round(here, moment, end, rng) for moment, end in rounds]
        done = [await ended(job.id, 120.0) for job in here.made]
        await invariants.check(home / "files")
        assert {(job.state, job.attempt, job.crashes) for job in done} == {("COMPLETED", 1, 0)}
        figures.exactly("P9", "jobs lost of 86", len(here.made) - len(set(effects.jobs("ended"))), 0)
        figures.exactly("P9", "jobs that ran to their end twice", _twice(effects), 0)
        figures.exactly("P9", "completed jobs without their file", await _without_file(here.made), 0)
        figures.within("P9", "work goes on after the start, longest", max(away), limit=5.0)
        assert [worker.poll() for worker in here.workers.started] == [None, None]


async def _one_round(
    here: World, moment: Callable[[random.Random], Awaitable[None]], end: End, rng: random.Random
) -> float:
    """End it at such a moment and start it again; seconds from its answer to the next job that settles."""
    await moment(rng)
    await end(here.engines.postgres)
    here.proxy.heal()
    await start(here.engines.postgres)
    began = time.monotonic()
    await reconnected()
    before = await _completed()

    async def goes_on() -> bool:
        return await _completed() > before

    if before < len(here.made):
        await eventually(goes_on, 60.0, here.workers.log()[-3000:])
    return time.monotonic() - began


async def _completed() -> int:
    rows = await sql.rows("SELECT count(*) AS n FROM jobs WHERE state = 'COMPLETED'")
    return int(rows[0]["n"])


def _twice(effects: Effects) -> int:
    done = effects.jobs("ended")
    return len(done) - len(set(done))


async def _without_file(made: list[Job]) -> int:
    outputs = await jobs.outputs_for([job.id for job in made])
    return sum(len(outputs.get(job.id, [])) != 1 for job in made)


@dataclass
class Answers:
    """What a client heard that asks on and on: (when, the code or "" for an answer, seconds)."""

    heard: list[tuple[float, str, float]] = field(default_factory=list)

    async def ask_on(self, client: httpx.AsyncClient, query: str) -> None:
        while True:
            began = time.monotonic()
            answer = (await client.post("/graphql", json={"query": query})).json()
            errors = answer.get("errors") or []
            code = errors[0]["extensions"]["code"] if errors else ""
            self.heard.append((began, code, time.monotonic() - began))
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("end", [crash_postgres, kill])
async def test_the_api_says_that_it_is_away_and_recovers_by_itself(
    own_engines: Engines, end: End, figures: Figures
) -> None:
    addresses = own_engines.addresses
    with running_server(addresses.database_url, addresses.redis_url, workers=0) as server:
        async with httpx.AsyncClient(base_url=server.base_url, timeout=60) as client:
            assert (await client.post("/graphql", json={"query": CREATE})).json()["data"]
            reads, writes = Answers(), Answers()
            asking = [
                *(asyncio.create_task(reads.ask_on(client, COUNT)) for _ in range(8)),
                asyncio.create_task(writes.ask_on(client, CREATE)),
            ]
            await asyncio.sleep(1.0)
            await end(own_engines.postgres)
            gone = time.monotonic()
            rest = await client.get("/particles/jobs")
            assert (rest.status_code, "Retry-After" in rest.headers) == (503, True), rest.text
            await asyncio.sleep(2.0)
            await start(own_engines.postgres)
            back = time.monotonic()
            await asyncio.sleep(3.0)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            assert (await client.get("/particles/jobs")).status_code == 200
        assert server.api.poll() is None
    heard = sorted(reads.heard + writes.heard)
    assert {code for _, code, _ in heard} == {"", "UNAVAILABLE"}
    assert not [at for at, code, _ in heard if gone < at < back - 1.0 and not code], (
        "it answered from nowhere"
    )
    last = max((at + took for at, code, took in heard if code), default=back)
    figures.within("P9", "the API answers again after the start", max(0.0, last - back), limit=1.0)
    slowest = max(took for _, code, took in heard if code)
    figures.within("P9", "the API says that its database is away", slowest, limit=1.0)
    await _nothing_is_lost(sum(not code for _, code, _ in writes.heard))


async def _nothing_is_lost(answered: int) -> None:
    """What was answered is there; one more may have happened whose answer was cut off, for each crash."""
    await reconnected()
    rows = await sql.rows("SELECT count(*) AS n FROM particle_systems")
    assert answered + 1 <= int(rows[0]["n"]) <= answered + 2
