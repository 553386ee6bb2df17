"""Live updates never lie: snapshot, every change, the end; what was missed comes after a reconnect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from app.engines import Engines
from db import event_thinning, job_events, job_moves, sql
from db.jobs import Job, JobEvent
from domain import jobs
from domain.accounts import Viewer, local_owner
from domain.errors import InvalidInput, NotFound
from domain.jobs import (
    JobFilter,
    JobUpdate,
    NewJob,
    all_updates,
    cursors,
    pace,
    submit,
    watch,
    watch_all,
)
from domain.jobs import updates as updates_of_one
from domain.ports import Services
from tests.support.job_world import job_services

pytestmark = pytest.mark.usefixtures("database")
STAGES: list[dict[str, Any]] = [{"name": "only", "status": "PROCESSING", "progress": 0.0}]


@pytest.fixture
async def services(redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def viewer(database: object) -> Viewer:
    return await local_owner()


async def _submit(viewer: Viewer, services: Services, kind: str = "TEST_NOOP") -> Job:
    return await submit(viewer, NewJob(kind, {}), services=services)


async def _claim(services: Services) -> Job:
    job = await job_moves.claim("w", ["TEST_NOOP"], 30.0)
    assert job is not None
    await jobs.announce([job], services)
    return job


async def _report(job: Job, progress: float, services: Services) -> None:
    told = await job_moves.report(
        job.id, job.epoch, 30.0, progress=progress, message="on", stages=STAGES, eta_seconds=None
    )
    assert told is not None
    await jobs.announce([told], services, change="progress")


async def _complete(job: Job, services: Services) -> None:
    done = await job_moves.complete(job.id, job.epoch, result={}, cost_usd=0.0)
    assert done is not None
    await jobs.announce([done], services)


async def _next(updates: AsyncIterator[JobUpdate], seconds: float = 5.0) -> JobUpdate:
    async with asyncio.timeout(seconds):
        return await anext(updates)


async def _all(updates: AsyncIterator[JobUpdate]) -> list[JobUpdate]:
    async with asyncio.timeout(10.0):
        return [update async for update in updates]


def _said(updates: list[JobUpdate]) -> list[tuple[str, float]]:
    return [(update.status, update.progress) for update in updates]


async def test_every_change_comes_in_order(viewer: Viewer, services: Services) -> None:
    job = await _submit(viewer, services)
    updates = watch(viewer, job.id, services=services)
    assert (await _next(updates)).status == "PENDING"
    running = await _claim(services)
    for progress in (10.0, 20.0, 30.0):
        await _report(running, progress, services)
    await _complete(running, services)
    rest = await _all(updates)
    assert _said(rest) == [
        ("PROCESSING", 0.0),
        ("PROCESSING", 10.0),
        ("PROCESSING", 20.0),
        ("PROCESSING", 30.0),
        ("COMPLETED", 100.0),
    ]
    assert [update.stage for update in rest] == [None, "only", "only", "only", "only"]


async def test_an_ended_job_is_one_update(viewer: Viewer, services: Services) -> None:
    job = await _submit(viewer, services)
    await jobs.cancel(viewer, job.id, services=services)
    assert _said(await _all(watch(viewer, job.id, services=services))) == [("CANCELLED", 0.0)]


async def test_a_cursor_from_before_a_restored_backup_goes_on_from_the_row(
    viewer: Viewer, services: Services
) -> None:
    await _submit(viewer, services)
    job = await _claim(services)
    ahead = cursors.for_version(job.id, job.version + 40)
    updates = watch(viewer, job.id, ahead, services=services)
    waiting = asyncio.create_task(_all(updates))
    await asyncio.sleep(0.1)
    await _complete(job, services)
    assert _said(await waiting) == [("COMPLETED", 100.0)]


async def test_what_was_missed_is_replayed(viewer: Viewer, services: Services) -> None:
    job = await _submit(viewer, services)
    updates = watch(viewer, job.id, services=services)
    seen = await _next(updates)
    await updates.aclose()  # type: ignore[attr-defined]
    running = await _claim(services)
    await _report(running, 50.0, services)
    await _complete(running, services)
    missed = await _all(watch(viewer, job.id, seen.cursor, services=services))
    assert _said(missed) == [("PROCESSING", 0.0), ("PROCESSING", 50.0), ("COMPLETED", 100.0)]
    assert all(update.job.state == "COMPLETED" for update in missed)
    assert _said(await _all(watch(viewer, job.id, missed[0].cursor, services=services))) == _said(missed[1:])
    assert await _all(watch(viewer, job.id, missed[-1].cursor, services=services)) == []


async def test_a_nudge_may_be_lost(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates_of_one, "REREAD_SECONDS", 0.3)
    job = await _submit(viewer, services)
    updates = watch(viewer, job.id, services=services)
    await _next(updates)
    await job_moves.cancel(job.id, viewer.id)  # nobody is told
    assert _said(await _all(updates)) == [("CANCELLED", 0.0)]


async def test_a_slow_reader_gets_the_newest(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SLOW_SECONDS", 0.2)
    job = await _submit(viewer, services)
    updates = watch(viewer, job.id, services=services)
    await _next(updates)
    running = await _claim(services)
    for progress in range(1, 50):
        await _report(running, float(progress), services)
    await asyncio.sleep(0.3)
    assert _said([await _next(updates)]) == [("PROCESSING", 49.0)]
    assert services.tallies.totals()["starling_subscription_conflations_total", "jobUpdates"] == 1
    await _complete(running, services)
    assert _said(await _all(updates)) == [("COMPLETED", 100.0)]


async def test_a_deleted_job_ends_its_updates(viewer: Viewer, services: Services) -> None:
    job = await _submit(viewer, services)
    updates = watch(viewer, job.id, services=services)
    await _next(updates)
    await sql.run("DELETE FROM jobs")
    await services.events.nudge(jobs.topic(job.id))
    assert await _all(updates) == []


async def test_unknown_jobs_and_foreign_cursors_are_refused(viewer: Viewer, services: Services) -> None:
    job, other = await _submit(viewer, services), await _submit(viewer, services)
    with pytest.raises(NotFound):
        await _next(watch(viewer, uuid4(), services=services))
    foreign = (await _next(watch(viewer, other.id, services=services))).cursor
    of_all = (await _next(watch_all(viewer, services=services))).cursor
    for cursor in (foreign, of_all, "nonsense", "", "bm9uc2Vuc2U=", "W10=", foreign + "=", "é"):
        with pytest.raises(InvalidInput) as raised:
            await _next(watch(viewer, job.id, cursor, services=services))
        assert raised.value.field == "after"
    for cursor in (foreign, "nonsense", "", "bm9uc2Vuc2U=", of_all[:-4]):
        with pytest.raises(InvalidInput) as raised:
            await _next(watch_all(viewer, None, cursor, services=services))
        assert raised.value.field == "after"


async def test_no_subscription_is_left(viewer: Viewer, services: Services) -> None:
    job = await _submit(viewer, services)
    one, all_of_them = watch(viewer, job.id, services=services), watch_all(viewer, services=services)
    await _next(one)
    await _next(all_of_them)
    assert services.events.subscriber_count == 2  # type: ignore[attr-defined]
    await one.aclose()  # type: ignore[attr-defined]
    await all_of_them.aclose()  # type: ignore[attr-defined]
    assert services.events.subscriber_count == 0  # type: ignore[attr-defined]


async def test_all_jobs_begin_with_those_that_live(viewer: Viewer, services: Services) -> None:
    over = await _submit(viewer, services)
    await jobs.cancel(viewer, over.id, services=services)
    one, two = await _submit(viewer, services), await _submit(viewer, services)
    updates = watch_all(viewer, services=services)
    assert [(await _next(updates)).job.id for _ in range(2)] == [one.id, two.id]
    three = await _submit(viewer, services)
    await jobs.cancel(viewer, one.id, services=services)
    later = [await _next(updates) for _ in range(2)]
    assert [(update.job.id, update.status) for update in later] == [
        (three.id, "PENDING"),
        (one.id, "CANCELLED"),
    ]


async def test_all_jobs_go_on_after_a_reconnect(viewer: Viewer, services: Services) -> None:
    for _ in range(3):
        await _submit(viewer, services)
    updates = watch_all(viewer, services=services)
    seen = [await _next(updates) for _ in range(3)]
    await updates.aclose()  # type: ignore[attr-defined]
    running = await _claim(services)
    await _report(running, 40.0, services)
    await _complete(running, services)
    new = await _submit(viewer, services)
    expected = [
        (running.id, "PROCESSING", 0.0),
        (running.id, "PROCESSING", 40.0),
        (running.id, "COMPLETED", 100.0),
        (new.id, "PENDING", 0.0),
    ]
    for place, update in enumerate(seen):
        rest = [(old.job.id, "PENDING", 0.0) for old in seen[place + 1 :]]
        again = watch_all(viewer, None, update.cursor, services=services)
        said = [await _next(again) for _ in range(len(rest) + len(expected))]
        assert [(one.job.id, one.status, one.progress) for one in said] == rest + expected, place
        middle = watch_all(viewer, None, said[len(rest) + 1].cursor, services=services)
        assert [(await _next(middle)).status for _ in range(2)] == ["COMPLETED", "PENDING"]


async def test_a_transaction_that_commits_late_is_not_missed(
    viewer: Viewer, services: Services, database_url: str
) -> None:
    """The earlier number of the later commit: a sequence number alone would pass over it."""
    first, second = await _submit(viewer, services), await _submit(viewer, services)
    updates = watch_all(viewer, services=services)
    seen = [await _next(updates) for _ in range(2)]
    connection = await asyncpg.connect(database_url)
    slow = connection.transaction()
    await slow.start()
    await connection.execute(job_moves._CANCEL, first.id, viewer.id)
    await jobs.cancel(viewer, second.id, services=services)
    quick = await _next(updates)
    assert quick.job.id == second.id  # nobody waits for a transaction that is still open
    await slow.commit()
    await connection.close()
    await services.events.nudge("jobs")
    assert (await _next(updates)).job.id == first.id
    again = watch_all(viewer, None, quick.cursor, services=services)
    assert (await _next(again)).job.id == first.id
    both = watch_all(viewer, None, seen[-1].cursor, services=services)
    assert [(await _next(both)).job.id for _ in range(2)] == [first.id, second.id]


async def test_an_open_transaction_silences_nobody(
    viewer: Viewer, services: Services, engines: Engines
) -> None:
    """Of another database of the cluster even: its number keeps every snapshot's lower bound where it is."""
    elsewhere = await asyncpg.connect(engines.addresses.database_url)
    forgotten = elsewhere.transaction()
    await forgotten.start()
    await elsewhere.execute("SELECT pg_current_xact_id()")
    job = await _submit(viewer, services)
    updates = watch_all(viewer, services=services)
    assert (await _next(updates)).status == "PENDING"
    await jobs.cancel(viewer, job.id, services=services)
    assert (await _next(updates, 1.0)).status == "CANCELLED"
    await forgotten.rollback()
    await elsewhere.close()


