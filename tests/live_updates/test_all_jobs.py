"""Updates of all jobs never lie: those that live, then every change once, whatever is open or comes late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.engines import Engines
from db import job_events, job_moves, job_rows, sql
from db.jobs import Job, JobEvent
from domain import jobs
from domain.accounts import Viewer
from domain.errors import InvalidInput
from domain.jobs import JobFilter, JobUpdate, all_pages, all_updates, cursors, pace, watch_all
from domain.ports import Services
from tests.support.inprocess import subscribers, until
from tests.support.watched_jobs import claim_next, complete, next_of, report, said_by, submit_one


async def test_all_jobs_begin_with_those_that_live(viewer: Viewer, services: Services) -> None:
    over = await submit_one(viewer, services)
    await jobs.cancel(viewer, over.id, services=services)
    one, two = await submit_one(viewer, services), await submit_one(viewer, services)
    updates = watch_all(viewer, services=services)
    assert [(await next_of(updates)).job.id for _ in range(2)] == [one.id, two.id]
    three = await submit_one(viewer, services)
    await jobs.cancel(viewer, one.id, services=services)
    later = [await next_of(updates) for _ in range(2)]
    assert [(update.job.id, update.status) for update in later] == [
        (three.id, "PENDING"),
        (one.id, "CANCELLED"),
    ]


async def test_all_jobs_go_on_after_a_reconnect(viewer: Viewer, services: Services) -> None:
    for _ in range(3):
        await submit_one(viewer, services)
    updates = watch_all(viewer, services=services)
    seen = [await next_of(updates) for _ in range(3)]
    await updates.aclose()
    running = await claim_next(services)
    await report(running, 40.0, services)
    await complete(running, services)
    new = await submit_one(viewer, services)
    expected = [
        (running.id, "PROCESSING", 0.0),
        (running.id, "PROCESSING", 40.0),
        (running.id, "COMPLETED", 100.0),
        (new.id, "PENDING", 0.0),
    ]
    for place, update in enumerate(seen):
        rest = [(old.job.id, "PENDING", 0.0) for old in seen[place + 1 :]]
        again = watch_all(viewer, None, update.cursor, services=services)
        said = [await next_of(again) for _ in range(len(rest) + len(expected))]
        assert [(one.job.id, one.status, one.progress) for one in said] == rest + expected, place
        middle = watch_all(viewer, None, said[len(rest) + 1].cursor, services=services)
        assert [(await next_of(middle)).status for _ in range(2)] == ["COMPLETED", "PENDING"]


async def test_a_transaction_that_commits_late_is_not_missed(
    viewer: Viewer, services: Services, database_url: str
) -> None:
    """The earlier number of the later commit: a sequence number alone would pass over it."""
    first, second = await submit_one(viewer, services), await submit_one(viewer, services)
    updates = watch_all(viewer, services=services)
    seen = [await next_of(updates) for _ in range(2)]
    connection = await asyncpg.connect(database_url)
    slow = connection.transaction()
    await slow.start()
    await connection.execute(job_moves._CANCEL, first.id, viewer.id)
    await jobs.cancel(viewer, second.id, services=services)
    quick = await next_of(updates)
    assert quick.job.id == second.id  # nobody waits for a transaction that is still open
    await slow.commit()
    await connection.close()
    await services.events.nudge("jobs")
    assert (await next_of(updates)).job.id == first.id
    again = watch_all(viewer, None, quick.cursor, services=services)
    assert (await next_of(again)).job.id == first.id
    both = watch_all(viewer, None, seen[-1].cursor, services=services)
    assert [(await next_of(both)).job.id for _ in range(2)] == [first.id, second.id]


async def test_an_open_transaction_silences_nobody(
    viewer: Viewer, services: Services, engines: Engines
) -> None:
    """Of another database of the cluster even: its number keeps every snapshot's lower bound where it is."""
    elsewhere = await asyncpg.connect(engines.addresses.database_url)
    forgotten = elsewhere.transaction()
    await forgotten.start()
    await elsewhere.execute("SELECT pg_current_xact_id()")
    job = await submit_one(viewer, services)
    updates = watch_all(viewer, services=services)
    assert (await next_of(updates)).status == "PENDING"
    await jobs.cancel(viewer, job.id, services=services)
    assert (await next_of(updates)).status == "CANCELLED"
    await forgotten.rollback()
    await elsewhere.close()


async def test_the_snapshot_is_of_one_moment(viewer: Viewer, services: Services, database_url: str) -> None:
    """A change that was being written while the snapshot was taken comes after it, once."""
    job = await submit_one(viewer, services)
    connection = await asyncpg.connect(database_url)
    slow = connection.transaction()
    await slow.start()
    await connection.execute("SELECT pg_current_xact_id()")
    running = await claim_next(services)
    updates = watch_all(viewer, services=services)
    assert said_by([await next_of(updates)]) == [("PROCESSING", 0.0)]
    await connection.execute("UPDATE jobs SET callback_url = NULL WHERE id = $1", uuid4())
    await slow.commit()
    await connection.close()
    await report(running, 7.0, services)
    assert said_by([await next_of(updates)]) == [("PROCESSING", 7.0)]
    assert job.id == running.id


