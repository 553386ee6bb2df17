"""Watching all of a viewer's jobs: those that have not ended, then every change of every one of them.

The first part is the state at one moment of the database, and the log goes on exactly where that ends,
across reconnects too: `db.job_events` says how. Nothing is missed, nothing comes twice, no version goes back,
and no open transaction holds up what others changed. Only where the database itself was set back under a
watcher does his watch begin again, with the jobs as they are then; and a client's cursor is refused in the
same way where more came after it than can be looked through (`job_events.MOST_UNSEEN`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from db import job_events
from domain.accounts import Viewer
from domain.jobs import cursors
from domain.jobs.all_pages import Asked, Page, Seen
from domain.jobs.announce import ALL_JOBS
from domain.jobs.cursors import Reading
from domain.jobs.pace import Pace
from domain.jobs.read import condition
from domain.jobs.requests import JobFilter, JobUpdate
from domain.jobs.tallies import CONFLATIONS
from domain.jobs.updates import BATCH, REREAD_SECONDS
from domain.patience import patiently
from domain.ports import Services
from domain.watching import Step


async def watch_all(
    viewer: Viewer, wanted: JobFilter | None = None, after: str | None = None, *, services: Services
) -> AsyncGenerator[JobUpdate, None]:
    """Never ends by itself. With `after` it goes on where that update's cursor was; one that this database
    cannot have given, or that is too far back, starts from the jobs as they are.

    Raises InvalidInput for a cursor that is not of this subscription.
    """
    start = Seen(await _start(viewer, after, services))
    steps = following_all(viewer, wanted, start, services=services)
    async with aclosing(steps):
        async for step in steps:
            if step.item is not None:
                yield step.item


async def opening_all(
    viewer: Viewer,
    wanted: JobFilter | None = None,
    start: Seen | str | None = None,
    *,
    only_newest: bool = False,
    services: Services,
) -> AsyncGenerator[Step[JobUpdate, Seen], None]:
    """The jobs that have not ended, or what came after `start` (a mark, or a client's cursor), up to now.

    Its mark is all that the database showed when it read the log last. Raises what `watch_all` does.
    """
    reading = start.reading if isinstance(start, Seen) else await _start(viewer, start, services)
    where = condition(viewer, wanted)
    while True:
        page = await _page(Asked(where, reading, only_newest, BATCH), services)
        for step in page.steps:
            yield step
        if page.now is not None:
            yield Step(None, Seen(Reading(page.now)))
            return
        reading, only_newest = page.end, only_newest and reading.taken_at is not None


async def following_all(
    viewer: Viewer, wanted: JobFilter | None, mark: Seen, *, services: Services
) -> AsyncGenerator[Step[JobUpdate, Seen], None]:
    """Every change after the mark, for ever."""
    where, reading = condition(viewer, wanted), mark.reading
    is_slow = is_set_back = False
    async with services.events.subscribe(ALL_JOBS) as subscription:
        while True:
            page = await _page(Asked(where, reading, is_slow), services)
            is_slow = is_slow and reading.taken_at is not None
            is_set_back = is_set_back or (reading.taken_at is None and page.end.taken_at is not None)
            pace = Pace()
            for step in page.steps:
                if is_set_back and step.item is not None:
                    step, is_set_back = _after_set_back(step), False
                yield step
                reading = step.mark.reading
                is_slow = is_slow or pace.is_slow()
                if is_slow and reading.taken_at is None:
                    break
            else:
                reading = page.end
                if page.now is not None:
                    await subscription.wait(REREAD_SECONDS)


def _after_set_back(step: Step[JobUpdate, Seen]) -> Step[JobUpdate, Seen]:
    """The first that is shown of a database that was set back."""
    return replace(step, mark=replace(step.mark, is_set_back=True))


async def _start(viewer: Viewer, after: str | None, services: Services) -> Reading:
    """Where the cursor was; the jobs as they are now where there is none, none of this database, or one that
    is too far back."""
    given = None if after is None else cursors.reading_of(after)

    async def read() -> Reading:
        now, at = await job_events.present()
        if given is None or not given.is_of(now) or await job_events.is_too_far(given.seen, viewer.id):
            return Reading(now, taken_at=at)
        return given

    return await services.reads.read(("all jobs", viewer.id, given), read)


async def _page(asked: Asked, services: Services) -> Page:
    page = await patiently(partial(services.reads.read, asked, asked.answer))
    if asked.only_newest and asked.reading.taken_at is None and page.steps:
        services.tallies.add(CONFLATIONS, "allJobUpdates")
    return page
