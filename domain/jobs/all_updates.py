"""Watching all of a viewer's jobs: those that have not ended, then every change of every one of them.

The snapshot is that of one moment of the database, and the log goes on exactly where it ends, across
reconnects too: `db.job_events` says how. Nothing is missed, nothing comes twice, no version goes back.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence

from db import job_events, job_rows
from db.job_events import LAST_POSITION, Change, Place
from db.job_rows import Condition
from db.jobs import Job
from domain.accounts import Viewer
from domain.jobs import cursors
from domain.jobs.announce import ALL_JOBS
from domain.jobs.cursors import Reading
from domain.jobs.read import condition
from domain.jobs.requests import JobFilter, JobUpdate
from domain.jobs.updates import BATCH, REREAD_SECONDS, SLOW_SECONDS
from domain.ports import Services

HORIZON_SECONDS = 0.05  # how soon to look again for a change that waits for an open transaction
_MOST_BEHIND = 10_000


async def watch_all(
    viewer: Viewer, wanted: JobFilter | None = None, after: str | None = None, *, services: Services
) -> AsyncIterator[JobUpdate]:
    """Never ends by itself. With `after` it goes on where that update's cursor was.

    Raises InvalidInput for a cursor that is not of this subscription.
    """
    where = condition(viewer, wanted)
    reading = await _start() if after is None else cursors.reading_of(after)
    async with services.events.subscribe(ALL_JOBS) as subscription:
        is_slow = False
        while True:
            steps = await _next(reading, where, is_slow)
            is_slow = is_slow and reading.in_snapshot
            for step, update in await _updates(steps):
                asked = time.monotonic()
                if update is not None:
                    yield update
                is_slow = is_slow or time.monotonic() - asked > SLOW_SECONDS
                reading = step
                if is_slow and not reading.in_snapshot:
                    break
            if reading.in_snapshot and not steps:
                reading = Reading(reading.place, reading.moment)
            elif not steps:
                beyond = await job_events.waits_for_a_transaction()
                await subscription.wait(HORIZON_SECONDS if beyond else REREAD_SECONDS)


async def _start() -> Reading:
    moment = await job_events.present_moment()
    return Reading(Place(moment.xmin - 1, LAST_POSITION), moment, in_snapshot=True)


async def _next(reading: Reading, where: Condition, only_newest: bool) -> list[tuple[Reading, Change]]:
    """What comes after a reading, each change with the reading that it leaves."""
    if reading.in_snapshot and reading.moment is not None:
        rows = await job_events.unfinished_at(reading.moment, where, reading.behind, BATCH)
        return [
            (Reading(reading.place, reading.moment, True, (row.created_at, row.job_id)), row) for row in rows
        ]
    limit = _MOST_BEHIND if only_newest else BATCH
    changes = await job_events.after_place(reading.place, where, limit, unseen_by=reading.moment)
    if only_newest:
        changes = _newest_of_each(changes)
    steps = []
    for change in changes:
        reading = reading.past(change)
        steps.append((reading, change))
    return steps


def _newest_of_each(changes: Sequence[Change]) -> list[Change]:
    """One change a job, still in the order of the log."""
    newest = {change.job_id: change for change in changes}
    return sorted(newest.values(), key=lambda change: change.place)


async def _updates(steps: Sequence[tuple[Reading, Change]]) -> list[tuple[Reading, JobUpdate | None]]:
    """The updates with their rows, in one query; None for a job that was deleted meanwhile."""
    jobs = await job_rows.by_ids(list({change.job_id for _, change in steps}))
    updates: list[tuple[Reading, JobUpdate | None]] = []
    for reading, change in steps:
        job = jobs.get(change.job_id)
        updates.append((reading, None if job is None else _update(reading, change, job)))
    return updates


def _update(reading: Reading, change: Change, job: Job) -> JobUpdate:
    return JobUpdate(
        cursor=reading.encode(),
        job=job,
        stage=change.stage,
        progress=change.progress,
        status=change.state,
        message=change.message,
        at=change.at,
    )