async def test_versions_never_go_back_where_numbers_do(
    viewer: Viewer, services: Services, database_url: str
) -> None:
    """A writer may take its transaction number first and the row second."""
    job = await submit_one(viewer, services)
    updates = watch_all(viewer, services=services)
    first = await next_of(updates)
    connection = await asyncpg.connect(database_url)
    slow = connection.transaction()
    await slow.start()
    await connection.execute("SELECT pg_current_xact_id()")
    running = await claim_next(services)
    await connection.execute(job_moves._CANCEL, job.id, viewer.id)
    await slow.commit()
    await connection.close()
    await jobs.announce([running], services)
    updates_then = [await next_of(updates) for _ in range(2)]
    assert await _versions(updates_then) == [2, 3]
    again = watch_all(viewer, None, first.cursor, services=services)
    assert await _versions([await next_of(again) for _ in range(2)]) == [2, 3]
    with pytest.raises(TimeoutError):
        await next_of(updates, 0.5)


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
    job, other = await submit_one(viewer, services), await submit_one(viewer, services)
    await jobs.cancel(viewer, other.id, services=services)
    ahead = cursors.Reading(job_events.Place(2**40)).encode()
    await sql.run("UPDATE job_events SET xid = xid + 1000000")
    for adopt in (False, True):
        if adopt:
            await job_events.adopt_restored()
            assert await sql.rows("SELECT 1 FROM job_events WHERE xid > 1000000") == []
        for after in (ahead, None):
            updates = watch_all(viewer, None, after, services=services)
            first = await next_of(updates)
            assert (first.job.id, first.status) == (job.id, "PENDING")
            third = await submit_one(viewer, services)
            assert (await next_of(updates)).job.id == third.id
            await jobs.cancel(viewer, third.id, services=services)
            assert (await next_of(updates)).status == "CANCELLED"


