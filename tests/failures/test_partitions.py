"""Networks that swallow, delay and cut: between a worker and its database, its Redis, its object store."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from db import sql
from db.jobs import Job
from domain import jobs
from domain.accounts import local_owner
from domain.ports import Services
from tests.support import invariants as rules
from tests.support.bucket_server import bucket_environment, bucket_server
from tests.support.effects import Effects
from tests.support.fault_proxy import FaultProxy
from tests.support.figures import Figures
from tests.support.job_history import attempts_of, eventually
from tests.support.job_workers import Workers
from tests.support.job_world import ended, submitted, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

LEASE_SECONDS = 30.0
BLACKHOLE_SECONDS = 60.0


@pytest.mark.xdist_group("waiting")
@pytest.mark.promise("P4")
async def test_a_worker_cut_off_from_its_database_stops_by_itself_and_comes_back(
    services: Services,
    workers: Workers,
    effects: Effects,
    database_url: str,
    figures: Figures,
    invariants: None,
) -> None:
    """Sixty seconds in which nothing passes and nobody is told; its work would outlast its lease."""
    path = str(effects.path)
    async with FaultProxy.before(database_url) as proxy:
        cut = await workers.start(slots=2, children=1, DATABASE_URL=proxy.url)
        counting = await submitted(services, "TEST_CHILD", function="count_here", args=[33.0], effects=path)
        stepping = await submitted(services, "TEST_STEPS", step=1.0, file="a film", effects=path)
        row = await until(counting.id, lambda row: row.message is not None and "in " in row.message)
        await until(stepping.id, lambda row: row.progress > 0)
        child = psutil.Process(int((row.message or "").split()[1]))
        proxy.blackhole()
        began, began_at = time.monotonic(), time.time()
        await workers.start(slots=2, children=1)
        await _gone(child, LEASE_SECONDS + 10.0)
        stopped = time.monotonic() - began
        figures.note("P4", "a worker that is cut off ends its child after", stopped, "s")
        assert stopped < LEASE_SECONDS, "it worked on when its lease may have lapsed"
        for job in (counting, stepping):
            second = await _claimed(job, 2)
            assert second > began_at + stopped, "two worked on one job"
            figures.within("P4", "another takes over from a worker that is cut off", second - began_at, 40.0)
        done = [await ended(job.id, 120.0) for job in (counting, stepping)]
        await asyncio.sleep(max(0.0, BLACKHOLE_SECONDS - (time.monotonic() - began)))
        proxy.heal()
        assert {(job.state, job.epoch, job.crashes, job.attempt) for job in done} == {("COMPLETED", 2, 1, 1)}
        assert sorted(effects.jobs("ended")) == sorted(str(job.id) for job in done)
        workers.started[1].send_signal(signal.SIGTERM)
        await workers.ended(workers.started[1])
        healed = time.monotonic()
        fresh = await submitted(services, "TEST_NOOP", effects=path)
        assert (await ended(fresh.id, 60.0)).state == "COMPLETED"
        figures.within("P4", "it takes part again once it is healed", time.monotonic() - healed, limit=10.0)
        assert [each.pid for each in await attempts_of(fresh.id)] == [cut.pid]
        assert workers.log_of(cut).count("lease_lost") == 2


async def _gone(process: psutil.Process, seconds: float) -> None:
    """Until the process has ended: a child of a worker, who reaps it."""

    async def has_ended() -> bool:
        return not process.is_running()

    await eventually(has_ended, seconds, f"process {process.pid} ends")


async def _claimed(job: Job, epoch: int) -> float:
    """When that claim was made, once it has been."""
    await until(job.id, lambda row: row.epoch >= epoch, 60.0)
    return next(each.started_at for each in await attempts_of(job.id) if each.epoch == epoch)


async def _again_and_again(fault: Callable[[], None], pause_seconds: float) -> None:
    while True:
        fault()
        await asyncio.sleep(pause_seconds)


@pytest.mark.promise("P9")
async def test_a_slow_and_a_cut_way_to_the_database_cost_time_and_nothing_else(
    services: Services,
    workers: Workers,
    effects: Effects,
    database_url: str,
    figures: Figures,
    invariants: None,
) -> None:
    """200 ms more each way; then every connection reset, then half closed, twice a second."""
    path = str(effects.path)

    async def films(number: int, what: str) -> None:
        began = time.monotonic()
        made = [
            await submitted(services, "TEST_STEPS", step=0.04, file="a film", effects=path)
            for _ in range(number)
        ]
        done = [await ended(job.id, 90.0) for job in made]
        assert {(job.state, job.attempt, job.crashes) for job in done} == {("COMPLETED", 1, 0)}
        figures.note("P9", f"{number} films of 1.3 s, six at a time, {what}", time.monotonic() - began, "s")

    async with FaultProxy.before(database_url) as proxy:
        worker = await workers.start(slots=6, DATABASE_URL=proxy.url)
        await films(12, "on a good way to the database")
        proxy.delay(0.2)
        await films(3, "with 200 ms more each way")
        proxy.heal()
        for what, fault in (("reset", proxy.reset), ("half closed", proxy.half_close)):
            cutting = asyncio.create_task(_again_and_again(fault, 0.5))
            await films(12, f"with connections {what} twice a second")
            cutting.cancel()
            await asyncio.gather(cutting, return_exceptions=True)
        assert worker.poll() is None
        done = effects.jobs("ended")
        figures.exactly(
            "P9", "jobs run to their end twice over cut connections", len(done) - len(set(done)), 0
        )


@pytest.mark.promise("P8")
async def test_a_slow_and_a_silent_redis_cost_little_time(
    services: Services,
    workers: Workers,
    effects: Effects,
    redis_url: str,
    figures: Figures,
    invariants: None,
) -> None:
    path = str(effects.path)

    async def longest_wait(number: int) -> float:
        waits = []
        for _ in range(number):
            job = await ended((await submitted(services, "TEST_NOOP", effects=path)).id)
            assert job.started_at is not None
            assert (job.state, job.attempt) == ("COMPLETED", 1)
            waits.append((job.started_at - job.created_at).total_seconds())
        return max(waits)

    async with FaultProxy.before(redis_url) as proxy:
        worker = await workers.start(slots=2, REDIS_URL=proxy.url)
        proxy.delay(0.2)
        figures.within("P8", "a job starts, Redis 200 ms away each way", await longest_wait(5), limit=2.0)
        proxy.heal()
        proxy.blackhole()
        figures.within("P8", "a job starts, Redis silent", await longest_wait(8), limit=3.0)
        proxy.heal()

        async def hears_bells_again() -> bool:
            return await longest_wait(3) < 0.5

        await eventually(hears_bells_again, 30.0, "bells are heard again")
        assert worker.poll() is None


@pytest.mark.promise("P4")
async def test_a_store_that_hangs_or_fails_holds_up_its_jobs_alone(
    services: Services, workers: Workers, effects: Effects, figures: Figures, tmp_path: Path
) -> None:
    """A hanging store is waited for, with a lease and a cancel that work; a failing one is tried again."""
    path = str(effects.path)
    with bucket_server() as bucket:
        async with FaultProxy.before(bucket) as proxy:
            workers.environment |= {**bucket_environment(proxy.url), "STORAGE_URL": "s3://films/starling"}
            worker = await workers.start(slots=3)
            proxy.blackhole()
            film, stopped = [
                await submitted(services, "TEST_STEPS", step=0.01, file="a film", effects=path)
                for _ in range(2)
            ]
            await _both_ended_their_work(effects)
            other = await ended((await submitted(services, "TEST_NOOP", effects=path)).id)
            assert other.state == "COMPLETED"
            await asyncio.sleep(2.0)
            assert (await Job.get(id=film.id)).state == "PROCESSING"
            began = time.monotonic()
            await jobs.cancel(await local_owner(), stopped.id, services=services)
            assert (await ended(stopped.id)).state == "CANCELLED"
            waited = time.monotonic() - began
            figures.within("P13", "a cancel while the store hangs", waited, limit=2.0)
            proxy.heal()
            done = await ended(film.id, 60.0)
            assert (done.state, done.attempt) == ("COMPLETED", 1)
            proxy.refuse()
            refused = await submitted(services, "TEST_STEPS", step=0.01, file="a film", effects=path)
            row = await until(refused.id, lambda row: row.attempt == 1 and row.state == "PENDING", 60.0)
            assert row.message == "Runs again: The storage did not answer"
            proxy.heal()
            again = await ended(refused.id, 60.0)
            assert (again.state, again.attempt, again.crashes) == ("COMPLETED", 2, 0)
            assert worker.poll() is None, workers.log()
        await rules.check()
        await _stored_once(bucket, [film, refused])


async def _both_ended_their_work(effects: Effects) -> None:
    async def have_ended() -> bool:
        return len(effects.jobs("ended")) == 2

    await eventually(have_ended, 30.0, "both films are drawn")


async def _stored_once(bucket: str, films: list[Job]) -> None:
    """The bytes that the rows name, under the epochs that settled."""
    rows = await sql.rows("SELECT key, size FROM assets")
    assert {row["key"].split("/")[1] for row in rows} == {str(job.id) for job in films}
    async with httpx.AsyncClient() as client:
        for row in rows:
            stored = await client.get(f"{bucket}/films/starling/{row['key']}")
            assert (stored.status_code, len(stored.content)) == (200, row["size"])
