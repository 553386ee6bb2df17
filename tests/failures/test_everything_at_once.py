"""Everything at once: an API, workers with children, 200 jobs of all sorts, a minute of faults of every kind.

SEED=n draws the same jobs and the same plan of faults again.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.engines import Engines
from db import job_rows, sql
from db.jobs import Job
from domain import assets, jobs
from domain.accounts import local_owner
from domain.jobs import PARTICLE_RENDER, JobOptions, Priority
from domain.ports import Services
from tests.support import engine_faults, invariants
from tests.support.chaos import FAULTS, Machine, drawn
from tests.support.effects import Effects
from tests.support.fault_proxy import FaultProxy
from tests.support.figures import Figures
from tests.support.job_workers import Workers, worker_processes
from tests.support.job_world import job_services, submitted
from tests.support.left_over import files_below
from tests.support.processes import wait_until_none
from tests.support.server import address, environment, starling, stop
from tests.support.witness import Watchman, Witness
from workers import scratch

JOBS, FAULT_COUNT, SECONDS, WITNESSES = 200, 24, 45.0, 30
SHARES = {"noop": 20, "steps": 35, "child": 25, "fails": 10, "bad": 5, "poison": 2}
DAYS = 2 * 86_400.0


@dataclass
class Load:
    """What clients do meanwhile, each thing until it is accepted: submits under keys, cancels, retries."""

    rng: random.Random
    services: Services
    effects: Effects
    ids: list[UUID] = field(default_factory=list)
    cancelled: set[UUID] = field(default_factory=set)

    async def submit(self, number: int) -> UUID:
        params = self._drawn()
        options = JobOptions(priority=self.rng.choice(list(Priority)), idempotency_key=f"job {number}")
        while True:
            with suppress(Exception):  # the database is away: the key makes it the same job
                job = await submitted(self.services, PARTICLE_RENDER.name, options=options, **params)
                self.ids.append(job.id)
                return job.id
            await asyncio.sleep(0.1)

    async def submit_long(self) -> None:
        """One that still runs when the watchman comes, whose limit is 20 s."""
        effects = str(self.effects.path)
        job = await submitted(self.services, PARTICLE_RENDER.name, like="steps", effects=effects, step=0.7)
        self.ids.append(job.id)

    def _drawn(self) -> dict[str, Any]:
        effects = str(self.effects.path)
        match self.rng.choices(list(SHARES), list(SHARES.values()))[0]:
            case "noop":
                return {"like": "noop", "effects": effects}
            case "steps":
                step = self.rng.choice([0.01, 0.05])
                return {
                    "like": "steps",
                    "effects": effects,
                    "step": step,
                    "file": f"film {self.rng.random()}",
                }
            case "child":
                seconds = self.rng.choice([0.2, 1.0, 3.0])
                return {"like": "child", "effects": effects, "function": "count", "args": [seconds]}
            case "poison":
                return {"like": "child", "effects": effects, "function": "segfault"}
            case "fails":
                return {"like": "fails", "effects": effects, "how": "boom", "times": 1}
        return {"like": "fails", "effects": effects, "how": "input"}

    async def disturb(self, is_enough: asyncio.Event) -> None:
        """Cancels and retries by hand; what cannot be asked now is not asked.

        Told to stop, not cancelled: a retry may have made a job whose id it has not told yet.
        """
        viewer = await local_owner()
        while not is_enough.is_set():
            await asyncio.sleep(0.5)
            if not self.ids:
                continue
            job_id = self.rng.choice(self.ids)
            with suppress(Exception):
                if self.rng.random() < 0.5:
                    self.cancelled.add(job_id)  # even if the answer is lost
                    await jobs.cancel(viewer, job_id, services=self.services)
                else:
                    again = await jobs.retry(viewer, job_id, services=self.services)
                    self.ids.append(again.id)

    async def find_retries(self) -> None:
        """Those whose answer was lost: unlike a submit, a retry has no key to be asked again with."""
        rows = await sql.rows("SELECT id FROM jobs WHERE retry_of IS NOT NULL")
        self.ids += [row["id"] for row in rows if row["id"] not in self.ids]


@asynccontextmanager
async def api_process(workers: Workers, home: Path) -> AsyncIterator[str]:
    """Its base URL; it must outlive the block. The loop serves its proxies while it starts."""
    log = home / "api.log"
    urls = {name: workers.environment[name] for name in ("DATABASE_URL", "REDIS_URL")}
    process = starling(["api", "--port", "0"], environment(home, **urls), log)
    try:
        yield await asyncio.to_thread(address, process, log)
        assert process.poll() is None, log.read_text()
    finally:
        await asyncio.to_thread(stop, process)


@pytest.mark.slow
@pytest.mark.promise("P1")
@pytest.mark.promise("P4")
@pytest.mark.promise("P10")
@pytest.mark.timeout(400)
async def test_a_minute_of_everything_loses_nothing_and_does_nothing_twice(
    own_engines: Engines, tmp_path: Path, effects: Effects, rng: random.Random, figures: Figures
) -> None:
    home = tmp_path / "home"
    addresses = own_engines.addresses
    plan = drawn(rng, list(FAULTS), FAULT_COUNT, SECONDS)
    print(*plan, sep="\n")
    async with (
        FaultProxy.before(addresses.database_url) as to_postgres,
        FaultProxy.before(addresses.redis_url) as to_redis,
        worker_processes(to_postgres.url, to_redis.url, home) as workers,
        job_services(addresses.redis_url, home) as services,
    ):
        workers.environment["LIKE"] = "yes"
        machine = Machine(own_engines, workers, to_postgres, to_redis)
        for _ in range(3):
            await workers.start(machine.slots, machine.children)
        load = Load(rng, services, effects)
        watchman, witnesses = Watchman(), list[Witness]()
        async with (
            api_process(workers, home) as api_url,
            FaultProxy.before(api_url) as machine.to_api,
            asyncio.TaskGroup() as group,
        ):
            url = machine.to_api.url
            watching = group.create_task(watchman.watch(url))
            await load.submit_long()  # of a job that ended before he looked he is never told
            async with asyncio.timeout(20.0):
                while watchman.cursor is None:  # from here on it can miss nothing
                    await asyncio.sleep(0.05)
            suffering = group.create_task(machine.suffer(plan))
            is_enough = asyncio.Event()
            disturbing = group.create_task(load.disturb(is_enough))
            for number in range(JOBS):
                job_id = await load.submit(number)
                if number % (JOBS // WITNESSES) == 0:
                    witnesses.append(Witness(job_id))
                    group.create_task(witnesses[-1].watch(url))
                await asyncio.sleep(SECONDS / JOBS)
            await suffering
            is_enough.set()
            await disturbing
            began = time.monotonic()
            await engine_faults.reconnected()
            await invariants.quiet(200.0)
            figures.note("P1", "quiet after a minute of every fault", time.monotonic() - began, "s")
            await load.find_retries()
            await _all_seen(load, witnesses, watchman)
            watching.cancel()
        assert set(machine.befallen) == set(FAULTS)
        await _check(load, witnesses, watchman, figures)
        await _check_nothing_is_left(workers, services, home)


async def _all_seen(load: Load, witnesses: list[Witness], watchman: Watchman) -> None:
    """Within three times the six seconds that an observer may be behind, and the time to come back."""
    began = time.monotonic()
    while True:
        waiting = [one for one in witnesses if one.end is None]
        missed = watchman.lacks(load.ids)
        if not waiting and not missed:
            return
        assert time.monotonic() - began < 30.0, f"ends not seen: {waiting} {watchman.cursor} {missed}"
        await asyncio.sleep(0.1)


async def _check(load: Load, witnesses: list[Witness], watchman: Watchman, figures: Figures) -> None:
    found = await job_rows.by_ids(load.ids)
    figures.exactly("P1", "jobs lost in a minute of every fault", len(load.ids) - len(found), 0)
    assert len(await sql.rows("SELECT 1 FROM jobs")) == len(set(load.ids)), "a key made two jobs"
    print(Counter((job.state, (job.error or {}).get("code")) for job in found.values()))
    done = Counter((each.job_id, each.epoch) for each in load.effects.all() if each.word in ("ran", "ended"))
    twice = [claim for claim, times in done.items() if times > 1]
    figures.exactly("P4", "effects twice in one claim in a minute of every fault", len(twice), 0)
    for job in found.values():
        _check_end(job, load, done)
    for witness in witnesses:
        job = found[witness.job_id]
        assert (witness.version, witness.end) == (job.version, job.state), witness
    assert all(len(states) == 1 for states in watchman.ends.values()), "an end was told twice to one observer"
    assert {job_id: states[0] for job_id, states in watchman.ends.items()} == {
        str(job.id): job.state for job in found.values()
    }
    cut_off = watchman.returns + sum(one.returns for one in witnesses)
    figures.note("P10", "observers that came back in a minute of every fault, each end seen", cut_off)


def _check_end(job: Job, load: Load, done: Counter[tuple[str, int]]) -> None:
    """An end is the one of its kind, or one that a fault or a client gave it."""
    if job.state == "COMPLETED":
        assert done[str(job.id), job.epoch] == 1, f"{job.id} has a result and no effect"
    elif job.state == "CANCELLED":
        assert job.id in load.cancelled or job.cancel_requested_at is not None
    else:
        wanted = {"WORKER_LOST"} | ({"BAD_USER_INPUT"} if job.params.get("how") == "input" else set())
        assert job.error is not None and job.error["code"] in wanted, job.error
        assert job.crashes == 3 or job.error["code"] != "WORKER_LOST"


async def _check_nothing_is_left(workers: Workers, services: Services, home: Path) -> None:
    """No process; and no file once the daily round has gone over what killed workers left."""
    for process in workers.started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in workers.started:
        await workers.ended(process)
    left, _ = await asyncio.to_thread(wait_until_none, str(home), 10.0)
    assert left == {}
    long_ago = time.time() - DAYS
    for path in [*home.rglob("*")]:
        os.utime(path, (long_ago, long_ago))
    await assets.sweep(services)
    await scratch.discard_abandoned(home / "scratch")
    await invariants.check(home / "files")
    named = {row["key"] for row in await sql.rows("SELECT key FROM assets")}
    files = {path.relative_to(home / "files").as_posix() for path in files_below(home / "files")}
    assert files == named
    assert files_below(home / "scratch") == []
