"""Telling that a job changed. The row is the truth, the log holds every change: this only wakes readers."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from db.jobs import Job
from domain.jobs.kinds import KINDS
from domain.jobs.stages import present
from domain.ports import Services

ALL_JOBS = "jobs"
CALLBACKS = "callbacks"  # where workers are told that a callback URL is to be called


def topic(job_id: UUID) -> str:
    """Where watchers of one job are woken."""
    return f"job:{job_id}"


def cancel_topic(job_id: UUID) -> str:
    """Where the worker that runs a job is told to look at the cancel flag."""
    return f"cancel:{job_id}"


async def announce(jobs: Iterable[Job], services: Services, *, change: str = "status") -> None:
    """Wake the watchers of jobs that changed, and tell outside consumers; `change` is status or progress."""
    changed = list(jobs)
    for job in changed:
        kind = KINDS.get(job.kind)
        if kind is not None and kind.documented_in_redis:
            await services.events.publish_job(job, stage=present(job.stages), change=change)
    if changed:
        to_tell = any(job.callback_url is not None and job.completed_at is not None for job in changed)
        callbacks = [CALLBACKS] if to_tell else []
        await services.events.nudge(ALL_JOBS, *callbacks, *(topic(job.id) for job in changed))
