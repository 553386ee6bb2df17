"""The words that jobs are described with, and what a client may say of jobs: options and filters."""

from datetime import datetime
from enum import Enum

import strawberry

from domain import jobs as domain
from domain.jobs import JobStatus as JobStatus  # types take it from here: below it becomes the schema's
from domain.jobs import Priority as JobPriority


@strawberry.enum(description="What a job does.")
class JobKind(Enum):
    PARTICLE_RENDER = "PARTICLE_RENDER"
    VIDEO_GENERATE = "VIDEO_GENERATE"
    MV_SCENES = "MV_SCENES"
    MV_CHARACTER_REFERENCE = "MV_CHARACTER_REFERENCE"
    MV_VIDEO = "MV_VIDEO"
    MV_COMPOSE = "MV_COMPOSE"
    MUSIC_GENERATE = "MUSIC_GENERATE"
    MELODY_TO_MUSIC = "MELODY_TO_MUSIC"
    STEM_SEPARATE = "STEM_SEPARATE"
    STEM_DIFF = "STEM_DIFF"
    COMMIT_RENDER = "COMMIT_RENDER"
    AUDIO_ANALYZE = "AUDIO_ANALYZE"
    MUSIC_CLIP = "MUSIC_CLIP"
    PRODUCER_GENERATE = "PRODUCER_GENERATE"
    LIBRARY_SYNC = "LIBRARY_SYNC"
    ANALYSIS_GENERATE = "ANALYSIS_GENERATE"
    PLAN_APPLY = "PLAN_APPLY"
    PLAN_REVERT = "PLAN_REVERT"


strawberry.enum(
    JobStatus, description="PENDING and PROCESSING may still change; the other three are the end."
)
strawberry.enum(JobPriority, name="JobPriority", description="Which of several waiting jobs begins first.")


@strawberry.input(description="What every call that submits work may say about it.")
class JobOptions:
    priority: JobPriority | None = JobPriority.NORMAL
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="The same key and arguments give the same job; with other arguments it is a CONFLICT.",
    )
    callback_url: str | None = strawberry.field(
        default=None,
        description="Told, signed with the setting STARLING_WEBHOOK_SECRET, when the job ends.",
    )

    def to_domain(self) -> domain.JobOptions:
        return domain.JobOptions(
            priority=JobPriority.NORMAL if self.priority is None else self.priority,
            idempotency_key=self.idempotency_key,
            callback_url=self.callback_url,
        )


@strawberry.input(
    description="Which jobs; what is left out is no condition. The times are a range [after, before)."
)
class JobFilter:
    status: list[JobStatus] | None = None
    kind: list[JobKind] | None = None
    subject_id: strawberry.ID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def to_domain(self) -> domain.JobFilter:
        return domain.JobFilter(
            status=None if self.status is None else [status.value for status in self.status],
            kind=None if self.kind is None else [kind.value for kind in self.kind],
            subject_id=self.subject_id,
            created_after=self.created_after,
            created_before=self.created_before,
        )
