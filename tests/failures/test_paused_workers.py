"""Workers and children that stand still past their lease and then go on, at every kind of moment."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from db import sql
from db.jobs import Job
from domain.ports import Services
from tests.support.effects import Effects
from tests.support.fault_proxy import FaultProxy
from tests.support.figures import Figures
from tests.support.job_history import attempts_of, eventually
from tests.support.job_workers import Workers
from tests.support.job_world import ended, submitted, until
from tests.support.left_over import files_below

pytestmark = [pytest.mark.promise("P4"), pytest.mark.slow, pytest.mark.timeout(400)]

LEASE_SECONDS = 30.0


@dataclass
class Member:
    """A worker with one slot, the job that it had when it was stopped, and its way to the database."""

    worker: subprocess.Popen[bytes]
    proxy: FaultProxy
    job: Job | None = None

    @property
    def held(self) -> Job:
        assert self.job is not None
        return self.job


@dataclass
class Stage:
    """Where the pauses of one test are played."""

    services: Services
    workers: Workers
    effects: Effects
    files: Path

    async def film(self) -> Job:
        """A job that publishes a file."""
        effects = str(self.effects.path)
        return await submitted(self.services, "TEST_STEPS", step=0.05, file="a film", effects=effects)

    def published(self, job: Job) -> list[str]:
        """The epochs whose files are there."""
        return sorted(path.parent.name for path in files_below(self.files / "renders" / str(job.id)))


@asynccontextmanager
async def cast(workers: Workers, database_url: str, size: int) -> AsyncIterator[list[Member]]:
    """Workers that have signed in and stand still until they are told to go on: an idle one takes nothing."""
    async with AsyncExitStack() as stack:
        members = []
        for _ in range(size):
            proxy = await stack.enter_async_context(FaultProxy.before(database_url))
            members.append(Member(workers.launch(1, 1, DATABASE_URL=proxy.url), proxy))
        for member in members:
            await workers.takes_part(member.worker)
        for member in members:
            member.worker.send_signal(signal.SIGSTOP)
        yield members


async def paused_in_mid_run(stage: Stage, member: Member, rng: random.Random) -> None:
    moment = rng.uniform(1.0, 50.0)
    member.job = await stage.film()
    await until(member.job.id, lambda row: row.progress >= moment)
    member.worker.send_signal(signal.SIGSTOP)


async def paused_while_its_child_works_on(stage: Stage, member: Member, rng: random.Random) -> None:
    effects = str(stage.effects.path)
    member.job = await submitted(stage.services, "TEST_CHILD", function="count", args=[3.0], effects=effects)
    moment = rng.uniform(1.0, 60.0)
    await until(member.job.id, lambda row: row.progress >= moment)
    member.worker.send_signal(signal.SIGSTOP)


async def paused_between_storing_and_settling(stage: Stage, member: Member, rng: random.Random) -> None:
    caught = member.proxy.trap(b"BEGIN;", delivers=False)
    member.job = await stage.film()
    await asyncio.wait_for(caught.wait(), 30)
    assert stage.published(member.job) == ["1"]
    member.worker.send_signal(signal.SIGSTOP)
    member.proxy.heal()


async def paused_in_the_settlement(stage: Stage, member: Member, rng: random.Random) -> None:
    """Its rows are written and locked; the commit is on its way, and arrives when all is over."""
    caught = member.proxy.trap(b"COMMIT;", delivers=False)
    member.job = await stage.film()
    await asyncio.wait_for(caught.wait(), 30)
    member.worker.send_signal(signal.SIGSTOP)


async def paused_before_it_hears_that_it_settled(stage: Stage, member: Member, rng: random.Random) -> None:
    caught = member.proxy.trap(b"COMMIT;", delivers=True)
    member.job = await stage.film()
    await asyncio.wait_for(caught.wait(), 30)
    member.worker.send_signal(signal.SIGSTOP)


async def with_a_child_that_stands_still(stage: Stage, member: Member, rng: random.Random) -> int:
    """The child alone is stopped; its worker goes on. Returns the child's pid."""
    effects = str(stage.effects.path)
    member.job = await submitted(
        stage.services, "TEST_CHILD", function="count_here", args=[3.0], effects=effects
    )
    moment = rng.uniform(1.0, 50.0)
    row = await until(member.job.id, lambda row: row.progress >= moment and row.message is not None)
    child = int((row.message or "").split()[-1])
    os.kill(child, signal.SIGSTOP)
    return child


Pause = Callable[[Stage, Member, random.Random], Awaitable[None]]
LOSING: list[Pause] = [
    paused_in_mid_run,
    paused_while_its_child_works_on,
    paused_between_storing_and_settling,
    paused_in_the_settlement,
]


