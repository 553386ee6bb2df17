"""Jobs that end their process in every way: each fails alone, the others and the worker go on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from db.jobs import Job
from domain.ports import Services
from tests.support.effects import Effects
from tests.support.figures import Figures
from tests.support.job_history import attempts_of
from tests.support.job_workers import Workers
from tests.support.job_world import MEGABYTE, ended, submitted

pytestmark = [pytest.mark.promise("P6"), pytest.mark.slow, pytest.mark.timeout(300)]

NORMAL = 100
POISON = ("segfault", "hog", "leave_silently", "garble", "overflow")


async def test_poison_fails_after_three_crashes_and_takes_nobody_along(
    services: Services,
    workers: Workers,
    effects: Effects,
    tmp_path: Path,
    figures: Figures,
    invariants: None,
) -> None:
    """The worker's process is the same in the end, and nothing that the poison started is left."""
    worker = await workers.start(slots=6, children=4, CHILD_MEMORY=str(400 * MEGABYTE))
    forked, path = tmp_path / "forked", str(effects.path)
    poison = [await submitted(services, "TEST_CHILD", function=name, effects=path) for name in POISON]
    poison.append(
        await submitted(services, "TEST_CHILD", function="fork_and_die", args=[str(forked)], effects=path)
    )
    normal = await _normal(services, path)
    for job in [await ended(job.id, 120.0) for job in poison]:
        assert job.error is not None
        assert (job.state, job.error["code"], job.crashes, job.attempt) == ("FAILED", "WORKER_LOST", 3, 0)
        assert [attempt.outcome for attempt in await attempts_of(job.id)] == ["LOST"] * 3, job.params
        assert effects.jobs("began").count(str(job.id)) == 3
    done = [await ended(job.id, 120.0) for job in normal]
    figures.exactly(
        "P6", "normal jobs lost of 100 beside poison", sum(j.state != "COMPLETED" for j in done), 0
    )
    assert {(job.attempt, job.crashes) for job in done} == {(1, 0)}
    wanted = sorted(str(job.id) for job in normal)
    assert sorted(effects.jobs("ran") + effects.jobs("ended")) == wanted
    assert worker.poll() is None, workers.log_of(worker)
    assert {attempt.pid for job in normal for attempt in await attempts_of(job.id)} == {worker.pid}
    started = [int(line) for line in forked.read_text().split()]
    assert len(started) == 3
    assert [pid for pid in started if psutil.pid_exists(pid)] == [], "what a child forked outlives it"


async def _normal(services: Services, effects: str) -> list[Job]:
    """Half of them in the children that the poison shares with them, over the time that it takes."""
    made = []
    for number in range(NORMAL):
        if number % 2:
            job = await submitted(services, "TEST_CHILD", function="count", args=[0.05], effects=effects)
        else:
            job = await submitted(services, "TEST_NOOP", effects=effects)
        made.append(job)
        await asyncio.sleep(0.1)
    return made


async def test_what_a_child_forked_dies_with_a_killed_worker(
    services: Services, workers: Workers, effects: Effects, tmp_path: Path
) -> None:
    worker = await workers.start(slots=1, children=1)
    forked = tmp_path / "forked"
    await submitted(services, "TEST_CHILD", function="fork_and_stay", args=[str(forked)])
    async with asyncio.timeout(30):
        while not forked.exists() or not forked.read_text().endswith("\n"):
            await asyncio.sleep(0.02)
    grandchild = psutil.Process(int(forked.read_text()))
    worker.kill()
    await workers.ended(worker)
    _, alive = await asyncio.to_thread(psutil.wait_procs, [grandchild], timeout=5)
    assert alive == []
