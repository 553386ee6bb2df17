"""P13: a cancel is prompt and final, whatever the job is doing and whether Redis is there or not."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

import psutil
import pytest

from app.engines import Engines
from app.engines.processes import start_ticks
from db import job_rows, sql
from db.jobs import Job
from domain.accounts import local_owner
from domain.errors import Conflict
from domain.jobs import cancel
from domain.ports import Services
from tests.support import invariants
from tests.support.effects import Effects
from tests.support.engine_faults import start, stop
from tests.support.figures import Figures
from tests.support.films import films
from tests.support.job_workers import Workers, worker_processes
from tests.support.job_world import ended, job_services, submitted, until
from tests.support.left_over import files_below, still_there
from tests.support.server import running_server

pytestmark = [pytest.mark.slow, pytest.mark.promise("P13"), pytest.mark.timeout(600)]

CANCEL = "mutation ($id: ID!) { cancelJob(id: $id) { id status } }"
RACES, AT_ONCE = 1000, 25
FUNCTIONS = ("count", "hang")  # with progress, and deaf to SIGTERM


@pytest.fixture
async def services(own_engines: Engines, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(own_engines.addresses.redis_url, tmp_path / "home") as opened:
        yield opened


@pytest.fixture
async def workers(own_engines: Engines, tmp_path: Path) -> AsyncIterator[Workers]:
    addresses = own_engines.addresses
    async with worker_processes(addresses.database_url, addresses.redis_url, tmp_path / "home") as started:
        yield started


async def test_a_cancel_is_prompt_for_waiting_and_running_jobs_and_without_redis(
    own_engines: Engines,
    services: Services,
    workers: Workers,
    effects: Effects,
    figures: Figures,
    tmp_path: Path,
) -> None:
    addresses = own_engines.addresses
    worker = await workers.start(slots=1, children=1)
    with running_server(addresses.database_url, addresses.redis_url, workers=0, ready=False) as server:
        waiting, running = await _cancels(server.base_url, services, worker, effects)
        figures.within("P13", "a waiting job, the worst of 6", waiting, limit=1.0)
        figures.within("P13", "a running one until its child is gone, the worst of 6", running, limit=2.0)

        await stop(own_engines.redis)
        waiting, running = await _cancels(server.base_url, services, worker, effects)
        figures.within("P13", "a waiting job, without Redis", waiting, limit=1.0)
        figures.within("P13", "a running one until its child is gone, without Redis", running, limit=3.0)
        await start(own_engines.redis)
    assert effects.jobs("ended") == []
    assert worker.poll() is None
    await invariants.check(tmp_path / "home" / "files")


async def _cancels(
    base_url: str, services: Services, worker: subprocess.Popen[bytes], effects: Effects
) -> tuple[float, float]:
    """Seconds until the end: of waiting jobs over HTTP, of running ones and their children."""
    waiting, running = [], []
    async with films(base_url) as client:
        for function in FUNCTIONS * 3:
            args = [60.0] if function == "count" else []
            job = await submitted(
                services, "TEST_CHILD", function=function, args=args, effects=str(effects.path)
            )
            await until(job.id, lambda row: row.state == "PROCESSING")
            child = await _busy_child(worker)
            film = await client.ask()  # the only slot is taken
            began = time.monotonic()
            answer = await client.api.run(CANCEL, id=str(film))
            waiting.append(time.monotonic() - began)
            assert answer["cancelJob"]["status"] == "CANCELLED"

            began = time.monotonic()
            await cancel(await local_owner(), job.id, services=services)
            done = await ended(job.id)
            while start_ticks(child) is not None:
                await asyncio.sleep(0.005)
            running.append(time.monotonic() - began)
            assert (done.state, done.crashes) == ("CANCELLED", 0)
    return max(waiting), max(running)


async def _busy_child(worker: subprocess.Popen[bytes]) -> int:
    """The child that computes."""
    while True:
        for child in psutil.Process(worker.pid).children():
            before = sum(child.cpu_times()[:2])
            await asyncio.sleep(0.1)
            if child.is_running() and sum(child.cpu_times()[:2]) - before > 0.01:
                return child.pid


async def test_1000_races_of_cancel_and_finish_leave_one_end_each(
    services: Services, workers: Workers, figures: Figures, rng: random.Random, tmp_path: Path
) -> None:
    for _ in range(2):
        workers.launch(slots=8)
    for process in workers.started:
        await workers.takes_part(process)
    took = [0.1]  # seconds from submit to end
    left = iter(range(RACES))

    async def race() -> None:
        for _ in left:
            await _race(services, took, rng)

    await asyncio.gather(*(race() for _ in range(AT_ONCE)))
    await invariants.check(tmp_path / "home" / "files")
    await _hold(figures, tmp_path / "home")


async def _race(services: Services, took: list[float], rng: random.Random) -> None:
    """A job with a file, and a cancel at about the time when the last ones ended."""
    job = await submitted(services, "TEST_STEPS", step=0.0, file="a film")
    await asyncio.sleep(rng.uniform(0.0, 1.5 * median(took[-50:])))
    try:
        said = (await cancel(await local_owner(), job.id, services=services)).state
    except Conflict:
        said = "COMPLETED"
    done = await ended(job.id, 60.0)
    if done.state == "COMPLETED" and done.completed_at is not None:
        took.append((done.completed_at - done.created_at).total_seconds())
    assert (said, done.state) in {
        ("CANCELLED", "CANCELLED"),
        ("PROCESSING", "CANCELLED"),
        ("PROCESSING", "COMPLETED"),
        ("COMPLETED", "COMPLETED"),
    }


async def _hold(figures: Figures, home: Path) -> None:
    jobs = list(await Job.all())
    states = Counter(job.state for job in jobs)
    asked = sum(job.cancel_requested_at is not None and job.epoch > 0 for job in jobs)
    figures.note("P13", "of 1000 races, cancelled", states["CANCELLED"])
    figures.note("P13", "of 1000 races, cancelled while it ran or as it ended", asked)
    assert set(states) == {"COMPLETED", "CANCELLED"}
    assert min(states.values()) > RACES / 50  # both did win
    ends = await sql.rows(
        "SELECT count(*) AS n FROM job_events WHERE state IN ('COMPLETED', 'FAILED', 'CANCELLED')"
    )
    figures.exactly("P13", "ends of 1000 jobs in 1000 races", ends[0]["n"], len(jobs))
    named = {row["key"] for row in await sql.rows("SELECT key FROM assets")}
    assert len(named) == states["COMPLETED"]
    assert await still_there(lambda: sorted(_stored(home / "files") - named)) == []
    assert _stored(home / "files") == named
    assert await still_there(lambda: [path.name for path in (home / "scratch" / "jobs").iterdir()]) == []
    assert {row.crashes for row in (await job_rows.by_ids([job.id for job in jobs])).values()} == {0}


def _stored(files: Path) -> set[str]:
    return {str(path.relative_to(files)) for path in files_below(files)}
