"""Updates of one job never lie: snapshot, every change, the end; what was missed comes after a reconnect."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from db import event_thinning, job_moves, sql
from db.jobs import Job
from domain import jobs
from domain.accounts import Viewer
from domain.errors import InvalidInput, NotFound
from domain.jobs import cursors, pace, watch, watch_all
from domain.jobs import updates as updates_of_one
from domain.ports import Services
from domain.watching import Version
from tests.support.watched_jobs import claim_next, complete, next_of, report, rest_of, said_by, submit_one


async def test_every_change_comes_in_order(viewer: Viewer, services: Services) -> None:
    job = await submit_one(viewer, services)
    updates = watch(viewer, job.id, services=services)
    assert (await next_of(updates)).status == "PENDING"
    running = await claim_next(services)
    for progress in (10.0, 20.0, 30.0):
        await report(running, progress, services)
    await complete(running, services)
    rest = await rest_of(updates)
    assert said_by(rest) == [
        ("PROCESSING", 0.0),
        ("PROCESSING", 10.0),
        ("PROCESSING", 20.0),
        ("PROCESSING", 30.0),
        ("COMPLETED", 100.0),
    ]
    assert [update.stage for update in rest] == [None, "only", "only", "only", "only"]


async def test_an_ended_job_is_one_update(viewer: Viewer, services: Services) -> None:
    job = await submit_one(viewer, services)
    await jobs.cancel(viewer, job.id, services=services)
    assert said_by(await rest_of(watch(viewer, job.id, services=services))) == [("CANCELLED", 0.0)]


async def test_a_cursor_from_before_a_restored_backup_goes_on_from_the_row(
    viewer: Viewer, services: Services
) -> None:
    await submit_one(viewer, services)
    job = await claim_next(services)
    ahead = cursors.for_version(job.id, job.version + 40)
    updates = watch(viewer, job.id, ahead, services=services)
    first = await next_of(updates)
    await complete(job, services)
    assert said_by([first, *await rest_of(updates)]) == [("PROCESSING", 0.0), ("COMPLETED", 100.0)]
    said = await rest_of(watch(viewer, job.id, ahead, services=services))
    assert said_by(said) == [("COMPLETED", 100.0)]


async def set_back(job: Job) -> None:
    """The database itself, to the moment at which the job was like that."""
    await sql.run("DELETE FROM job_events WHERE job_id = $1 AND version > $2", job.id, job.version)
    await sql.run("UPDATE jobs SET version = $2, progress = 0 WHERE id = $1", job.id, job.version)


@pytest.mark.parametrize("is_slow", [False, True])
async def test_a_database_that_is_set_back_under_a_watcher_shows_him_how_it_is(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch, is_slow: bool
) -> None:
    if is_slow:
        monkeypatch.setattr(pace, "SLOW_SECONDS", -1.0)
    await submit_one(viewer, services)
    job = await claim_next(services)
    updates = watch(viewer, job.id, services=services)
    await next_of(updates)
    for progress in range(1, 6):
        await report(job, float(progress), services)
        assert said_by([await next_of(updates)]) == [("PROCESSING", float(progress))]
    await set_back(job)
    await services.events.nudge(jobs.topic(job.id))
    assert said_by([await next_of(updates)]) == [("PROCESSING", 0.0)]
    await report(job, 1.0, services)
    assert said_by([await next_of(updates)]) == [("PROCESSING", 1.0)]
    await complete(job, services)
    assert said_by(await rest_of(updates)) == [("COMPLETED", 100.0)]


async def test_the_end_below_the_version_that_was_seen_is_shown(viewer: Viewer, services: Services) -> None:
    await submit_one(viewer, services)
    job = await claim_next(services)
    updates = watch(viewer, job.id, services=services)
    await next_of(updates)
    for progress in range(1, 6):
        await report(job, float(progress), services)
        await next_of(updates)
    mark = Version(job.version + 5)
    await set_back(job)
    await complete(job, services)
    assert said_by(await rest_of(updates)) == [("COMPLETED", 100.0)]
    steps = [step async for step in updates_of_one.opening(viewer, job.id, mark, services=services)]
    assert said_by([step.item for step in steps if step.item]) == [("COMPLETED", 100.0)]
    assert steps[-1].is_last


def test_who_was_elsewhere_has_not_seen_what_a_set_back_leads_to() -> None:
    ahead, back = Version(10), Version(5, is_set_back=True)
    assert not ahead.has_seen(back)
    assert not ahead.meets(back)
    assert not Version(3).meets(back)


async def test_what_was_missed_is_replayed(viewer: Viewer, services: Services) -> None:
    job = await submit_one(viewer, services)
    updates = watch(viewer, job.id, services=services)
    seen = await next_of(updates)
    await updates.aclose()
    running = await claim_next(services)
    await report(running, 50.0, services)
    await complete(running, services)
    missed = await rest_of(watch(viewer, job.id, seen.cursor, services=services))
    assert said_by(missed) == [("PROCESSING", 0.0), ("PROCESSING", 50.0), ("COMPLETED", 100.0)]
    assert all(update.job.state == "COMPLETED" for update in missed)
    assert said_by(await rest_of(watch(viewer, job.id, missed[0].cursor, services=services))) == said_by(
        missed[1:]
    )
    assert await rest_of(watch(viewer, job.id, missed[-1].cursor, services=services)) == []


async def test_a_nudge_may_be_lost(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates_of_one, "REREAD_SECONDS", 0.3)
    job = await submit_one(viewer, services)
    updates = watch(viewer, job.id, services=services)
    await next_of(updates)
    await job_moves.cancel(job.id, viewer.id)  # nobody is told
    assert said_by(await rest_of(updates)) == [("CANCELLED", 0.0)]


async def test_a_slow_reader_gets_the_newest(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SLOW_SECONDS", 0.2)
    job = await submit_one(viewer, services)
    updates = watch(viewer, job.id, services=services)
    await next_of(updates)
    running = await claim_next(services)
    for progress in range(1, 50):
        await report(running, float(progress), services)
    await asyncio.sleep(0.3)
    assert said_by([await next_of(updates)]) == [("PROCESSING", 49.0)]
    assert services.tallies.totals()["starling_subscription_conflations_total", "jobUpdates"] == 1
    await complete(running, services)
    assert said_by(await rest_of(updates)) == [("COMPLETED", 100.0)]


async def test_a_deleted_job_ends_its_updates(viewer: Viewer, services: Services) -> None:
    job = await submit_one(viewer, services)
    updates = watch(viewer, job.id, services=services)
    await next_of(updates)
    await sql.run("DELETE FROM jobs")
    await services.events.nudge(jobs.topic(job.id))
    assert await rest_of(updates) == []


async def test_unknown_jobs_and_foreign_cursors_are_refused(viewer: Viewer, services: Services) -> None:
    job, other = await submit_one(viewer, services), await submit_one(viewer, services)
    with pytest.raises(NotFound):
        await next_of(watch(viewer, uuid4(), services=services))
    foreign = (await next_of(watch(viewer, other.id, services=services))).cursor
    of_all = (await next_of(watch_all(viewer, services=services))).cursor
    for cursor in (foreign, of_all, "nonsense", "", "bm9uc2Vuc2U=", "W10=", foreign + "=", "é"):
        with pytest.raises(InvalidInput) as raised:
            await next_of(watch(viewer, job.id, cursor, services=services))
        assert raised.value.field == "after"
    for cursor in (foreign, "nonsense", "", "bm9uc2Vuc2U=", of_all[:-4]):
        with pytest.raises(InvalidInput) as raised:
            await next_of(watch_all(viewer, None, cursor, services=services))
        assert raised.value.field == "after"


async def test_no_subscription_is_left(viewer: Viewer, services: Services) -> None:
    job = await submit_one(viewer, services)
    one, all_of_them = watch(viewer, job.id, services=services), watch_all(viewer, services=services)
    await next_of(one)
    await next_of(all_of_them)
    await report(await claim_next(services), 10.0, services)
    await next_of(one)
    await next_of(all_of_them)
    assert services.events.subscriber_count == 2  # type: ignore[attr-defined]
    await one.aclose()
    await all_of_them.aclose()
    assert services.events.subscriber_count == 0  # type: ignore[attr-defined]


async def test_a_cursor_older_than_the_log_starts_from_the_row(viewer: Viewer, services: Services) -> None:
    job = await submit_one(viewer, services)
    first = await next_of(watch(viewer, job.id, services=services))
    running = await claim_next(services)
    for progress in (10.0, 20.0):
        await report(running, progress, services)
    await sql.run("DELETE FROM job_events WHERE job_id = $1", job.id)
    updates = watch(viewer, job.id, first.cursor, services=services)
    assert said_by([await next_of(updates)]) == [("PROCESSING", 20.0)]
    await complete(running, services)
    assert said_by(await rest_of(updates)) == [("COMPLETED", 100.0)]


async def test_a_cursor_from_before_progress_was_thinned_out_still_has_the_end(
    viewer: Viewer, services: Services
) -> None:
    job = await submit_one(viewer, services)
    first = await next_of(watch(viewer, job.id, services=services))
    everything = await next_of(watch_all(viewer, services=services))
    running = await claim_next(services)
    await report(running, 10.0, services)
    await complete(running, services)
    await event_thinning.thin_out(-1.0)
    assert said_by(await rest_of(watch(viewer, job.id, first.cursor, services=services))) == [
        ("COMPLETED", 100.0)
    ]
    again = watch_all(viewer, None, everything.cursor, services=services)
    assert said_by([await next_of(again)]) == [("COMPLETED", 100.0)]