@pytest.mark.xdist_group("waiting")
async def test_a_worker_that_wakes_up_past_its_lease_changes_nothing(
    services: Services,
    workers: Workers,
    effects: Effects,
    database_url: str,
    tmp_path: Path,
    rng: random.Random,
    figures: Figures,
    invariants: None,
) -> None:
    """All of them wait for the same lease: each is stopped in its own kind of moment, another finishes. One
    whose child alone stands still keeps its job."""
    stage = Stage(services, workers, effects, tmp_path / "home" / "files")
    async with cast(workers, database_url, len(LOSING) + 2) as (held_up, *members):
        for member, pause in zip(members, [paused_before_it_hears_that_it_settled, *LOSING], strict=True):
            member.worker.send_signal(signal.SIGCONT)
            await pause(stage, member, rng)
        won, *lost = members
        held_up.worker.send_signal(signal.SIGCONT)
        child = await with_a_child_that_stands_still(stage, held_up, rng)
        child_stopped = time.monotonic()
        rescuer = await workers.start(slots=len(lost), children=1)
        done = [await ended(member.held.id, 120.0) for member in lost]
        assert {(job.state, job.epoch, job.crashes, job.attempt) for job in done} == {("COMPLETED", 2, 1, 1)}
        await _check_held_up(stage, held_up, child, child_stopped)
        woken = time.monotonic()
        for member in members:
            member.proxy.heal()
            member.worker.send_signal(signal.SIGCONT)
        for member in lost:
            await eventually(partial(_says, workers, member, "lease_lost"), 30.0, "lease_lost")
        figures.note("P4", "until all woken workers know that they lost", time.monotonic() - woken, "s")
        for member, before in zip(lost, done, strict=True):
            await _check_loser(stage, member, before)
        await _check_winner(stage, won)
        rescuer.send_signal(signal.SIGTERM)
        await workers.ended(rescuer)
        await _all_take_new_work(stage, {member.worker.pid for member in [held_up, *members]})
    figures.exactly("P4", "second results of jobs whose worker stood still", await _second_results(), 0)


async def _says(workers: Workers, member: Member, words: str) -> bool:
    assert member.worker.poll() is None, workers.log_of(member.worker)
    return bool(re.search(rf"{member.held.id}.*{words}", workers.log_of(member.worker)))


async def _check_loser(stage: Stage, member: Member, before: Job) -> None:
    """What it staged is gone, what the other published is there, and the row is as the other left it."""
    wanted = ["2"] if before.kind == "TEST_STEPS" else []

    async def is_tidy() -> bool:
        return stage.published(before) == wanted

    await eventually(is_tidy, 20.0, f"of {before.id} only {wanted} is published")
    after = await Job.get(id=before.id)
    assert (after.version, after.state) == (before.version, "COMPLETED")
    assert [attempt.outcome for attempt in await attempts_of(after.id)] == ["LOST", "COMPLETED"]


async def _check_winner(stage: Stage, won: Member) -> None:
    """Committed is committed: nobody runs it again, and its worker leaves its file where it is."""

    async def has_gone_on() -> bool:
        return not (stage.files.parent / "scratch" / "jobs" / f"{won.held.id}-1").exists()

    await eventually(has_gone_on, 30.0, "the worker that settled goes on")
    job = await Job.get(id=won.held.id)
    assert (job.state, job.epoch) == ("COMPLETED", 1)
    assert stage.published(job) == ["1"]
    assert "lease_lost" not in stage.workers.log_of(won.worker)


async def _check_held_up(stage: Stage, member: Member, child: int, stopped: float) -> None:
    """Its worker lives and says so: the job stays its own past any lease, and goes on with the child."""
    await asyncio.sleep(max(0.0, LEASE_SECONDS + 6.0 - (time.monotonic() - stopped)))
    job = await Job.get(id=member.held.id)
    assert (job.state, job.epoch) == ("PROCESSING", 1)
    os.kill(child, signal.SIGCONT)
    done = await ended(job.id)
    assert (done.state, done.epoch, done.crashes) == ("COMPLETED", 1, 0)
    assert stage.effects.jobs("ended").count(str(job.id)) == 1


async def _second_results() -> int:
    """Completed attempts, or outputs, beyond the first of each job."""
    rows = await sql.rows(
        """SELECT (SELECT count(*) - count(DISTINCT job_id) FROM job_attempts WHERE outcome = 'COMPLETED')
        + (SELECT count(*) - count(DISTINCT job_id) FROM job_outputs) AS n"""
    )
    return int(rows[0]["n"])


async def _all_take_new_work(stage: Stage, wanted: set[int]) -> None:
    """The same processes, each of them."""
    seen: set[int] = set()
    path = str(stage.effects.path)
    for _ in range(20):
        fresh = [
            await submitted(stage.services, "TEST_STEPS", step=0.01, effects=path)
            for _ in range(2 * len(wanted))
        ]
        for job in fresh:
            assert (await ended(job.id)).state == "COMPLETED"
        fresh_ids = {str(job.id) for job in fresh}
        seen |= {effect.pid for effect in stage.effects.all() if effect.job_id in fresh_ids}
        if seen >= wanted:
            return
    raise AssertionError(f"{wanted - seen} take no work")
