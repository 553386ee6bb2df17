"""Watching one job: the row as it is now, then every change, until it ends.

A nudge only wakes; what is sent is read from the log, so a lost nudge costs at most `REREAD_SECONDS`. A
consumer that was away for longer than `SLOW_SECONDS` gets the newest change instead of a queue.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from uuid import UUID

from db import job_events
from db.jobs import Job, JobEvent
from domain.accounts import Viewer
from domain.jobs import cursors
from domain.jobs.announce import topic
from domain.jobs.protocol import ENDED
from domain.jobs.read import find, get
from domain.jobs.requests import JobUpdate
from domain.jobs.stages import present
from domain.ports import Services

REREAD_SECONDS = 5.0
SLOW_SECONDS = 1.0
BATCH = 100


async def watch(
    viewer: Viewer, job_id: UUID, after: str | None = None, *, services: Services
) -> AsyncIterator[JobUpdate]:
    """With `after`, the cursor of an update: no snapshot, but every change since, then what follows.

    Ends after the job's end, or when it is deleted. Raises NotFound, and InvalidInput for a cursor that is
    not of this subscription.
    """
    version = None if after is None else cursors.version_of(after, job_id)
    async with services.events.subscribe(topic(job_id)) as subscription:
        job = await get(viewer, job_id)
        is_slow, state = False, "PROCESSING"
        if version is None:
            asked = time.monotonic()
            yield _as_it_is(job)
            is_slow = time.monotonic() - asked > SLOW_SECONDS
            version, state = job.version, job.state
        elif version >= job.version:  # above it: from before the database was set back to a backup
            version, state = job.version, job.state
        while state not in ENDED:
            updates = await _read(viewer, job_id, version, is_slow)
            if updates is None:
                return
            is_slow = False
            for update, seen in updates:
                asked = time.monotonic()
                yield update
                is_slow = is_slow or time.monotonic() - asked > SLOW_SECONDS
                version, state = seen, update.status
                if is_slow:
                    break
            if not updates:
                await subscription.wait(REREAD_SECONDS)


async def _read(
    viewer: Viewer, job_id: UUID, version: int, only_newest: bool
) -> list[tuple[JobUpdate, int]] | None:
    """The updates above a version, each with its own; None when the job is gone."""
    if only_newest:
        events = await job_events.newest(job_id, version)
    else:
        events = await job_events.after_version(job_id, version, BATCH)
    job = await find(viewer, job_id)
    if job is None:
        return None
    if not events and job.version > version:
        return [(_as_it_is(job), job.version)]
    return [(_as_it_was(event, job), event.version) for event in events]


def _as_it_is(job: Job) -> JobUpdate:
    return JobUpdate(
        cursor=cursors.for_version(job.id, job.version),
        job=job,
        stage=present(job.stages),
        progress=job.progress,
        status=job.state,
        message=job.message,
        at=job.updated_at,
    )


def _as_it_was(event: JobEvent, job: Job) -> JobUpdate:
    return JobUpdate(
        cursor=cursors.for_version(job.id, event.version),
        job=job,
        stage=event.stage,
        progress=event.progress,
        status=event.state,
        message=event.message,
        at=event.at,
    )
