"""What a caller says about work: to submit it, and to list it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

from db.assets import Asset
from db.jobs import Job


class Priority(IntEnum):
    LOW = 0
    NORMAL = 1
    HIGH = 2


class JobStatus(StrEnum):
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


ENDED = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})


@dataclass(frozen=True)
class JobOptions:
    """What every call that submits work may say about it.

    `idempotency_key` (1 to 255 characters): the same key and arguments give the same job.
    `callback_url` (http or https, up to 2,000 characters) is told when the job ends: `docs/webhooks.md`.
    """

    priority: Priority = Priority.NORMAL
    idempotency_key: str | None = None
    callback_url: str | None = None


@dataclass(frozen=True)
class NewJob:
    """One piece of work.

    `params` is what the handler needs, as JSON. `inputs` are the assets that it reads: their bytes stay
    until it has ended. `cache_key` (64 hex digits of a hash over everything that the result depends on)
    lets an earlier identical result answer. `arguments` is what an idempotency key stands for: what the
    client said, where `params` holds more than that (such as a system's config at the time); else params.
    """

    kind: str
    params: Mapping[str, Any]
    inputs: Sequence[UUID] = ()
    subject_type: str | None = None
    subject_id: str | UUID | None = None
    cache_key: str | None = None
    arguments: Mapping[str, Any] | None = None
    options: JobOptions = field(default_factory=JobOptions)


@dataclass(frozen=True)
class JobFilter:
    """Which jobs; None is no condition. The times are a half-open range [after, before)."""

    status: Sequence[str] | None = None
    kind: Sequence[str] | None = None
    subject_id: str | None = None
    subject_type: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class Output:
    role: str
    asset: Asset


@dataclass(frozen=True)
class QueueStats:
    """How many jobs of the viewer are in each state, and how many workers live."""

    pending: int
    processing: int
    completed: int
    failed: int
    cancelled: int
    workers: int


@dataclass(frozen=True)
class JobUpdate:
    """One change of one job. `job` is its row when the update was read, never older than the change.

    The other fields are the change's own, so that an update that is replayed says what was true then.
    """

    cursor: str
    job: Job
    stage: str | None
    progress: float
    status: str
    message: str | None
    at: datetime
