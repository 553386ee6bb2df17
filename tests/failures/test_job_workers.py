"""Worker processes that are killed, paused, stopped and started, over the real engines.

A lease lasts thirty seconds: where a test needs one to lapse it moves `lease_until` back, which is what
time would do. Effects are lines in a file.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from app.engines import Home, open_engines
from db import sql
from db.connection import open_database
from db.jobs import Job
from db.migrate import migrate
from domain import jobs
from domain.ports import Services
from tests.support.job_workers import Workers, worker_processes
from tests.support.job_world import ended, job_services, submitted, until

pytestmark = pytest.mark.slow


@pytest.fixture
async def services(redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path / "home") as opened:
        yield opened


@pytest.fixture
async def workers(
    database: object, database_url: str, redis_url: str, tmp_path: Path
) -> AsyncIterator[Workers]:
    async with worker_processes(database_url, redis_url, tmp_path / "home") as started:
        yield started


def _effects(path: Path, word: str) -> list[str]:
    """The jobs for which this was written, in order."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split()[1] for line in lines if line.startswith(word)]


async def _lapse() -> None:
    await sql.run("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE state = 'PROCESSING'")


async def _check_invariants() -> None:
    """What must hold of every job when all is quiet."""
    assert await sql.rows("SELECT id FROM jobs WHERE completed_at IS NULL") == []
    assert (
        await sql.rows(
            "SELECT job_id FROM job_attempts WHERE outcome = 'COMPLETED' GROUP BY job_id HAVING count(*) > 1"
        )
        == []
    )
    assert await sql.rows("SELECT id FROM job_attempts WHERE outcome IS NULL") == []
    assert (
        await sql.rows(
            """SELECT job_id FROM job_events GROUP BY job_id
        HAVING count(*) <> max(version) OR min(version) <> 1"""
        )
        == []
    )


async def test_a_killed_workers_job_runs_again(services: Services, workers: Workers, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    first = await workers.start(children=1)
    job = await submitted(services, "TEST_CHILD", function="count", args=[3.0], effects=str(effects))
    await until(job.id, lambda row: row.progress > 0)
    children = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    await workers.ended(first)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []  # nothing that it started lives on
    await workers.start(children=1)
    await _lapse()
    began = time.monotonic()
    again = await until(job.id, lambda row: row.state == "PROCESSING" and row.epoch == 2)
    print(f"runs again {time.monotonic() - began:.1f} s after its lease lapsed")
    assert (again.crashes, again.attempt) == (1, 1)
    done = await ended(job.id)
    assert done.state == "COMPLETED"
    assert (_effects(effects, "began"), _effects(effects, "ended")) == ([str(job.id)] * 2, [str(job.id)])
    await _check_invariants()


async def test_a_paused_worker_that_wakes_up_changes_nothing(
    services: Services, workers: Workers, tmp_path: Path
) -> None:
    effects = tmp_path / "effects"
    first = await workers.start(slots=1)
    job = await submitted(services, "TEST_STEPS", step=0.05, file="a film", effects=str(effects))
    await until(job.id, lambda row: row.progress > 0)
    first.send_signal(signal.SIGSTOP)
    await workers.start(slots=1)
    await _lapse()
    done = await ended(job.id)
    first.send_signal(signal.SIGCONT)
    await asyncio.sleep(3.0)
    after = await Job.get(id=job.id)
    assert (after.version, after.state, after.epoch) == (done.version, "COMPLETED", 2)
    assert len((await jobs.outputs_for([job.id]))[job.id]) == 1
    published = list((tmp_path / "home" / "files").rglob("*.txt"))
    assert [path.parent.name for path in published] == ["2"]
    assert "lease_lost" in workers.log()
    assert first.poll() is None
    await _check_invariants()


async def test_jobs_start_soon_after_the_bell(services: Services, workers: Workers) -> None:
    await workers.start(slots=2)
    waits = []
    for _ in range(40):
        job = await submitted(services, "TEST_NOOP")
        done = await ended(job.id)
        assert done.started_at is not None
        waits.append((done.started_at - done.created_at).total_seconds())
    median = sorted(waits)[len(waits) // 2]
    print(f"median start {1000 * median:.1f} ms, worst {1000 * max(waits):.1f} ms")
    assert median < 0.05 * 3


async def test_a_database_that_stops_at_once_loses_nothing(tmp_path: Path) -> None:
    """In the middle of runs and of settlements; a home of its own, with the durability of the product."""
    effects = tmp_path / "effects"
    home = Home(tmp_path / "engines")
    made: list[Job] = []
    with open_engines(home) as engines:
        assert engines.postgres is not None
        url, redis_url = engines.addresses.database_url, engines.addresses.redis_url
        await migrate(url)
        async with (
            open_database(url),
            worker_processes(url, redis_url, tmp_path / "home") as workers,
            job_services(redis_url, tmp_path / "home") as services,
        ):
            await workers.start(slots=4)
            for round_number in range(3):
                for _ in range(8):
                    step = 0.02 if round_number else 0.05
                    made.append(await submitted(services, "TEST_STEPS", step=step, effects=str(effects)))
                await asyncio.sleep(0.7)
                assert engines.postgres.process is not None
                engines.postgres.process.send_signal(signal.SIGQUIT)
                engines.postgres.process.wait(10)
                engines.postgres.start()
                engines.postgres.wait_until_ready()
                await _reconnected()
            done = [await ended(job.id, 90.0) for job in made]
            await _check_invariants()
    assert {job.state for job in done} == {"COMPLETED"}
    assert set(_effects(effects, "ended")) == {str(job.id) for job in made}


async def _reconnected() -> None:
    """The pool gives out connections that were broken once each."""
    for _ in range(20):
        try:
            await sql.rows("SELECT 1")
        except Exception:
            await asyncio.sleep(0.1)
        else:
            return
