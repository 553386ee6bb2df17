"""Watching all of a viewer's jobs: those that have not ended, then every change of every one of them.

The first part is the state at one moment of the database, and the log goes on exactly where that ends,
across reconnects too: `db.job_events` says how. Nothing is missed, nothing comes twice, no version goes back,
and no open transaction holds up what others changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial

from db import job_events, job_rows
from db.job_events import Change, Found, Place
from db.job_rows import Condition
from db.jobs import Job
from domain.accounts import Viewer
from domain.jobs import cursors
from domain.jobs.announce import ALL_JOBS
from domain.jobs.cursors import Reading
from domain.jobs.pace import Pace
from domain.jobs.read import condition
from domain.jobs.requests import JobFilter, JobUpdate
from domain.jobs.tallies import CONFLATIONS
from domain.jobs.updates import BATCH, REREAD_SECONDS
from domain.patience import patiently
from domain.ports import Services

MOST_BEHIND = 10_000  # jobs of which a slow reader is told at once


async def watch_all(
    viewer: Viewer, wanted: JobFilter | None = None, after: str | None = None, *, services: Services
) -> AsyncIterator[JobUpdate]:
    """Never ends by itself. With `after` it goes on where that update's cursor was; one that this database
    cannot have given starts from the jobs as they are.

    Raises InvalidInput for a cursor that is not of this subscription.
    """
    where = condition(viewer, wanted)
    given = None if after is None else cursors.reading_of(after)
    async with services.events.subscribe(ALL_JOBS) as subscription:
        reading = await services.reads.read(("all jobs", given), lambda: _start(given))
        is_slow = False
        while True:
            asked = _Asked(where, reading, is_slow)
            page = await patiently(partial(services.reads.read, asked, asked.answer))
            if is_slow and reading.taken_at is None and page.steps:
                services.tallies.add(CONFLATIONS, "allJobUpdates")
            is_slow = is_slow and reading.taken_at is not None
            pace = Pace()
            for step in page.steps:
                if step.update is not None:
                    yield step.update
                reading = step.reading
                is_slow = is_slow or pace.is_slow()
                if is_slow and reading.taken_at is None:
                    break
            else:
                reading = page.end
                if page.is_all:
                    await subscription.wait(REREAD_SECONDS)


async def _start(given: Reading | None) -> Reading:
    now, at = await job_events.present()
    return given if given is not None and given.is_of(now) else Reading(now, taken_at=at)


@dataclass(frozen=True)
class _Step:
    """One change with where a reader is after it; no update where its job was deleted meanwhile."""

    reading: Reading
    update: JobUpdate | None


@dataclass(frozen=True)
class _Page:
    """What comes next, where a reader is after all of it, and whether there is nothing more by now."""

    steps: list[_Step]
    end: Reading
    is_all: bool


@dataclass(frozen=True)
class _Asked:
    """What a reader of these jobs has not seen."""

    where: Condition
    reading: Reading
    only_newest: bool

    async def answer(self) -> _Page:
        if self.reading.taken_at is not None:
            return await self._unfinished()
        if self.only_newest:
            return await self._newest()
        if self.reading.until is not None:
            return await self._rest(self.reading.until)
        return await self._log()

    async def _unfinished(self) -> _Page:
        at = self.reading
        assert at.taken_at is not None
        changes = await job_events.unfinished_at(at.seen, at.taken_at, self.where, at.behind, BATCH)
        places = [replace(at, behind=(change.created_at, change.job_id)) for change in changes]
        end = Reading(at.seen) if len(changes) < BATCH else places[-1]
        return _Page(await _steps(places, changes), end, is_all=False)

    async def _log(self) -> _Page:
        seen = self.reading.seen
        found = await job_events.after_place(seen, self.where, BATCH)
        return await _page(found, seen, Reading(seen.after(found.changes, found.now)))

    async def _newest(self) -> _Page:
        """A slow reader is spared all but the newest of each job."""
        at = self.reading
        found = await job_events.newest_after(at.seen, at.until, at.position, self.where, MOST_BEHIND)
        return await _page(found, at.seen, Reading(found.now))

    async def _rest(self, until: Place) -> _Page:
        at = self.reading
        changes = await job_events.between(at.seen, until, at.position, self.where, BATCH)
        places = [replace(at, position=change.position) for change in changes]
        end = Reading(until) if len(changes) < BATCH else places[-1]
        return _Page(await _steps(places, changes), end, is_all=False)


async def _page(found: Found, seen: Place, end: Reading) -> _Page:
    """Where these are all, the last of them leaves a reader at the end."""
    places = [Reading(seen, until=found.now, position=change.position) for change in found.changes]
    if not found.is_all:
        end = places[-1]
    elif places:
        places[-1] = end
    return _Page(await _steps(places, found.changes), end, found.is_all)


async def _steps(places: list[Reading], changes: list[Change]) -> list[_Step]:
    """The updates with their rows, in one query."""
    jobs = await job_rows.by_ids(list({change.job_id for change in changes}))
    return [
        _Step(place, _update(place, change, jobs.get(change.job_id)))
        for place, change in zip(places, changes, strict=True)
    ]


def _update(place: Reading, change: Change, job: Job | None) -> JobUpdate | None:
    if job is None:
        return None
    return JobUpdate(
        cursor=place.encode(),
        job=job,
        stage=change.stage,
        progress=change.progress,
        status=change.state,
        message=change.message,
        at=change.at,
    )
