"""Jobs in words for a person, and as JSON for a program."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from db.jobs import Job, JobAttempt
from domain import assets
from domain.jobs import JobUpdate, Output, Pruned
from domain.jobs.stages import present

STYLES = {
    "PENDING": "dim",
    "PROCESSING": "cyan",
    "COMPLETED": "green",
    "FAILED": "red",
    "CANCELLED": "yellow",
    "RETRIED": "yellow",
    "RELEASED": "yellow",
    "LOST": "red",
}


def short(job_id: UUID) -> str:
    return str(job_id)[:8]


def moment(time: datetime | None) -> str:
    """In the time zone of the machine, to the second."""
    return "-" if time is None else time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def size(count: int) -> str:
    value, units = float(count), ["kB", "MB", "GB", "TB"]
    if value < 1000:
        return counted(count, "byte")
    while (value := value / 1000) >= 1000 and len(units) > 1:
        units.pop(0)
    return f"{value:.1f} {units[0]}"


def counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def ran_seconds(job: Job) -> float | None:
    """How long its last run took, or takes by now; None where it never ran."""
    if job.started_at is None:
        return None
    end = job.completed_at or (job.updated_at if job.state == "PENDING" else datetime.now(UTC))
    return max(0.0, (end - job.started_at).total_seconds())


def reason(error: dict[str, Any] | None) -> str:
    return "" if error is None else f"{error['code']}: {error['message']}"


def pruned(removed: Pruned) -> str:
    held = f"; {counted(removed.held, 'old job')} stay, since their files are in use" if removed.held else ""
    return (
        f"{counted(removed.jobs, 'job')}, {counted(removed.attempts, 'attempt')},"
        f" {counted(removed.events, 'event')}, {counted(removed.files, 'file')}"
        f" ({size(removed.bytes)}){held}"
    )


def as_json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def job_object(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": job.kind,
        "status": job.state,
        "progress": job.progress,
        "stage": present(job.stages),
        "message": job.message,
        "eta_seconds": job.eta_seconds,
        "priority": job.priority,
        "attempts": job.attempt,
        "max_attempts": job.max_attempts,
        "crashes": job.crashes,
        "worker": job.worker,
        "cached": job.cached,
        "cancel_requested": job.cancel_requested_at is not None,
        "retry_of": job.retry_of,
        "subject_type": job.subject_type,
        "subject_id": job.subject_id,
        "error": job.error,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "updated_at": job.updated_at,
        "completed_at": job.completed_at,
    }


def whole_object(
    job: Job, attempts: Sequence[JobAttempt], outputs: Sequence[Output], retried_by: UUID | None
) -> dict[str, Any]:
    """Everything that `show` tells."""
    return {
        **job_object(job),
        "retried_by": retried_by,
        "params": job.params,
        "result": job.result,
        "stages": job.stages,
        "tries": [
            {
                "epoch": one.epoch,
                "attempt": one.attempt,
                "worker": one.worker,
                "outcome": one.outcome,
                "error": one.error,
                "started_at": one.started_at,
                "ended_at": one.ended_at,
            }
            for one in attempts
        ],
        "outputs": [
            {
                "role": output.role,
                "id": output.asset.id,
                "filename": output.asset.filename,
                "size": output.asset.size,
                "path": assets.url(output.asset),
            }
            for output in outputs
        ],
    }


def update_object(update: JobUpdate) -> dict[str, Any]:
    """One change, as it was then; `error` once it has failed."""
    return {
        "id": update.job.id,
        "kind": update.job.kind,
        "status": update.status,
        "progress": update.progress,
        "stage": update.stage,
        "message": update.message,
        "eta_seconds": update.job.eta_seconds if update.status == "PROCESSING" else None,
        "error": update.job.error if update.status == "FAILED" else None,
        "at": update.at,
        "cursor": update.cursor,
    }
