"""What a reader of all jobs has not seen, a page at a time, and where each change of it leads him."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from db import job_events, job_rows
from db.job_events import Change, Found, Place
from db.job_rows import Condition
from db.jobs import Job
from domain.jobs.cursors import Reading
from domain.jobs.requests import JobUpdate
from domain.jobs.updates import BATCH
from domain.watching import Step

MOST_BEHIND = 10_000  # jobs of which a slow reader is told at once


@dataclass(frozen=True, slots=True)
class Seen:
    """A mark of all jobs: a reading, and the change that led there, number `at` of those of its page.

    Without `is_all` there is more in the log that the page left out. `is_set_back` where a database that was
    set back led there: nobody who was elsewhere has seen that, and he is to read by himself.
    """

    reading: Reading
    changes: Sequence[Change] = field(default=(), compare=False, repr=False)
    at: int = field(default=0, compare=False)
    is_all: bool = field(default=False, compare=False)
    is_set_back: bool = field(default=False, compare=False)

    @property
    def change(self) -> Change:
        return self.changes[self.at]

    def covers(self, other: Seen) -> bool:
        mine, theirs = self.reading, other.reading
        if mine.taken_at is not None or theirs.taken_at is not None:
            return False
        if (mine.seen, mine.until) == (theirs.seen, theirs.until):
            return mine.position >= theirs.position
        return mine.seen.covers(theirs.seen) and (theirs.until is None or mine.seen.covers(theirs.until))

    def has_seen(self, other: Seen) -> bool:
        return not other.is_set_back and self._holds(other.change)

    def meets(self, other: Seen) -> bool:
        """The whole page is known: whoever has seen nothing that comes later in it has seen no more."""
        if other.is_set_back or not other.is_all:
            return False
        return not any(self._holds(change) for change in other.changes[other.at :])

    def _holds(self, change: Change) -> bool:
        until = self.reading.until
        if self.reading.seen.holds(change.xid):
            return True
        return until is not None and until.holds(change.xid) and change.position <= self.reading.position


@dataclass(frozen=True)
class Page:
    """What comes next and where a reader is after all of it. `now` is all that the database showed, None
    where there may be more of it behind this page."""

    steps: list[Step[JobUpdate, Seen]]
    end: Reading
    now: Place | None = None


@dataclass(frozen=True)
class Asked:
    """What a reader of these jobs has not seen; with `only_newest` the last of each, `most` jobs at once."""

    where: Condition
    reading: Reading
    only_newest: bool
    most: int = MOST_BEHIND

    async def answer(self) -> Page:
        if self.reading.taken_at is not None:
            return await self._unfinished()
        if self.only_newest:
            return await self._newest()
        if self.reading.until is not None:
            return await self._rest(self.reading.until)
        return await self._log()

    async def _unfinished(self) -> Page:
        at = self.reading
        assert at.taken_at is not None
        changes = await job_events.unfinished_at(at.seen, at.taken_at, self.where, at.behind, BATCH)
        places = [replace(at, behind=(change.created_at, change.job_id)) for change in changes]
        end = Reading(at.seen) if len(changes) < BATCH else places[-1]
        return Page(await _steps(places, changes), end)

    async def _log(self) -> Page:
        seen = self.reading.seen
        found = await job_events.after_place(seen, self.where, BATCH)
        if _is_set_back(self.reading, found.now):
            return await _again()
        return await _page(found, seen, Reading(seen.after(found.changes, found.now)), is_every=True)

    async def _newest(self) -> Page:
        """A slow reader is spared all but the newest of each job."""
        at = self.reading
        found = await job_events.newest_after(at.seen, at.until, at.position, self.where, self.most)
        if _is_set_back(at, found.now):
            return await _again()
        return await _page(found, at.seen, Reading(found.now), is_every=False)

    async def _rest(self, until: Place) -> Page:
        at = self.reading
        changes = await job_events.between(at.seen, until, at.position, self.where, BATCH)
        places = [replace(at, position=change.position) for change in changes]
        end = Reading(until) if len(changes) < BATCH else places[-1]
        return Page(await _steps(places, changes), end)


def _is_set_back(reading: Reading, now: Place) -> bool:
    """Transaction numbers only grow and `now` was read later, so a lower one is that of a database that was
    itself set back, to a backup or a standby that lagged. Only then does a watcher see less than before."""
    return not reading.is_of(now)


async def _again() -> Page:
    """To the jobs as they are: numbers that were seen are given again, to other changes."""
    now, at = await job_events.present()
    return Page([], Reading(now, taken_at=at))


async def _page(found: Found, seen: Place, end: Reading, *, is_every: bool) -> Page:
    """Where these are all, the last of them leaves a reader at the end."""
    places = [Reading(seen, until=found.now, position=change.position) for change in found.changes]
    if not found.is_all:
        end = places[-1]
    elif places:
        places[-1] = end
    steps = await _steps(places, found.changes, is_all=found.is_all and is_every)
    return Page(steps, end, found.now if found.is_all else None)


async def _steps(
    places: list[Reading], changes: list[Change], *, is_all: bool = False
) -> list[Step[JobUpdate, Seen]]:
    """The updates with their rows, in one query; none where a job was deleted meanwhile."""
    jobs = await job_rows.by_ids(list({change.job_id for change in changes}))
    return [
        Step(_update(place, change, jobs.get(change.job_id)), Seen(place, changes, at, is_all))
        for at, (place, change) in enumerate(zip(places, changes, strict=True))
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
