"""Watching one job: the row as it is now, then every change, until it ends.

A nudge only wakes; what is sent is read from the log, so a lost nudge costs at most `REREAD_SECONDS`. A
consumer that does not keep up (`domain.jobs.pace`) gets the newest change instead of a queue. Watchers that
are woken together read together (`domain.shared_reads`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from db import job_events
from db.jobs import Job, JobEvent
from domain.accounts import Viewer
from domain.jobs import cursors
from domain.jobs.announce import topic
from domain.jobs.pace import Pace
from domain.jobs.protocol import ENDED
from domain.jobs.read import find, get
from domain.jobs.requests import JobUpdate
from domain.jobs.stages import present
from domain.jobs.tallies import CONFLATIONS
from domain.patience import patiently
from domain.ports import Services

REREAD_SECONDS = 5.0
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
        row = await services.reads.read(("job", viewer, job_id), lambda: get(viewer, job_id))
        is_slow, state = False, "PROCESSING"
        if version is None:
            pace = Pace()
            yield _as_it_is(row)
            is_slow = pace.is_slow()
            version, state = row.version, row.state
        elif version >= row.version:  # above it: from before the database was set back to a backup
            version, state = row.version, row.state
        while state not in ENDED:
            asked = _Asked(viewer, job_id, version, is_slow)
            steps = await patiently(partial(services.reads.read, asked, asked.answer))
            if steps is None:
                return
            if is_slow and steps:
                services.tallies.add(CONFLATIONS, "jobUpdates")
            pace, is_slow = Pace(), False
            for step in steps:
                yield step.update
                version, state = step.version, step.update.status
                if is_slow := pace.is_slow():
                    break
            if state not in ENDED and not is_slow and len(steps) < BATCH:
                await subscription.wait(REREAD_SECONDS)


@dataclass(frozen=True)
class _Step:
    """One update, and the version that a reader has seen with it."""

    update: JobUpdate
    version: int


@dataclass(frozen=True)
class _Asked:
    """What a reader has not seen of a job: the changes above a version."""

    viewer: Viewer
    job_id: UUID
    version: int
    only_newest: bool

    async def answer(self) -> list[_Step] | None:
        """None when the job is gone."""
        events = await self._events()
        job = await find(self.viewer, self.job_id)
        if job is not None and not events and job.version > self.version:
            events = await self._events()  # it may have changed, several times even, since they were read
            if not events:  # the log is not kept that far
                return [_Step(_as_it_is(job), job.version)]
            job = await find(self.viewer, self.job_id)
        if job is None:
            return None
        return [_Step(_as_it_was(event, job), event.version) for event in events]

    async def _events(self) -> list[JobEvent]:
        if self.only_newest:
            return await job_events.newest(self.job_id, self.version)
        return await job_events.after_version(self.job_id, self.version, BATCH)


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