@pytest.fixture
def set_back(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From then on the database has the transaction numbers that it has; before, it had far higher ones."""
    snapshot, ahead = job_events.Place.of_snapshot, 2**40
    is_set_back = False

    def of_snapshot(text: str) -> job_events.Place:
        found = snapshot(text)
        return found if is_set_back else job_events.Place(ahead, found.open)

    def now() -> None:
        nonlocal is_set_back
        is_set_back = True

    monkeypatch.setattr(job_events.Place, "of_snapshot", of_snapshot)
    return now


@pytest.mark.parametrize("is_slow", [False, True])
async def test_a_database_that_is_set_back_under_a_watcher_starts_all_jobs_as_they_are(
    viewer: Viewer,
    services: Services,
    set_back: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    is_slow: bool,
) -> None:
    """Its transactions are numbered as others were that have been seen."""
    if is_slow:
        monkeypatch.setattr(pace, "SLOW_SECONDS", -1.0)
    first = await submit_one(viewer, services)
    updates = watch_all(viewer, services=services)
    assert (await next_of(updates)).job.id == first.id
    following = asyncio.create_task(next_of(updates))
    await asyncio.sleep(0.2)
    set_back()
    second = await submit_one(viewer, services)
    assert [(await following).job.id, (await next_of(updates)).job.id] == [first.id, second.id]
    await jobs.cancel(viewer, second.id, services=services)
    assert (await next_of(updates)).status == "CANCELLED"


async def test_who_joined_before_a_set_back_is_not_told_that_he_has_seen_what_follows(
    viewer: Viewer, services: Services, set_back: Callable[[], None]
) -> None:
    """Also where nothing is left to start from: the first of the new changes has a low number."""
    *_, opened = [step async for step in all_updates.opening_all(viewer, services=services)]
    steps = all_updates.following_all(viewer, None, opened.mark, services=services)
    following = asyncio.create_task(anext(steps))
    await asyncio.sleep(0.2)
    set_back()
    await services.events.nudge("jobs")
    await asyncio.sleep(0.2)
    job = await submit_one(viewer, services)
    step = await asyncio.wait_for(following, 5.0)
    assert step.item is not None
    assert step.item.job.id == job.id
    assert not opened.mark.has_seen(step.mark)
    assert not opened.mark.meets(step.mark)
    again = [
        step.item.job.id
        async for step in all_updates.opening_all(viewer, None, opened.mark, services=services)
        if step.item is not None
    ]
    assert again == [job.id]
    await jobs.cancel(viewer, job.id, services=services)
    later = await asyncio.wait_for(anext(steps), 5.0)
    assert step.mark.meets(later.mark)  # in step with the group again
    await steps.aclose()


async def test_an_opening_reads_no_more_rows_than_it_tells(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a slow reader: the rest is read when this was taken, and none of it twice."""
    for module in (all_pages, all_updates):
        monkeypatch.setattr(module, "BATCH", 3)
    *_, opened = [step async for step in all_updates.opening_all(viewer, services=services)]
    submitted = [(await submit_one(viewer, services)).id for _ in range(8)]
    sizes: list[int] = []
    read = job_rows.by_ids

    async def by_ids(ids: list[UUID]) -> dict[UUID, Job]:
        sizes.append(len(ids))
        return await read(ids)

    monkeypatch.setattr(job_rows, "by_ids", by_ids)
    opening = all_updates.opening_all(viewer, None, opened.mark, only_newest=True, services=services)
    told = [step.item.job.id async for step in opening if step.item is not None]
    assert told == submitted
    assert max(sizes) == 3


async def test_a_cursor_with_transactions_open_that_come_after_its_last_is_refused(
    viewer: Viewer, services: Services
) -> None:
    job = await submit_one(viewer, services)
    (xid,) = [row["xid"] for row in await sql.rows("SELECT xid FROM job_events WHERE job_id = $1", job.id)]
    for place in (job_events.Place(xid - 1, (xid,)), job_events.Place(xid - 1, (xid + 1,))):
        with pytest.raises(InvalidInput):
            await next_of(watch_all(viewer, None, cursors.Reading(place).encode(), services=services))
    again = watch_all(
        viewer, None, cursors.Reading(job_events.Place(xid, (xid,))).encode(), services=services
    )
    assert (await next_of(again)).job.id == job.id


async def test_more_changes_than_one_page_come_once_and_in_order(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_pages, "BATCH", 4)
    first = await submit_one(viewer, services)
    updates = watch_all(viewer, services=services)
    seen = [await next_of(updates)]
    running = await claim_next(services)
    for progress in range(1, 11):
        await report(running, float(progress), services)
    await complete(running, services)
    expected = [("PROCESSING", float(progress)) for progress in range(11)] + [("COMPLETED", 100.0)]
    seen += [await next_of(updates) for _ in expected]
    assert said_by(seen[1:]) == expected
    for place in range(1, len(expected)):
        again = watch_all(viewer, None, seen[place].cursor, services=services)
        assert said_by([await next_of(again) for _ in expected[place:]]) == expected[place:], place
        with pytest.raises(TimeoutError):
            await next_of(again, 0.1)
    assert {update.job.id for update in seen} == {first.id}


async def test_all_jobs_by_filter(viewer: Viewer, services: Services) -> None:
    await submit_one(viewer, services)
    other = await submit_one(viewer, services, "TEST_STEPS")
    updates = watch_all(viewer, JobFilter(kind=["TEST_STEPS"]), services=services)
    assert (await next_of(updates)).job.id == other.id
    ends = watch_all(viewer, JobFilter(status=["CANCELLED"]), services=services)
    waiting = asyncio.create_task(next_of(ends))
    await until(lambda: subscribers(services) == 2)
    await jobs.cancel(viewer, other.id, services=services)
    assert (await waiting).status == "CANCELLED"


async def test_another_owner_sees_nothing(viewer: Viewer, services: Services) -> None:
    await submit_one(viewer, services)
    await sql.run("UPDATE jobs SET owner_id = $1", uuid4())
    with pytest.raises(TimeoutError):
        await next_of(watch_all(viewer, services=services), 0.5)


async def test_a_slow_reader_of_all_gets_the_newest_of_each(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SLOW_SECONDS", 0.2)
    first, second = await submit_one(viewer, services), await submit_one(viewer, services)
    updates = watch_all(viewer, services=services)
    for _ in range(2):
        await next_of(updates)
    running = await claim_next(services)
    for progress in range(1, 30):
        await report(running, float(progress), services)
    await jobs.cancel(viewer, second.id, services=services)
    await asyncio.sleep(0.6)
    said = [await next_of(updates) for _ in range(2)]
    assert [(one.job.id, one.status, one.progress) for one in said] == [
        (first.id, "PROCESSING", 29.0),
        (second.id, "CANCELLED", 0.0),
    ]


async def test_a_deleted_job_is_passed_over(viewer: Viewer, services: Services) -> None:
    job = await submit_one(viewer, services)
    updates = watch_all(viewer, services=services)
    seen = await next_of(updates)
    await jobs.cancel(viewer, job.id, services=services)
    await jobs.delete(viewer, job.id, services=services)
    other = await submit_one(viewer, services)
    again = watch_all(viewer, None, seen.cursor, services=services)
    assert (await next_of(again)).job.id == other.id
