"""A cursor that too many changes came after starts again, with the jobs as they are; no live watcher does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from db import job_events, sql
from db.job_events import Place
from db.jobs import Job
from domain import jobs
from domain.accounts import Viewer
from domain.jobs import JobFilter, watch_all
from domain.jobs.announce import ALL_JOBS
from domain.jobs.cursors import Reading
from domain.ports import Services
from tests.support.inprocess import subscribers, until
from tests.support.music import somebody_else
from tests.support.watched_jobs import claim_next, complete, next_of, said_by, submit_one

BOUND = 20
# Of versions that no later one of the job has, and lower than what it is.
_CHANGES = """
INSERT INTO job_events (xid, job_id, owner_id, version, epoch, state, progress, at)
SELECT pg_current_xact_id()::text::bigint, id, owner_id, -n, epoch, 'PROCESSING', 0, now()
FROM jobs, generate_series(1, $2::int) n WHERE id = $1"""


@pytest.fixture(autouse=True)
def _bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_events, "MOST_UNSEEN", BOUND)


async def an_ended_one(viewer: Viewer, services: Services) -> Job:
    job = await submit_one(viewer, services)
    await jobs.cancel(viewer, job.id, services=services)
    return job


@pytest.mark.parametrize("where", ["the log", "the first part", "a page of the log", "what was open"])
async def test_a_cursor_far_back_starts_all_jobs_as_they_are(
    viewer: Viewer, services: Services, where: str
) -> None:
    """Each change after that comes once, also to who goes on at any of them."""
    over, living = await an_ended_one(viewer, services), await submit_one(viewer, services)
    await sql.run(_CHANGES, over.id, BOUND + 1)
    (last,) = await sql.rows("SELECT max(xid) AS xid FROM job_events")
    readings = {
        "the log": Reading(Place(0)),
        "the first part": Reading(Place(0), taken_at=datetime(2020, 1, 1, tzinfo=UTC)),
        "a page of the log": Reading(Place(0), until=Place(last["xid"])),
        "what was open": Reading(Place(last["xid"], (last["xid"],))),
    }
    updates = watch_all(viewer, None, readings[where].encode(), services=services)
    seen = [await next_of(updates)]
    await complete(await claim_next(services), services)
    seen += [await next_of(updates) for _ in range(2)]
    assert {update.job.id for update in seen} == {living.id}
    assert said_by(seen) == [("PENDING", 0.0), ("PROCESSING", 0.0), ("COMPLETED", 100.0)]
    for place, update in enumerate(seen):
        again = watch_all(viewer, None, update.cursor, services=services)
        assert said_by([await next_of(again) for _ in seen[place + 1 :]]) == said_by(seen[place + 1 :])
        with pytest.raises(TimeoutError):
            await next_of(again, 0.1)


async def test_a_cursor_that_is_not_further_back_is_told_every_change(
    viewer: Viewer, services: Services
) -> None:
    updates = watch_all(viewer, services=services)
    living = await submit_one(viewer, services)
    first = await next_of(updates)
    await sql.run(_CHANGES, living.id, BOUND)
    again = watch_all(viewer, None, first.cursor, services=services)
    assert said_by([await next_of(again) for _ in range(BOUND)]) == [("PROCESSING", 0.0)] * BOUND


async def test_a_watcher_hears_what_he_waits_for_however_much_else_comes_before(
    viewer: Viewer, services: Services
) -> None:
    """He is there all the time, though his place in the log is that of the last change that he wanted."""
    wanted = JobFilter(status=["COMPLETED"])
    living = await submit_one(viewer, services)
    first = watch_all(viewer, wanted, services=services)
    waiting = asyncio.ensure_future(anext(first))
    await until(lambda: subscribers(services) == 1)
    await sql.run(_CHANGES, living.id, BOUND + 1)
    await services.events.nudge(ALL_JOBS)
    await asyncio.sleep(0.1)
    await complete(await claim_next(services), services)
    assert (await asyncio.wait_for(waiting, 5.0)).status == "COMPLETED"
    await first.aclose()


async def test_changes_of_others_bring_no_cursor_out_of_reach(viewer: Viewer, services: Services) -> None:
    updates = watch_all(viewer, services=services)
    await submit_one(viewer, services)
    first = await next_of(updates)
    other = await submit_one(await somebody_else(), services)
    await sql.run(_CHANGES, other.id, BOUND + 1)
    await complete(await claim_next(services), services)
    again = watch_all(viewer, None, first.cursor, services=services)
    assert said_by([await next_of(again) for _ in range(2)]) == [("PROCESSING", 0.0), ("COMPLETED", 100.0)]
