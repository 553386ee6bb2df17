"""What a job consists of: its stages, its error, the files that it made."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any, Self
from uuid import UUID

import strawberry

from domain.jobs import Output
from schema.assets import Asset
from schema.columns import Columns, members
from schema.job_words import JobStatus
from schema.lookahead import Wanted

Stored = Mapping[str, Any]  # of a job's row, as JSON


@strawberry.type(description="Why a job or a stage failed.")
class JobError:
    code: str
    message: str

    @classmethod
    def maker(cls, wanted: Wanted) -> Callable[[Stored | None], Self | None]:
        make = wanted.maker(cls, {"code": itemgetter("code"), "message": itemgetter("message")})
        return lambda stored: None if stored is None else make(stored)


_status = members(JobStatus)
_STAGE: Columns = {
    "name": itemgetter("name"),
    "status": lambda stored: _status(stored["status"]),
    "progress": lambda stored: stored.get("progress") or 0.0,
    "message": lambda stored: stored.get("message"),
    "started_at": lambda stored: _moment(stored.get("started_at")),
    "completed_at": lambda stored: _moment(stored.get("completed_at")),
}


def _moment(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored)


@strawberry.type(description="One step of a job.")
class JobStage:
    name: str
    status: JobStatus
    progress: float = strawberry.field(description="Per cent, 0 to 100.")
    message: str | None
    started_at: datetime | None
    completed_at: datetime | None
    error: JobError | None

    @classmethod
    def maker(cls, wanted: Wanted) -> Callable[[Stored], Self]:
        error = JobError.maker(wanted.below("error"))
        return wanted.maker(cls, {**_STAGE, "error": lambda stored: error(stored.get("error"))})


@strawberry.type(description="One file that a job made, and what it is in the result.")
class JobOutput:
    role: str = strawberry.field(description="video, audio, image, preview, midi, or the name of a stem.")
    asset: Asset

    @classmethod
    async def by_job(cls, outputs: Mapping[UUID, Iterable[Output]], wanted: Wanted) -> dict[UUID, list[Self]]:
        """By the job's id, as they are given."""
        files = [output.asset for several in outputs.values() for output in several]
        assets = await Asset.by_id(files, wanted.below("asset"))
        make = wanted.maker(
            cls, {"role": attrgetter("role"), "asset": lambda output: assets[output.asset.id]}
        )
        return {job_id: [make(output) for output in several] for job_id, several in outputs.items()}
