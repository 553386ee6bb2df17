"""Work that takes a while: what it is, how far it is, what came of it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from db.jobs import Job as Row
from domain import jobs as domain
from domain.jobs import JobStatus
from domain.jobs import Priority as JobPriority
from domain.pages import Page
from resolvers import jobs
from schema.assets import Asset
from schema.columns import Columns, attributes, loaded, members
from schema.commits import Commit
from schema.job_parts import JobError, JobOutput, JobStage
from schema.job_words import JobKind
from schema.lookahead import Wanted, keyed
from schema.pagination import PageInfo, connected
from schema.particles import ParticleSystem

JobSubject = Annotated[
    ParticleSystem | Commit,
    strawberry.union("JobSubject", description="What a job is about."),
]

_kind, _status, _priority = members(JobKind), members(JobStatus), members(JobPriority)
_COLUMNS: Columns = {
    **attributes("progress", "message", "max_attempts", "params", "result", "cost_usd"),
    **attributes("eta_seconds", "cached", "created_at", "started_at", "updated_at", "completed_at"),
    "id": lambda row: str(row.id),
    "kind": lambda row: _kind(row.kind),
    "status": lambda row: _status(row.state),
    "priority": lambda row: _priority(row.priority),
    "attempts": attrgetter("attempt"),
    "cancel_requested": lambda row: row.cancel_requested_at is not None,
    "retry_of": lambda row: _text(row.retry_of),
}


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)


@strawberry.type(
    description="One piece of work. Its row is the truth: whatever process dies, the job does not."
)
class Job:
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
    outputs: list[JobOutput]
    video: Asset | None = strawberry.field(description="The film among the outputs.")
    audio: Asset | None = strawberry.field(description="The sound among the outputs.")
    subject: JobSubject | None = strawberry.field(description="Null where it has been deleted since.")
    retried_by: strawberry.ID | None = strawberry.field(
        description="The job that repeats this one: an ended job never changes."
    )

    @classmethod
    async def of(cls, row: Row, wanted: Wanted) -> Self:
        return (await cls.by_id([row], wanted))[row.id]

    @classmethod
    async def by_id(cls, rows: Collection[Row], wanted: Wanted) -> dict[UUID, Self]:
        stage = JobStage.maker(wanted.below("stages"))
        error = JobError.maker(wanted.below("error"))
        columns: Columns = {
            **_COLUMNS,
            "stages": lambda row: [stage(stored) for stored in row.stages],
            "error": lambda row: error(row.error),
            **await loaded(_made(rows, wanted), "outputs", "video", "audio"),
            **await loaded(_subjects(rows, wanted), "subject"),
            **await loaded(_retries(rows, wanted), "retried_by"),
        }
        make = wanted.maker(cls, columns)
        return {row.id: make(row) for row in rows}


async def _made(rows: Collection[Row], wanted: Wanted) -> Columns:
    """What came of the jobs, as far as it is wanted."""
    if not any(name in wanted for name in ("outputs", "video", "audio")):
        return {}
    found = await jobs.outputs(wanted.context, rows)
    outputs = await JobOutput.by_job(found if "outputs" in wanted else {}, wanted.below("outputs"))
    video = await _main_outputs(found, "VIDEO", wanted.below("video"))
    audio = await _main_outputs(found, "AUDIO", wanted.below("audio"))
    return {
        "outputs": lambda row: outputs[row.id],
        "video": lambda row: video.get(row.id),
        "audio": lambda row: audio.get(row.id),
    }


async def _main_outputs(
    outputs: Mapping[UUID, Sequence[domain.Output]], kind: str, wanted: Wanted
) -> dict[UUID, Asset]:
    """By the job's id."""
    if not wanted:
        return {}
    main = {job_id: jobs.main_output(several, kind) for job_id, several in outputs.items()}
    found = {job_id: row for job_id, row in main.items() if row is not None}
    return await keyed(Asset.by_id, found, wanted)


async def _subjects(rows: Collection[Row], wanted: Wanted) -> Columns:
    """What the jobs are about."""
    if "subject" not in wanted:
        return {}
    systems, commits = await jobs.subjects(wanted.context, rows)
    of_systems = await keyed(ParticleSystem.by_id, systems, wanted.below("subject", on="ParticleSystem"))
    of_commits = await keyed(Commit.by_id, commits, wanted.below("subject", on="Commit"))
    return {"subject": lambda row: of_systems.get(row.id) or of_commits.get(row.id)}


async def _retries(rows: Collection[Row], wanted: Wanted) -> Columns:
    """What became of the jobs."""
    if "retried_by" not in wanted:
        return {}
    retries = await jobs.retries(wanted.context, rows)
    return {"retried_by": lambda row: _text(retries.get(row.id))}


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
    async def of(cls, page: Page[Row], wanted: Wanted) -> Self:
        return await connected(cls, JobEdge, Job.by_id, page, wanted)
