"""How a person at a terminal finds a job: by the beginning of its id, down to what was tried."""

from __future__ import annotations

import re
from uuid import UUID

from db import job_lookup
from db.jobs import Job, JobAttempt
from domain.accounts import Viewer
from domain.errors import InvalidInput, NotFound
from domain.jobs.kinds import known
from domain.jobs.read import get

_SHOWN = 5


async def by_prefix(viewer: Viewer, text: str) -> Job:
    """The one job whose id begins so, dashes or not.

    Raises NotFound, and InvalidInput for text that begins no id and for one that begins several.
    """
    digits = text.strip().lower().replace("-", "")
    if not re.fullmatch(r"[0-9a-f]{1,32}", digits):
        raise InvalidInput("id", f"{text[:40]!r} is not the beginning of a job's id")
    low, high = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    found = await job_lookup.between(viewer.id, known(), low, high, _SHOWN + 1)
    if not found:
        raise NotFound(f"no job {text[:40]}")
    if len(found) > 1:
        named = ", ".join(str(job.id) for job in found[:_SHOWN])
        more = " and more" if len(found) > _SHOWN else ""
        raise InvalidInput("id", f"{text[:40]} begins the ids of several jobs: {named}{more}")
    return found[0]


async def attempts_of(viewer: Viewer, job_id: UUID) -> list[JobAttempt]:
    """What was tried, in order. Raises NotFound."""
    await get(viewer, job_id)
    return await job_lookup.attempts_of(job_id)
