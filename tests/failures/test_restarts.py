"""P14: workers are stopped and replaced all the time, and nobody who waits for a job can tell."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest

from db import job_rows, sql
from domain.ports import Services
from tests.support.effects import Effects
from tests.support.figures import Figures
from tests.support.invariants import quiet
from tests.support.job_workers import Workers
from tests.support.job_world import ended, submitted, until
from tests.support.server import environment, starling

pytestmark = [
    pytest.mark.slow,
    pytest.mark.promise("P14"),
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("invariants"),
]

RESTARTS, FLEET = 20, 2
LOAD_PAUSE_SECONDS = 0.08


async def test_20_rolling_restarts_under_load_lose_nothing_and_spend_no_attempt(
    services: Services, workers: Workers, effects: Effects, figures: Figures
) -> None:
    """Short jobs end within the grace; those that take longer than it are released, and run again."""
    fleet = [await workers.start(slots=4, children=1) for _ in range(FLEET)]
    long = [await _submit(services, effects, "TEST_CHILD", function="count", args=[10.0]) for _ in range(3)]
    short: list[UUID] = []
    is_enough = asyncio.Event()
    loading = asyncio.create_task(_load(services, effects, short, is_enough))
    codes = []
    for _ in range(RESTARTS // FLEET):
        fresh = [workers.launch(slots=4, children=1) for _ in range(FLEET)]
        for old, new in zip(fleet, fresh, strict=True):
            await workers.takes_part(new)
            old.send_signal(signal.SIGTERM)
            codes.append(await workers.ended(old))
        fleet = fresh
    assert not loading.done()
    is_enough.set()
    await loading
    await quiet()
    assert codes == [0] * RESTARTS
    await _hold(long, short, effects, figures)


async def _load(
    services: Services, effects: Effects, submitted_ids: list[UUID], is_enough: asyncio.Event
) -> None:
    """Not cancelled: a job may have been submitted whose id was not told yet."""
    while not is_enough.is_set():
        submitted_ids.append(await _submit(services, effects, "TEST_STEPS", step=0.005))
        await asyncio.sleep(LOAD_PAUSE_SECONDS)


async def _submit(services: Services, effects: Effects, kind: str, **params: Any) -> UUID:
    return (await submitted(services, kind, effects=str(effects.path), **params)).id


async def _hold(long: list[UUID], short: list[UUID], effects: Effects, figures: Figures) -> None:
    rows = (await job_rows.by_ids([*long, *short])).values()
    outcomes = Counter(row["outcome"] for row in await sql.rows("SELECT outcome FROM job_attempts"))
    longest = max((row.completed_at - row.created_at).total_seconds() for row in rows if row.completed_at)
    figures.note("P14", "jobs that went through 20 restarts", len(rows))
    figures.note("P14", "runs that were released", outcomes["RELEASED"])
    figures.note("P14", "from submit to end, at worst", longest, "s")
    assert {(row.state, row.attempt, row.crashes) for row in rows} == {("COMPLETED", 1, 0)}
    figures.exactly("P14", "attempts spent by 20 restarts", sum(row.attempt - 1 for row in rows), 0)
    figures.exactly("P14", "jobs lost in 20 restarts", len(rows) - len(set(effects.jobs("ended"))), 0)
    assert set(outcomes) == {"COMPLETED", "RELEASED"}
    assert len(effects.jobs("ended")) == outcomes["COMPLETED"] == len(rows)
    released = await sql.rows("SELECT DISTINCT job_id FROM job_attempts WHERE outcome = 'RELEASED'")
    assert {row["job_id"] for row in released} & set(long)


async def test_a_second_sigterm_neither_hurries_nor_disturbs_the_drain(
    services: Services, workers: Workers, effects: Effects, figures: Figures
) -> None:
    first = await workers.start(slots=2, children=1)
    job = await submitted(services, "TEST_CHILD", function="count", args=[2.0], effects=str(effects.path))
    await until(job.id, lambda row: row.progress > 0)
    began = time.monotonic()
    for _ in range(2):
        first.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.05)
    assert await workers.ended(first) == 0
    figures.within(
        "P14", "a worker that is told twice to stop, grace of 0.2 s", time.monotonic() - began, 2.0
    )
    released = (await job_rows.by_ids([job.id]))[job.id]
    assert (released.state, released.attempt, released.crashes) == ("PENDING", 0, 0)
    assert await sql.rows("SELECT id FROM workers") == []
    await workers.start(slots=2, children=1)
    assert (await ended(job.id)).attempt == 1


async def test_a_sigterm_while_a_worker_starts_and_warms_up_ends_it_cleanly(
    database_url: str, redis_url: str, tmp_path: Path, rng: random.Random, figures: Figures
) -> None:
    """The product's own worker, whose children compile and load what they need."""
    given = environment(tmp_path / "started", DATABASE_URL=database_url, REDIS_URL=redis_url)
    starting = [starling(["worker"], given, tmp_path / "started.log") for _ in range(4)]
    waits = []
    for process in starting:
        children = await _has_children(process)
        await asyncio.sleep(rng.uniform(0.0, 0.5))
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 20.0) == 0, (tmp_path / "started.log").read_text()
        waits.append(time.monotonic() - began)
        assert not any(child.is_running() for child in children)
    figures.within("P14", "a worker that is told to stop while it warms up", max(waits), limit=2.0)
    assert await sql.rows("SELECT id FROM workers") == []


async def _has_children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    while not (children := psutil.Process(process.pid).children()):
        assert process.poll() is None
        await asyncio.sleep(0.01)
    return children
