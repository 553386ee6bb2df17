"""Looking at one job closely: by the beginning of its id, and at the attempts that were made at it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from db.jobs import Job, JobAttempt


async def between(owner_id: UUID, kinds: Sequence[str], low: UUID, high: UUID, limit: int) -> list[Job]:
    """Jobs whose ids lie from `low` to `high`, both included, newest first."""
    rows = Job.filter(owner_id=owner_id, kind__in=list(kinds), id__gte=low, id__lte=high)
    return await rows.order_by("-created_at", "-id").limit(limit)


async def attempts_of(job_id: UUID) -> list[JobAttempt]:
    """Every claim of a job, in order."""
    return await JobAttempt.filter(job_id=job_id).order_by("epoch")
