"""Of jobs that ended long ago the first and the last change stay, and no statement removes without bound."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tortoise.context import TortoiseContext

from db import event_thinning, job_rows, sql
from db.event_thinning import thin_out
from db.jobs import Job, JobEvent
from domain.accounts import Viewer, local_owner
from tests.support.rows import a_job

DAY_SECONDS = 86_400.0
OLD: dict[str, Any] = {"completed_at": datetime.now(UTC) - timedelta(days=10)}
YOUNG: dict[str, Any] = {"completed_at": datetime.now(UTC) - timedelta(days=5)}


@pytest.fixture
async def viewer(database: TortoiseContext) -> Viewer:
    return await local_owner()


async def with_changes(job: Job, progress: int) -> Job:
    """Waiting, so many changes while it ran, and its end."""
    job.version = progress + 2
    await job.save(update_fields=["version"])
    states = ["PENDING", *["PROCESSING"] * progress, "COMPLETED"]
    for version, state in enumerate(states, 1):
        await sql.run(
            "INSERT INTO job_events (xid, job_id, owner_id, version, epoch, state, progress, at)"
            " VALUES (1, $1, $2, $3, 1, $4, 0, now())",
            job.id,
            job.owner_id,
            version,
            state,
        )
    return job


async def left(job: Job) -> list[str]:
    return [event.state for event in await JobEvent.filter(job_id=job.id).order_by("version")]


async def test_progress_goes_after_its_time_and_both_ends_stay(viewer: Viewer) -> None:
    old, young = await a_job(viewer, **OLD), await a_job(viewer, **YOUNG)
    running = await a_job(viewer, state="PROCESSING", completed_at=None, lease_until=datetime.now(UTC))
    for job in (old, young, running):
        await with_changes(job, 3)
    await sql.run("UPDATE jobs SET owner_id = $1 WHERE id = $2", UUID(int=7), young.id)
    assert await thin_out(7 * DAY_SECONDS) == 3
    assert await left(old) == ["PENDING", "COMPLETED"]
    assert (len(await left(young)), len(await left(running))) == (5, 5)
    assert await thin_out(3 * DAY_SECONDS) == 3  # of another owner
    assert await left(young) == ["PENDING", "COMPLETED"]
    assert await thin_out(3 * DAY_SECONDS) == 0


@pytest.mark.parametrize(("jobs", "events"), [(2, 20_000), (200, 4), (1, 1), (3, 5)])
async def test_no_statement_looks_at_or_removes_more_than_a_batch(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch, jobs: int, events: int
) -> None:
    monkeypatch.setattr(event_thinning, "JOBS_A_BATCH", jobs)
    monkeypatch.setattr(event_thinning, "EVENTS_A_BATCH", events)
    old = [await with_changes(await a_job(viewer, **OLD), 1 + number % 3) for number in range(7)]
    ask, removed = sql.rows, list[int]()

    async def rows(statement: str, *values: object) -> list[dict[str, int]]:
        found = await ask(statement, *values)
        removed.extend(row["events"] for row in found if "events" in row)
        return found

    monkeypatch.setattr(sql, "rows", rows)
    assert await thin_out(7 * DAY_SECONDS) == sum(removed) == 1 + 2 + 3 + 1 + 2 + 3 + 1
    assert max(removed) <= min(events, 3 * jobs)
    assert [await left(job) for job in old] == [["PENDING", "COMPLETED"]] * 7


async def test_what_somebody_holds_just_now_is_left_for_the_next_day(viewer: Viewer) -> None:
    held, free = [await with_changes(await a_job(viewer, **OLD), 2) for _ in range(2)]
    is_held, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with job_rows.IN_TRANSACTION():
            await sql.rows("SELECT id FROM jobs WHERE id = $1 FOR UPDATE", held.id)
            is_held.set()
            await done.wait()

    holding = asyncio.create_task(hold(), context=copy_context())
    await is_held.wait()
    async with asyncio.timeout(10):
        assert await thin_out(7 * DAY_SECONDS) == 2
    assert (len(await left(held)), await left(free)) == (4, ["PENDING", "COMPLETED"])
    done.set()
    await holding
    assert await thin_out(7 * DAY_SECONDS) == 2


async def test_the_index_of_ends_is_read_and_not_the_tables(viewer: Viewer) -> None:
    await sql.run(
        "INSERT INTO jobs (id, kind, owner_id, params, stages, state, run_at, queue_at, created_at,"
        " updated_at, completed_at, version)"
        " SELECT gen_random_uuid(), 'PARTICLE_RENDER', $1, '{}', '[]', 'COMPLETED', t, t, t, t, t, 4"
        " FROM (SELECT now() - n * interval '1 second' AS t FROM generate_series(1, 5000) n) times",
        viewer.id,
    )
    await sql.run(
        "INSERT INTO job_events (xid, job_id, owner_id, version, epoch, state, progress, at)"
        " SELECT 1, id, owner_id, n, 1, 'PROCESSING', 0, now() FROM jobs, generate_series(1, 4) n"
    )
    await sql.run("ANALYZE")
    values = (viewer.id, await sql.now(), UUID(int=0), 20, event_thinning.EVENTS_A_BATCH)
    explained = await sql.rows(f"EXPLAIN {event_thinning._THIN_OUT}", *values)
    plan = "\n".join(row["QUERY PLAN"] for row in explained)
    assert "jobs_by_end" in plan
    assert "Seq Scan" not in plan, plan
