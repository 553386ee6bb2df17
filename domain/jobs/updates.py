"""Watching one job: the row as it is now, then every change, until it ends.

A nudge only wakes; what is sent is read from the row, and from the log where more than one change is new, so
a lost nudge costs at most `REREAD_SECONDS`. A consumer that does not keep up (`domain.jobs.pace`) gets the
newest change instead of a queue. Watchers that are woken together read together (`domain.shared_reads`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
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
from domain.watching import Step, Version

REREAD_SECONDS = 5.0
BATCH = 100


async def watch(
    viewer: Viewer, job_id: UUID, after: str | None = None, *, services: Services
) -> AsyncGenerator[JobUpdate, None]:
    """With `after`, the cursor of an update: no snapshot, but every change since, then what follows.

    Ends after the job's end, or when it is deleted. Raises NotFound, and InvalidInput for a cursor that is
    not of this subscription.
    """
    pace = Pace()
    first = await _first(viewer, job_id, after, services)
    is_slow = False
    if first.item is not None:
        yield first.item
        is_slow = pace.is_slow()
    if first.is_last:
        return
    rest = following(viewer, job_id, first.mark, only_newest=is_slow, services=services)
    async with aclosing(rest):
        async for step in rest:
            if step.item is not None:
                yield step.item


async def opening(
    viewer: Viewer,
    job_id: UUID,
    start: Version | str | None = None,
    *,
    only_newest: bool = False,
    services: Services,
) -> AsyncGenerator[Step[JobUpdate, Version], None]:
    """The row as it is, or what came after `start` (a mark, or a client's cursor), up to now.

    At its end no row was shown that is newer than the mark. Raises what `watch` does.
    """
    is_of_old = isinstance(start, Version)
    step = Step(None, start) if isinstance(start, Version) else await _first(viewer, job_id, start, services)
    yield step
    is_all = start is None
    while not is_all and not step.is_last:
        found = await _Asked(viewer, job_id, step.mark.number, only_newest).read(services)
        if only_newest and is_of_old and found.steps:
            services.tallies.add(CONFLATIONS, "jobUpdates")
        steps = found.steps or [Step(None, step.mark, is_last=found.is_over)]
        for step in steps:
            yield step
        is_all, only_newest = found.is_all, False


async def following(
    viewer: Viewer, job_id: UUID, mark: Version, *, only_newest: bool = False, services: Services
) -> AsyncGenerator[Step[JobUpdate, Version], None]:
    """Every change after the mark, until the job ends or is deleted."""
    async with services.events.subscribe(topic(job_id)) as subscription:
        is_slow = only_newest
        while True:
            found = await _Asked(viewer, job_id, mark.number, is_slow).read(services)
            if is_slow and found.steps:
                services.tallies.add(CONFLATIONS, "jobUpdates")
            pace, is_slow = Pace(), False
            for step in found.steps:
                yield step
                mark = step.mark
                if step.is_last:
                    return
                if is_slow := pace.is_slow():
                    break
            if found.is_over and not is_slow:
                return
            if not is_slow and len(found.steps) < BATCH:
                await subscription.wait(REREAD_SECONDS)


async def _first(
    viewer: Viewer, job_id: UUID, after: str | None, services: Services
) -> Step[JobUpdate, Version]:
    """The row as it is; with `after` nothing but the mark that it is, unless the database was set back."""
    version = None if after is None else cursors.version_of(after, job_id)
    row = await services.reads.read(("job", viewer, job_id), lambda: get(viewer, job_id))
    if version is not None and version < row.version:
        return Step(None, Version(version))
    update = None if version == row.version else _as_it_is(row)
    return Step(update, Version(row.version), is_last=row.state in ENDED)


@dataclass(frozen=True)
class _Found:
    """Changes in order, whether these are all of them by now, and whether none will follow."""

    steps: list[Step[JobUpdate, Version]]
    is_all: bool
    is_over: bool


@dataclass(frozen=True)
class _Asked:
    """What a reader has not seen of a job: the changes above a version."""

    viewer: Viewer
    job_id: UUID
    version: int
    only_newest: bool

    async def read(self, services: Services) -> _Found:
        return await patiently(partial(services.reads.read, self, self.answer))

    async def answer(self) -> _Found:
        """By the row, which is what its last change made it. The log is read where there were more."""
        job = await find(self.viewer, self.job_id)
        if job is None:
            return _Found([], is_all=True, is_over=True)
        if job.version == self.version:
            return _Found([], is_all=True, is_over=job.state in ENDED)
        if job.version < self.version:
            # Versions only grow, so the database itself was set back, to a backup or a standby that lagged.
            # Only then does a watcher see less than before.
            return _found([_as_set_back(job)], job)
        if self.only_newest or job.version == self.version + 1:
            return _found([_step(_as_it_is(job), job.version)], job)
        return await self._logged(job)

    async def _logged(self, job: Job) -> _Found:
        events = await job_events.after_version(self.job_id, self.version, BATCH)
        if not events:  # it is not kept that far
            return _found([_step(_as_it_is(job), job.version)], job)
        later = await find(self.viewer, self.job_id)  # an update never shows its job older than itself
        if later is None:
            return _Found([], is_all=True, is_over=True)
        return _found([_step(_as_it_was(event, later), event.version) for event in events], later)


def _found(steps: list[Step[JobUpdate, Version]], job: Job) -> _Found:
    return _Found(steps, is_all=steps[-1].mark.number >= job.version, is_over=steps[-1].is_last)


def _step(update: JobUpdate, version: int) -> Step[JobUpdate, Version]:
    return Step(update, Version(version), is_last=update.status in ENDED)


def _as_set_back(job: Job) -> Step[JobUpdate, Version]:
    return Step(_as_it_is(job), Version(job.version, is_set_back=True), is_last=job.state in ENDED)


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
