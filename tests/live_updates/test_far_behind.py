"""Who has missed more changes than are worth telling begins again with the jobs as they are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from db import job_events, sql
from db.job_events import Place
from db.jobs import Job
from domain import jobs
from domain.accounts import Viewer
from domain.jobs import all_updates, watch_all
from domain.jobs.cursors import Reading
from domain.ports import Services
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


@pytest.mark.parametrize("only_newest", [False, True])
async def test_a_watcher_who_was_cut_off_for_long_starts_with_the_jobs_as_they_are(
    viewer: Viewer, services: Services, only_newest: bool
) -> None:
    """The database was away for his server, and not for the workers."""
    over = await an_ended_one(viewer, services)
    *_, opened = [step async for step in all_updates.opening_all(viewer, services=services)]
    living = await submit_one(viewer, services)
    await sql.run(_CHANGES, over.id, BOUND)
    behind = all_updates.opening_all(viewer, None, opened.mark, only_newest=only_newest, services=services)
    *told, end = [step async for step in behind]
    assert [step.item.job.id for step in told if step.item is not None] == [living.id]
    await jobs.cancel(viewer, living.id, services=services)
    following = all_updates.following_all(viewer, None, end.mark, services=services)
    step = await anext(following)
    assert step.item is not None
    assert (step.item.job.id, step.item.status) == (living.id, "CANCELLED")
    await following.aclose()
