"""Jobs that stand still are ended and run again; the worker's own loop and all other jobs notice nothing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from db import sql
from domain.ports import Services
from tests.support.effects import Effects
from tests.support.figures import Figures
from tests.support.job_history import attempts_of
from tests.support.job_kinds import CHILD_STALLS
from tests.support.job_workers import Workers
from tests.support.job_world import ended, submitted
from tests.support.loop_lag import longest
from tests.support.processes import ROOT

pytestmark = [pytest.mark.promise("P7"), pytest.mark.slow, pytest.mark.timeout(300)]

WARM_SECONDS = 2  # lines of the lag before any job: the start of the worker is among them


@pytest.fixture
def idle_lag(tmp_path: Path) -> Iterator[Path]:
    """Where a loop that does nothing notes how late it is on this machine, meanwhile."""
    path = tmp_path / "idle-lag"
    process = subprocess.Popen([sys.executable, "-m", "tests.support.loop_lag", str(path)], cwd=ROOT)
    yield path
    process.kill()
    process.wait()


async def test_a_stalled_job_is_found_while_children_use_all_cores(
    services: Services,
    workers: Workers,
    effects: Effects,
    tmp_path: Path,
    idle_lag: Path,
    figures: Figures,
    invariants: None,
) -> None:
    """Two that hang, and as many children as there are cores that burn without a word for longer than the
    pause between two heartbeats."""
    lag, path = tmp_path / "lag", str(effects.path)
    cores = os.cpu_count() or 2
    worker = await workers.start(slots=cores + 2, children=cores + 2, LAG=str(lag), CHILD_NICE="10")
    await asyncio.sleep(WARM_SECONDS)
    marks = [tmp_path / f"hangs-{number}" for number in range(2)]
    hanging = [
        await submitted(services, "TEST_CHILD_STALLS", function="hang_once", args=[str(mark)], effects=path)
        for mark in marks
    ]
    busy = [
        await submitted(services, "TEST_CHILD", function="keep_silent", args=[14.0], effects=path)
        for _ in range(cores)
    ]
    shortest = await _shortest_lease([str(job.id) for job in busy], 14.0)
    for job, mark in zip(hanging, marks, strict=True):
        done = await ended(job.id, 60.0)
        *stalled, last = await attempts_of(job.id)
        assert (done.state, done.attempt, done.crashes) == ("COMPLETED", len(stalled) + 1, 0)
        # More than one where the next child took longer to start than a stall may last.
        assert {each.outcome for each in stalled} == {"RETRIED"}
        assert last.outcome == "COMPLETED"
        assert not psutil.pid_exists(int(mark.read_text())), "the child that hung is gone"
        stood = max(each.ended_at - each.started_at for each in stalled if each.ended_at is not None)
        figures.within("P7", "a stall of 2 s is found", stood, limit=CHILD_STALLS.stall_seconds + 1.0)
    for job in busy:
        done = await ended(job.id, 60.0)
        assert (done.state, done.epoch) == ("COMPLETED", 1)
    figures.note("P7", "shortest lease of silent jobs beside it", shortest, "s")
    assert shortest > 10.0, "heartbeats came too late"
    late, machine = 1000 * longest(lag, WARM_SECONDS), 1000 * longest(idle_lag, WARM_SECONDS)
    figures.note("P7", "event loop lag of a process that does nothing beside it, longest", machine, "ms")
    own = max(0.0, late - machine)
    figures.within("P7", "event loop lag of the worker beyond that, longest", own, limit=100.0, unit="ms")
    assert worker.poll() is None


async def _shortest_lease(job_ids: list[str], seconds: float) -> float:
    """What was left of the running jobs' leases at the worst moment of so many seconds."""
    shortest = 30.0
    for _ in range(int(seconds / 0.25)):
        rows = await sql.rows(
            """SELECT extract(epoch FROM min(lease_until) - now())::float8 AS left FROM jobs
            WHERE state = 'PROCESSING' AND id = ANY($1::uuid[])""",
            job_ids,
        )
        if rows[0]["left"] is not None:
            shortest = min(shortest, rows[0]["left"])
        await asyncio.sleep(0.25)
    return shortest