async def test_the_snapshot_is_of_one_moment(viewer: Viewer, services: Services, database_url: str) -> None:
    """A change that was being written while the snapshot was taken comes after it, once."""
    job = await _submit(viewer, services)
    connection = await asyncpg.connect(database_url)
    slow = connection.transaction()
    await slow.start()
    await connection.execute("SELECT pg_current_xact_id()")
    running = await _claim(services)
    updates = watch_all(viewer, services=services)
    assert _said([await _next(updates)]) == [("PROCESSING", 0.0)]
    await connection.execute("UPDATE jobs SET callback_url = NULL WHERE id = $1", uuid4())
    await slow.commit()
    await connection.close()
    await _report(running, 7.0, services)
    assert _said([await _next(updates)]) == [("PROCESSING", 7.0)]
    assert job.id == running.id


async def test_versions_never_go_back_where_numbers_do(
    viewer: Viewer, services: Services, database_url: str
) -> None:
    """A writer may take its transaction number first and the row second."""
    job = await _submit(viewer, services)
    updates = watch_all(viewer, services=services)
    first = await _next(updates)
    connection = await asyncpg.connect(database_url)
    slow = connection.transaction()
    await slow.start()
    await connection.execute("SELECT pg_current_xact_id()")
    running = await _claim(services)
    await connection.execute(job_moves._CANCEL, job.id, viewer.id)
    await slow.commit()
    await connection.close()
    await jobs.announce([running], services)
    updates_then = [await _next(updates) for _ in range(2)]
    assert await _versions(updates_then) == [2, 3]
    again = watch_all(viewer, None, first.cursor, services=services)
    assert await _versions([await _next(again) for _ in range(2)]) == [2, 3]
    with pytest.raises(TimeoutError):
        await _next(updates, 0.5)


