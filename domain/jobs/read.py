"""Looking at jobs. A viewer sees their own; rows of kinds that this version does not know are not there."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db import job_outputs, job_queue, job_rows
from db.jobs import Job
from domain.accounts import Viewer
from domain.errors import NotFound
from domain.jobs.kinds import known
from domain.jobs.requests import JobFilter, Output, QueueStats
from domain.pages import Page, checked_first, decode_cursor

WORKER_UNSEEN_SECONDS = 20.0  # a worker that did not say that it lives for this long is gone


async def find(viewer: Viewer, job_id: UUID) -> Job | None:
    return await job_rows.find(viewer.id, job_id, known())


async def get(viewer: Viewer, job_id: UUID) -> Job:
    """Raises NotFound."""
    job = await find(viewer, job_id)
    if job is None:
        raise NotFound(f"no job {job_id}")
    return job


def condition(viewer: Viewer, wanted: JobFilter | None) -> job_rows.Condition:
    """The filter as the database reads it; unknown kinds and states match nothing."""
    wanted = wanted or JobFilter()
    kinds = tuple(kind for kind in known() if wanted.kind is None or kind in set(wanted.kind))
    return job_rows.Condition(
        owner_id=viewer.id,
        kinds=kinds,
        states=None if wanted.status is None else tuple(str(status) for status in wanted.status),
        subject_type=wanted.subject_type,
        subject_id=wanted.subject_id,
        created_after=wanted.created_after,
        created_before=wanted.created_before,
    )


async def page(
    viewer: Viewer,
    wanted: JobFilter | None = None,
    *,
    first: int = 50,
    after: str | None = None,
    is_counted: bool = True,
) -> Page[Job]:
    """Newest first: one query, and one for the total. Raises InvalidInput for a wrong `first` or cursor."""
    size = checked_first(first)
    key = decode_cursor(after)
    where = condition(viewer, wanted)
    rows = await job_rows.page(where, None if key is None else (key.created_at, key.id), size + 1)
    total = await job_rows.count(where) if is_counted else None
    return Page(rows[:size], has_next=len(rows) > size, has_previous=key is not None, total=total)


async def count(viewer: Viewer, wanted: JobFilter | None = None) -> int:
    return await job_rows.count(condition(viewer, wanted))


async def queue_stats(viewer: Viewer) -> QueueStats:
    counts = await job_rows.counts_by_state(viewer.id, known())
    return QueueStats(
        pending=counts.get("PENDING", 0),
        processing=counts.get("PROCESSING", 0),
        completed=counts.get("COMPLETED", 0),
        failed=counts.get("FAILED", 0),
        cancelled=counts.get("CANCELLED", 0),
        workers=await job_queue.live_workers(WORKER_UNSEEN_SECONDS),
    )


async def outputs_for(job_ids: Sequence[UUID]) -> dict[UUID, list[Output]]:
    """The outputs of many jobs in two queries, those without any included."""
    found: dict[UUID, list[Output]] = {job_id: [] for job_id in job_ids}
    for job_id, role, asset in await job_outputs.outputs_of(job_ids):
        found[job_id].append(Output(role, asset))
    return found


async def retried_by_for(job_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The newest retry of each job that has one, in one query."""
    return await job_rows.newest_retries(job_ids)
