"""Runs by a real worker over the real engines: every way a run can end, and what it leaves."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from app.storage import FolderFiles
from db import job_moves, sql
from db.jobs import Job
from domain import jobs
from domain.accounts import local_owner
from domain.jobs import Priority, protocol
from domain.jobs.requests import JobOptions
from domain.ports import Services
from domain.tallies import SUM
from tests.support.job_world import ended, job_services, options, submitted, until, worker_here
from tests.support.log_lines import written_logs
from tests.support.processes import pool_children
from tests.support.unheard import first_settlement_unheard
from workers import heart, tallies
from workers.process import MissingHandler, boot_check

pytestmark = pytest.mark.usefixtures("database")
MEGABYTE = 1024**2


@pytest.fixture
async def services(redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path) as opened:
        yield opened


def _left(tmp_path: Path) -> list[Path]:
    """Files of runs that nobody removed."""
    return list((tmp_path / "scratch" / "jobs").rglob("*"))


def _runs(services: Services, kind: str, outcome: str) -> float:
    """How many runs were counted as having ended so."""
    series = (tallies.RUN_SECONDS.name, kind, outcome)
    counted = services.tallies.totals().items()
    return sum(number for name, number in counted if name[:3] == series and name[-1] != SUM)


def _leases_lost(services: Services, kind: str) -> float:
    return services.tallies.totals()[tallies.LEASES_LOST.name, kind]


async def _outcomes(job: Job) -> list[str]:
    rows = await sql.rows("SELECT outcome FROM job_attempts WHERE job_id = $1 ORDER BY epoch", job.id)
    return [row["outcome"] for row in rows]


async def test_bad_input_fails_at_once_with_its_sentence(
    services: Services, redis_url: str, tmp_path: Path
) -> None:
    async with worker_here(services, options(redis_url)):
        done = await ended((await submitted(services, "TEST_FAILS", how="input")).id)
    assert (done.state, done.attempt) == ("FAILED", 1)
    assert done.error == {"code": "BAD_USER_INPUT", "message": "width must be even"}
    assert await _outcomes(done) == ["FAILED"]
    assert _left(tmp_path) == []


@pytest.mark.parametrize(
    ("how", "code", "sentence"),
    [
        ("crashed code", "INTERNAL", "The job failed unexpectedly"),
        ("disk", "STORAGE_FULL", "There is no room left to store the result"),
    ],
)
async def test_what_may_pass_is_tried_again(
    services: Services,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    code: str,
    sentence: str,
) -> None:
    monkeypatch.setattr(protocol, "RETRY_BASE_SECONDS", 0.01)
    async with worker_here(services, options(redis_url)):
        passing = await submitted(services, "TEST_FAILS", how=how, times=2)
        lasting = await submitted(services, "TEST_FAILS", how=how)
        assert (await ended(passing.id)).result == {"attempt": 3}
        done = await ended(lasting.id)
    assert (done.state, done.attempt, done.crashes) == ("FAILED", 3, 0)
    assert done.error == {"code": code, "message": sentence}
    assert await _outcomes(done) == ["RETRIED", "RETRIED", "FAILED"]


class _SlowStore(FolderFiles):
    async def put(self, key: str, source: Path) -> None:
        await asyncio.sleep(2.5)
        await super().put(key, source)


async def test_a_slow_store_is_no_stall(services: Services, redis_url: str, tmp_path: Path) -> None:
    slow = replace(services, files=_SlowStore(tmp_path / "files"))
    async with worker_here(slow, options(redis_url)):
        job = await submitted(slow, "TEST_STALLS", file="a film")
        done = await ended(job.id)
    assert (done.state, done.error) == ("COMPLETED", None)


async def test_a_stalled_job_is_stopped(services: Services, redis_url: str) -> None:
    async with worker_here(services, options(redis_url)):
        job = await submitted(services, "TEST_STALLS")
        began = time.monotonic()
        done = await ended(job.id)
    assert (done.state, done.error["code"]) == ("FAILED", "TIMEOUT")
    assert time.monotonic() - began < 6.0


async def _busy_child() -> psutil.Process:
    """The one that burns, once it has burnt for a while."""
    async with asyncio.timeout(20):
        while not (busy := [child for child in pool_children() if child.cpu_times().user > 1.0]):
            await asyncio.sleep(0.02)
    (found,) = busy
    return found


async def test_a_running_job_is_cancelled_within_two_seconds(
    services: Services, redis_url: str, tmp_path: Path
) -> None:
    """Its child is deaf to everything but SIGKILL."""
    async with worker_here(services, options(redis_url, children=1)):
        job = await submitted(services, "TEST_CHILD", function="hang")
        await until(job.id, lambda row: row.state == "PROCESSING" and row.version > 2)
        busy = await _busy_child()
        began = time.monotonic()
        await jobs.cancel(await local_owner(), job.id, services=services)
        done = await ended(job.id)
        took = time.monotonic() - began
        assert not busy.is_running()
    print(f"cancelled in {took:.2f} s")
    assert done.state == "CANCELLED"
    assert took < 2.0 * 3
    assert await _outcomes(done) == ["CANCELLED"]
    assert services.tallies.totals()[tallies.ENDED.name, "TEST_CHILD", "cancelled"] == 1
    assert _runs(services, "TEST_CHILD", "cancelled") == 1
    assert _left(tmp_path) == []


async def test_a_cancel_reaches_the_worker_without_redis(
    services: Services, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker_here(services, options(redis_url)):
        job = await submitted(services, "TEST_STEPS", step=5.0)
        await until(job.id, lambda row: row.version > 2)
        assert await job_moves.cancel(job.id, job.owner_id) is not None  # and no nudge
        assert (await ended(job.id, 6.0)).state == "CANCELLED"


async def test_a_poison_job_takes_nobody_along(
    services: Services, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.settle.CRASH_DELAY_SECONDS", 0.2)
    async with worker_here(services, options(redis_url, children=2)):
        poison = await submitted(services, "TEST_CHILD", function="segfault")
        others = [await submitted(services, "TEST_NOOP") for _ in range(20)]
        done = await ended(poison.id)
        assert {(await ended(job.id)).state for job in others} == {"COMPLETED"}
    assert (done.state, done.crashes, done.attempt) == ("FAILED", 3, 0)
    assert done.error["code"] == "WORKER_LOST"
    assert await _outcomes(done) == ["LOST", "LOST", "LOST"]


async def test_a_job_that_takes_all_memory_is_ended(
    services: Services, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.settle.CRASH_DELAY_SECONDS", 0.2)
    async with worker_here(services, options(redis_url, children=1, memory=150 * MEGABYTE)):
        done = await ended((await submitted(services, "TEST_CHILD", function="hog")).id, 40.0)
    assert (done.state, done.crashes) == ("FAILED", 3)
    assert done.error["code"] == "WORKER_LOST"


async def test_progress_of_a_child_is_the_jobs(services: Services, redis_url: str) -> None:
    async with worker_here(services, options(redis_url, children=1)):
        job = await submitted(services, "TEST_CHILD", function="count", args=[4.0])
        half = await until(job.id, lambda row: row.progress > 40.0)
        assert half.message == "counting"
        assert half.eta_seconds is not None and 0.1 < half.eta_seconds < 20.0
        assert half.stages[0]["status"] == "PROCESSING"
        done = await ended(job.id)
    assert done.result["value"] != os.getpid()
    writes = await sql.rows("SELECT at FROM job_events WHERE job_id = $1 AND state = 'PROCESSING'", job.id)
    took = (done.completed_at - done.started_at).total_seconds()  # type: ignore[operator]
    assert len(writes) <= 4 * took + 4


async def test_a_stopping_worker_releases_and_spends_no_attempt(services: Services, redis_url: str) -> None:
    async with worker_here(services, options(redis_url)):
        job = await submitted(services, "TEST_STEPS", step=5.0)
        await until(job.id, lambda row: row.version > 2)
    released = await Job.get(id=job.id)
    assert (released.state, released.attempt, released.crashes, released.epoch) == ("PENDING", 0, 0, 1)
    assert await _outcomes(released) == ["RELEASED"]
    assert services.tallies.totals()[tallies.RELEASES.name, "TEST_STEPS"] == 1
    assert _runs(services, "TEST_STEPS", "released") == 1
    assert await sql.rows("SELECT 1 FROM workers") == []


async def test_a_lost_lease_stops_the_work_and_says_nothing(
    services: Services, redis_url: str, tmp_path: Path
) -> None:
    effects = tmp_path / "effects"
    async with worker_here(services, options(redis_url, slots=1)):
        job = await submitted(services, "TEST_STEPS", step=0.2, effects=str(effects), file="mine")
        await until(job.id, lambda row: row.version > 2)
        await sql.run("UPDATE jobs SET epoch = epoch + 1, worker = 'another' WHERE id = $1", job.id)
        another = await Job.get(id=job.id)
        await asyncio.sleep(3.0)
        after = await Job.get(id=job.id)
    assert (after.version, after.state, after.worker) == (another.version, "PROCESSING", "another")
    assert [line.split()[0] for line in effects.read_text().splitlines()] == ["began"]
    assert _left(tmp_path) == []
    assert list((tmp_path / "files").rglob("*.txt")) == []
    assert _leases_lost(services, "TEST_STEPS") == _runs(services, "TEST_STEPS", "lost") == 1


async def test_a_database_that_is_away_for_the_lease_ends_the_run(
    services: Services, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's own clock tells it that somebody else may have the job."""
    monkeypatch.setattr(heart, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(heart, "MARGIN_SECONDS", 0.5)
    effects = tmp_path / "effects"

    async def away(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    async with worker_here(services, options(redis_url)):
        job = await submitted(services, "TEST_STEPS", step=0.3, effects=str(effects))
        await until(job.id, lambda row: row.version > 2)
        monkeypatch.setattr(job_moves, "report", away)
        monkeypatch.setattr(job_moves, "beat", away)
        async with asyncio.timeout(20.0):
            while not _runs(services, "TEST_STEPS", "lost"):
                await asyncio.sleep(0.02)
        assert [line.split()[0] for line in effects.read_text().splitlines()] == ["began"]
        assert (await Job.get(id=job.id)).state == "PROCESSING"
        assert _leases_lost(services, "TEST_STEPS") == _runs(services, "TEST_STEPS", "lost") == 1


async def test_a_run_that_could_not_be_settled_within_its_lease_is_counted_as_lost(
    services: Services, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heart, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(heart, "MARGIN_SECONDS", 0.5)

    async def away(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(job_moves, "complete", away)
    async with worker_here(services, options(redis_url)):
        await submitted(services, "TEST_NOOP")
        async with asyncio.timeout(20.0):
            while not _runs(services, "TEST_NOOP", "lost"):
                await asyncio.sleep(0.02)
    assert _leases_lost(services, "TEST_NOOP") == _runs(services, "TEST_NOOP", "lost") == 1


async def test_a_run_that_cannot_be_settled_at_all_is_told_with_its_job(
    services: Services, redis_url: str
) -> None:
    await sql.run("ALTER TABLE jobs ADD CONSTRAINT none_fails CHECK (error IS NULL)")
    with written_logs() as written:
        async with worker_here(services, options(redis_url)):
            job = await submitted(services, "TEST_FAILS", how="input")
            async with asyncio.timeout(20.0):
                while "a lane of" not in written.getvalue():
                    await asyncio.sleep(0.02)
        told = [line for line in written.lines() if "a lane of" in line["message"]]
    assert {line.get("job_id") for line in told} == {str(job.id)}
    assert "none_fails" in told[0]["error"]


async def test_a_settlement_whose_answer_was_lost_keeps_its_files(
    services: Services, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction was committed, and then the connection broke: the second try finds it done."""
    unheard = first_settlement_unheard(monkeypatch)
    async with worker_here(services, options(redis_url)):
        job = await submitted(services, "TEST_STEPS", file="kept")
        await ended(job.id)
        await asyncio.sleep(1.0)
    assert len(unheard.answers) == 2 and unheard.answers[1] is None
    (output,) = (await jobs.outputs_for([job.id]))[job.id]
    assert await services.files.exists(output.asset.key)


@pytest.mark.xdist_group("waiting")
@pytest.mark.slow
async def test_a_claim_whose_answer_was_lost_is_given_back(services: Services, redis_url: str) -> None:
    async with worker_here(services, options(redis_url)):
        mine = await submitted(services, "TEST_STEPS", step=0.6)
        held = await until(mine.id, lambda row: row.version > 2)
        await sql.run(
            """INSERT INTO jobs (id, kind, owner_id, params, stages, state, run_at, queue_at, attempt, epoch,
              lease_until, worker, started_at, created_at, updated_at)
            SELECT gen_random_uuid(), 'TEST_NOOP', owner_id, '{}', stages, 'PROCESSING', now(), now(), 1, 1,
              now() + interval '30 seconds', $2, now() - interval '20 seconds', now(), now()
            FROM jobs WHERE id = $1""",
            mine.id,
            held.worker,
        )
        (lost,) = await Job.filter(kind="TEST_NOOP")
        done = await ended(lost.id)
        assert (done.state, done.attempt, done.crashes, done.epoch) == ("COMPLETED", 1, 0, 2)
        assert (await ended(mine.id, 30.0)).epoch == 1


async def test_a_worker_takes_the_important_first(services: Services, redis_url: str, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    made = {}
    for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH):
        chosen = JobOptions(priority=priority)
        made[priority] = await submitted(services, "TEST_NOOP", effects=str(effects), options=chosen)
    async with worker_here(services, options(redis_url, slots=1)):
        for job in made.values():
            await ended(job.id)
    ran = [line.split()[1] for line in effects.read_text().splitlines()]
    assert ran == [str(made[priority].id) for priority in (Priority.HIGH, Priority.NORMAL, Priority.LOW)]


async def test_jobs_run_without_redis(tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/no.sock"
    async with job_services(nowhere, tmp_path) as services, worker_here(services, options(nowhere)):
        began = time.monotonic()
        made = [await submitted(services, "TEST_NOOP") for _ in range(20)]
        submitting = time.monotonic() - began
        assert {(await ended(job.id)).state for job in made} == {"COMPLETED"}
    assert submitting < 5.0


async def test_a_kind_that_this_worker_does_not_know_waits(services: Services, redis_url: str) -> None:
    unknown = await submitted(services, "TEST_NOOP")
    await sql.run("UPDATE jobs SET kind = 'FROM_THE_FUTURE'")
    async with worker_here(services, options(redis_url)):
        known = await submitted(services, "TEST_NOOP")
        await services.doorbell.ring([unknown.id] * 5)
        await ended(known.id)
        await asyncio.sleep(2.5)
    after = await Job.get(id=unknown.id)
    assert (after.state, after.version, after.epoch) == ("PENDING", unknown.version, 0)


def test_the_boot_check_names_what_is_missing() -> None:
    with pytest.raises(MissingHandler, match="TEST_NOOP"):
        boot_check({})
