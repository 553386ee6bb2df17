"""Work that takes a while: what it is, how far it is, what came of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

import strawberry
from strawberry.scalars import JSON

from db.jobs import Job as Row
from domain import jobs as domain
from domain.jobs import JobStatus
from domain.jobs import Priority as JobPriority
from domain.pages import Page
from resolvers import jobs
from schema.assets import Asset
from schema.info import Info
from schema.job_words import JobKind
from schema.pagination import PageInfo, connected
from schema.particles import ParticleSystem


@strawberry.type(description="Why a job or a stage failed.")
class JobError:
    code: str
    message: str

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Self | None:
        return None if stored is None else cls(code=stored["code"], message=stored["message"])


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
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(
            name=stored["name"],
            status=JobStatus(stored["status"]),
            progress=stored.get("progress") or 0.0,
            message=stored.get("message"),
            started_at=_moment(stored.get("started_at")),
            completed_at=_moment(stored.get("completed_at")),
            error=JobError.of(stored.get("error")),
        )


def _moment(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored)


@strawberry.type(description="One file that a job made, and what it is in the result.")
class JobOutput:
    role: str = strawberry.field(description="video, audio, image, preview, midi, or the name of a stem.")
    asset: Asset

    @classmethod
    def of(cls, output: domain.Output) -> Self:
        return cls(role=output.role, asset=Asset.of(output.asset))


JobSubject = Annotated[
    ParticleSystem,
    strawberry.union("JobSubject", description="What a job is about."),
]


@strawberry.type(
    description="One piece of work. Its row is the truth: whatever process dies, the job does not."
)
class Job:
    row: strawberry.Private[Row]
    id: strawberry.ID
    kind: JobKind
    status: JobStatus
    priority: JobPriority
    progress: float = strawberry.field(
        description="Per cent of the whole, 0 to 100. It never falls within a run; a new run begins at 0."
    )
    message: str | None = strawberry.field(description="What is being done just now.")
    stages: list[JobStage]
    attempts: int = strawberry.field(
        description="How many runs there were; a crash or a release is not counted."
    )
    max_attempts: int
    params: JSON
    result: JSON | None
    error: JobError | None
    cost_usd: float
    eta_seconds: float | None = strawberry.field(
        description="How long it will still take, by its measured speed."
    )
    cached: bool = strawberry.field(description="Answered from an earlier identical job.")
    cancel_requested: bool
    retry_of: strawberry.ID | None = strawberry.field(description="The job that this one repeats.")
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    completed_at: datetime | None

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            row=row,
            id=strawberry.ID(str(row.id)),
            kind=JobKind(row.kind),
            status=JobStatus(row.state),
            priority=JobPriority(row.priority),
            progress=row.progress,
            message=row.message,
            stages=[JobStage.of(stage) for stage in row.stages],
            attempts=row.attempt,
            max_attempts=row.max_attempts,
            params=row.params,
            result=row.result,
            error=JobError.of(row.error),
            cost_usd=row.cost_usd,
            eta_seconds=row.eta_seconds,
            cached=row.cached,
            cancel_requested=row.cancel_requested_at is not None,
            retry_of=None if row.retry_of is None else strawberry.ID(str(row.retry_of)),
            created_at=row.created_at,
            started_at=row.started_at,
            updated_at=row.updated_at,
            completed_at=row.completed_at,
        )

    @strawberry.field
    async def outputs(self, info: Info) -> list[JobOutput]:
        return [JobOutput.of(output) for output in await jobs.outputs(info.context, self.row)]

    @strawberry.field(description="The film among the outputs.")
    async def video(self, info: Info) -> Asset | None:
        row = await jobs.main_output(info.context, self.row, "VIDEO")
        return None if row is None else Asset.of(row)

    @strawberry.field(description="The sound among the outputs.")
    async def audio(self, info: Info) -> Asset | None:
        row = await jobs.main_output(info.context, self.row, "AUDIO")
        return None if row is None else Asset.of(row)

    @strawberry.field(description="Null where it has been deleted since.")
    async def subject(self, info: Info) -> JobSubject | None:
        row = await jobs.subject(info.context, self.row)
        return None if row is None else ParticleSystem.of(row)

    @strawberry.field(description="The job that repeats this one: an ended job never changes.")
    async def retried_by(self, info: Info) -> strawberry.ID | None:
        found = await jobs.retried_by(info.context, self.row)
        return None if found is None else strawberry.ID(str(found))


@strawberry.type
class JobEdge:
    cursor: str
    node: Job


@strawberry.type(description="A page of jobs, newest first.")
class JobConnection:
    edges: list[JobEdge]
    nodes: list[Job]
    page_info: PageInfo
    total_count: int

    @classmethod
    def of(cls, page: Page[Row]) -> Self:
        return cls(**connected(page, Job.of, JobEdge))


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
    def of(cls, update: domain.JobUpdate) -> Self:
        return cls(
            cursor=update.cursor,
            job=Job.of(update.job),
            stage=update.stage,
            progress=update.progress,
            status=JobStatus(update.status),
            message=update.message,
            at=update.at,
        )


@strawberry.type(description="How many jobs there are in each state, and how many workers live.")
class QueueStats:
    pending: int
    processing: int
    completed: int
    failed: int
    cancelled: int
    workers: int

    @classmethod
    def of(cls, stats: domain.QueueStats) -> Self:
        return cls(
            pending=stats.pending,
            processing=stats.processing,
            completed=stats.completed,
            failed=stats.failed,
            cancelled=stats.cancelled,
            workers=stats.workers,
        )
