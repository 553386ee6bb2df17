"""Ending renders on request: a live one is cancelled first, and what asked waits until that is final."""

from __future__ import annotations

import asyncio
from uuid import UUID

from db.jobs import Job
from domain import jobs
from domain.accounts import Viewer
from domain.errors import Conflict, NotFound, TimedOut
from domain.jobs import JobFilter
from domain.pages import MAX_PAGE
from domain.particles.films import KIND, SUBJECT
from domain.ports import Services

MISSING = "Render job not found"
LIVE = ("PENDING", "PROCESSING")
PATIENCE_SECONDS = 15.0  # a cancel takes two; a worker that died needs its lease to lapse


async def find_render(viewer: Viewer, job_id: UUID) -> Job:
    """A particle render of the viewer. Raises NotFound for any other job too."""
    job = await jobs.find(viewer, job_id)
    if job is None or job.kind != KIND:
        raise NotFound(MISSING)
    return job


async def delete_render(viewer: Viewer, job_id: UUID, *, services: Services) -> None:
    """The job and its files. Raises NotFound, and TimedOut while its worker has not let go."""
    await find_render(viewer, job_id)
    await _stopped(viewer, job_id, services)
    try:
        await jobs.delete(viewer, job_id, services=services, with_outputs=True)
    except NotFound as error:
        raise NotFound(MISSING) from error


async def stop_renders(viewer: Viewer, system_id: UUID, *, services: Services) -> None:
    """Every live render of a system is cancelled, all at once, and final when this returns."""
    wanted = JobFilter(status=LIVE, kind=(KIND,), subject_type=SUBJECT, subject_id=str(system_id))
    while live := (await jobs.page(viewer, wanted, first=MAX_PAGE)).rows:
        await asyncio.gather(*(_stopped(viewer, job.id, services) for job in live))


async def _stopped(viewer: Viewer, job_id: UUID, services: Services) -> None:
    try:
        await jobs.cancel(viewer, job_id, services=services)
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for _ in jobs.watch(viewer, job_id, None, services=services):
                pass
    except (Conflict, NotFound):
        return  # it has ended already, or somebody else has deleted it
    except TimeoutError as error:
        raise TimedOut("The render is still being stopped; ask again", job_id=str(job_id)) from error