async def _versions(updates: list[JobUpdate]) -> list[int]:
    """Of the changes themselves: an update carries the row as it is when it is read."""
    found = []
    for update in updates:
        (event,) = await JobEvent.filter(job_id=update.job.id, at=update.at)
        found.append(event.version)
    return found


async def test_a_cursor_from_before_a_restored_backup_starts_all_jobs_as_they_are(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restored into a cluster whose transactions are numbered from the start again."""
    monkeypatch.setattr(job_events, "ADOPTED_A_BATCH", 2)
    job, other = await _submit(viewer, services), await _submit(viewer, services)
    await jobs.cancel(viewer, other.id, services=services)
    ahead = cursors.Reading(job_events.Place(2**40)).encode()
    await sql.run("UPDATE job_events SET xid = xid + 1000000")
    for adopt in (False, True):
        if adopt:
            await job_events.adopt_restored()
            assert await sql.rows("SELECT 1 FROM job_events WHERE xid > 1000000") == []
        for after in (ahead, None):
            updates = watch_all(viewer, None, after, services=services)
            first = await _next(updates)
            assert (first.job.id, first.status) == (job.id, "PENDING")
            third = await _submit(viewer, services)
            assert (await _next(updates)).job.id == third.id
            await jobs.cancel(viewer, third.id, services=services)
            assert (await _next(updates)).status == "CANCELLED"


async def test_more_changes_than_one_page_come_once_and_in_order(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_updates, "BATCH", 4)
    first = await _submit(viewer, services)
    updates = watch_all(viewer, services=services)
    seen = [await _next(updates)]
    running = await _claim(services)
    for progress in range(1, 11):
        await _report(running, float(progress), services)
    await _complete(running, services)
    expected = [("PROCESSING", float(progress)) for progress in range(11)] + [("COMPLETED", 100.0)]
    seen += [await _next(updates) for _ in expected]
    assert _said(seen[1:]) == expected
    for place in range(1, len(expected)):
        again = watch_all(viewer, None, seen[place].cursor, services=services)
        assert _said([await _next(again) for _ in expected[place:]]) == expected[place:], place
        with pytest.raises(TimeoutError):
            await _next(again, 0.1)
    assert {update.job.id for update in seen} == {first.id}


async def test_all_jobs_by_filter(viewer: Viewer, services: Services) -> None:
    await _submit(viewer, services)
    other = await _submit(viewer, services, "TEST_STEPS")
    updates = watch_all(viewer, JobFilter(kind=["TEST_STEPS"]), services=services)
    assert (await _next(updates)).job.id == other.id
    ends = watch_all(viewer, JobFilter(status=["CANCELLED"]), services=services)
    waiting = asyncio.create_task(_next(ends))
    await asyncio.sleep(0.2)
    await jobs.cancel(viewer, other.id, services=services)
    assert (await waiting).status == "CANCELLED"


async def test_another_owner_sees_nothing(viewer: Viewer, services: Services) -> None:
    await _submit(viewer, services)
    await sql.run("UPDATE jobs SET owner_id = $1", uuid4())
    with pytest.raises(TimeoutError):
        await _next(watch_all(viewer, services=services), 0.5)


async def test_a_slow_reader_of_all_gets_the_newest_of_each(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SLOW_SECONDS", 0.2)
    first, second = await _submit(viewer, services), await _submit(viewer, services)
    updates = watch_all(viewer, services=services)
    for _ in range(2):
        await _next(updates)
    running = await _claim(services)
    for progress in range(1, 30):
        await _report(running, float(progress), services)
    await jobs.cancel(viewer, second.id, services=services)
    await asyncio.sleep(0.6)
    said = [await _next(updates) for _ in range(2)]
    assert [(one.job.id, one.status, one.progress) for one in said] == [
        (first.id, "PROCESSING", 29.0),
        (second.id, "CANCELLED", 0.0),
    ]


async def test_a_cursor_older_than_the_log_starts_from_the_row(viewer: Viewer, services: Services) -> None:
    job = await _submit(viewer, services)
    first = await _next(watch(viewer, job.id, services=services))
    running = await _claim(services)
    for progress in (10.0, 20.0):
        await _report(running, progress, services)
    await sql.run("DELETE FROM job_events WHERE job_id = $1", job.id)
    updates = watch(viewer, job.id, first.cursor, services=services)
    assert _said([await _next(updates)]) == [("PROCESSING", 20.0)]
    await _complete(running, services)
    assert _said(await _all(updates)) == [("COMPLETED", 100.0)]


async def test_a_cursor_from_before_progress_was_thinned_out_still_has_the_end(
    viewer: Viewer, services: Services
) -> None:
    job = await _submit(viewer, services)
    first = await _next(watch(viewer, job.id, services=services))
    everything = await _next(watch_all(viewer, services=services))
    running = await _claim(services)
    await _report(running, 10.0, services)
    await _complete(running, services)
    await event_thinning.thin_out(-1.0)
    assert _said(await _all(watch(viewer, job.id, first.cursor, services=services))) == [("COMPLETED", 100.0)]
    again = watch_all(viewer, None, everything.cursor, services=services)
    assert _said([await _next(again)]) == [("COMPLETED", 100.0)]


async def test_a_deleted_job_is_passed_over(viewer: Viewer, services: Services) -> None:
    job = await _submit(viewer, services)
    updates = watch_all(viewer, services=services)
    seen = await _next(updates)
    await jobs.cancel(viewer, job.id, services=services)
    await jobs.delete(viewer, job.id, services=services)
    other = await _submit(viewer, services)
    again = watch_all(viewer, None, seen.cursor, services=services)
    assert (await _next(again)).job.id == other.id
