"""What an owner does with a job that exists: cancel it, run it again, delete it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from db import job_moves, job_outputs, job_rows
from db.jobs import Job
from domain import assets
from domain.accounts import Viewer
from domain.errors import Conflict, InvalidInput, NotFound
from domain.jobs import stages
from domain.jobs.announce import announce, cancel_topic, topic
from domain.jobs.kinds import kind_of
from domain.jobs.protocol import ENDED
from domain.jobs.read import get
from domain.jobs.submit import check_quota, ring
from domain.ports import Services


async def cancel(viewer: Viewer, job_id: UUID, *, services: Services) -> Job:
    """A waiting job is CANCELLED at once; a running one is asked to stop, and stops within two seconds.

    Asking twice is asking once. Raises NotFound, and Conflict for a job that has ended otherwise.
    """
    job = await job_moves.cancel(job_id, viewer.id)
    if job is None:
        job = await get(viewer, job_id)
        if job.state in ENDED and job.state != "CANCELLED":
            raise Conflict(f"the job has ended ({job.state}), so it cannot be cancelled")
        return job
    if job.state == "PROCESSING":
        await services.events.nudge(cancel_topic(job_id))
    await announce([job], services)
    return job


async def retry(viewer: Viewer, job_id: UUID, *, from_stage: str | None = None, services: Services) -> Job:
    """A new job like an ended one (`retry_of`), from its first or a named stage; no cached result answers.

    Raises NotFound, Conflict for a job that has not ended, InvalidInput for a stage that is none of its
    kind, and QuotaExceeded.
    """
    job = await get(viewer, job_id)
    if job.state not in ENDED:
        raise Conflict(f"the job has not ended ({job.state}), so it cannot be retried")
    kind = kind_of(job.kind)
    if from_stage is not None and from_stage not in kind.stages:
        raise InvalidInput(
            "fromStage", f"fromStage must be one of {', '.join(kind.stages)}, got {from_stage[:40]!r}"
        )
    row = job_rows.JobRow(
        kind=job.kind,
        owner_id=viewer.id,
        params=job.params,
        stages=stages.fresh(kind),
        max_attempts=kind.max_attempts,
        priority=job.priority,
        cache_key=job.cache_key,
        subject_type=job.subject_type,
        subject_id=job.subject_id,
        callback_url=job.callback_url,
        retry_of=job.id,
        from_stage=from_stage,
    )
    again = await _insert_retry(viewer, row, services.limits.max_pending_jobs_per_owner)
    await ring([again], services)
    return again


async def _insert_retry(viewer: Viewer, row: job_rows.JobRow, max_pending: int) -> Job:
    """With the inputs of the job that it repeats, which cannot be removed meanwhile."""
    assert row.retry_of is not None
    async with job_rows.IN_TRANSACTION():
        inputs = await job_rows.held_inputs_of(row.retry_of)
        if inputs is None:
            raise NotFound(f"no job {row.retry_of}")
        try:
            await assets.inputs(viewer, inputs)
        except NotFound as error:
            raise Conflict("what the job reads was deleted, so it cannot be retried") from error
        await check_quota(viewer.id, 1, max_pending)
        again = await job_rows.insert(replace(row, inputs=inputs))
    assert again is not None  # no idempotency key, so nothing to collide with
    return again


async def delete(viewer: Viewer, job_id: UUID, *, services: Services, with_outputs: bool = False) -> None:
    """Remove an ended job; its files go `with_outputs`, else they stay assets of their own.

    Raises NotFound, and Conflict for a job that has not ended.
    """
    job = await get(viewer, job_id)
    outputs = await job_outputs.outputs_of([job_id]) if with_outputs else []
    if not await job_rows.delete_ended(job_id, viewer.id):
        raise Conflict(f"the job has not ended ({job.state}): cancel it first")
    for _, _, asset in outputs:
        with suppress(NotFound):  # deleted by somebody else meanwhile
            await assets.delete(viewer, asset.id, services=services)
    await services.events.nudge(topic(job_id))  # no news for outside consumers: they were told of its end
