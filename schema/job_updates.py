"""What is told of jobs while they are worked on."""

from datetime import datetime
from typing import Self

import strawberry

from domain.jobs import JobUpdate as Change
from schema.columns import Columns, attributes, members
from schema.job_words import JobStatus
from schema.jobs import Job
from schema.lookahead import Wanted

_status = members(JobStatus)
_COLUMNS: Columns = {
    **attributes("cursor", "stage", "progress", "message", "at"),
    "status": lambda update: _status(update.status),
}


@strawberry.type(
    description="One change of one job. Pass `cursor` back as `after` to miss nothing across a reconnect."
)
class JobUpdate:
    cursor: str = strawberry.field(description="Opaque, and good for the subscription that gave it.")
    job: Job
    stage: str | None
    progress: float
    status: JobStatus
    message: str | None
    at: datetime

    @classmethod
    async def of(cls, update: Change, wanted: Wanted) -> Self:
        job = await Job.of(update.job, wanted.below("job"))
        return wanted.maker(cls, {**_COLUMNS, "job": lambda _: job})(update)
