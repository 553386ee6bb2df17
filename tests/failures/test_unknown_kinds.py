"""P17: a worker of yesterday leaves a kind of tomorrow alone, and goes on with what it knows."""

from __future__ import annotations

import time
from uuid import UUID

import pytest

from db import job_rows
from db.jobs import Job
from domain.accounts import local_owner
from domain.jobs import Priority
from domain.ports import Services
from tests.support.effects import Effects
from tests.support.figures import Figures
from tests.support.job_workers import Workers
from tests.support.job_world import ended, submitted

LATER = "PLAN_REVERT"  # a name of the contract that nobody can do yet
NEW_JOBS = 20


@pytest.mark.slow
@pytest.mark.promise("P17")
@pytest.mark.usefixtures("invariants")
async def test_an_old_worker_leaves_an_unknown_kind_alone_and_a_new_one_takes_it_at_once(
    services: Services, workers: Workers, effects: Effects, figures: Figures
) -> None:
    old = await workers.start(slots=2)
    later = [await _from_a_newer_api(effects) for _ in range(NEW_JOBS)]
    known = []
    for _ in range(40):
        await services.doorbell.ring([job.id for job in later])
        known.append(await submitted(services, "TEST_NOOP", effects=str(effects.path)))
    done = [await ended(job.id) for job in known]
    assert {(job.state, job.attempt) for job in done} == {("COMPLETED", 1)}
    waiting = await _now(later)
    figures.exactly("P17", "attempts spent on a kind that no worker knows", _claims(waiting), 0)
    assert {(job.state, job.attempt, job.version) for job in waiting} == {("PENDING", 0, 1)}

    new = await workers.start(slots=2, LATER_KINDS=LATER)
    first = time.time()
    taken = [await ended(job.id) for job in later]
    last = max(job.completed_at.timestamp() for job in taken if job.completed_at)
    figures.within(
        "P17", "20 waiting jobs ended after the new worker was seen", max(0.0, last - first), limit=2.0
    )
    assert {(job.state, job.attempt, job.crashes) for job in taken} == {("COMPLETED", 1, 0)}
    ran = {effect.job_id: effect.pid for effect in effects.all()}
    assert {ran[str(job.id)] for job in later} == {new.pid}
    assert {ran[str(job.id)] for job in known} == {old.pid}
    assert (old.poll(), new.poll()) == (None, None)


async def _from_a_newer_api(effects: Effects) -> Job:
    """As an API of the next version inserts it: this one refuses the kind."""
    row = job_rows.JobRow(
        kind=LATER,
        owner_id=(await local_owner()).id,
        params={"effects": str(effects.path)},
        stages=[{"name": "only", "status": "PENDING", "progress": 0}],
        max_attempts=3,
        priority=int(Priority.HIGH),
    )
    job = await job_rows.insert(row)
    assert job is not None
    return job


async def _now(jobs: list[Job]) -> list[Job]:
    ids: list[UUID] = [job.id for job in jobs]
    return list((await job_rows.by_ids(ids)).values())


def _claims(jobs: list[Job]) -> int:
    return sum(job.epoch for job in jobs)
