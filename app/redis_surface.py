"""The documented Redis surface of jobs, for consumers outside: a hash for each job and two channels.

`job:<id>` holds `id`, `status` and `data` (JSON) for 24 hours. `job_status_updates` and
`job_progress_updates` carry one JSON object a change, always with every key. The vocabulary is that of the
documented service: states in lower case, progress a whole number, and a cancelled job is a failed one whose
message is "Cancelled".
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

STATUS_CHANNEL = "job_status_updates"
PROGRESS_CHANNEL = "job_progress_updates"
KEPT_SECONDS = 24 * 3600


def add(pipeline: Any, job: Any, stage: str | None, change: str) -> None:
    """Put the commands for one change of a job into a pipeline."""
    key = f"job:{job.id}"
    update = message(job, stage)
    pipeline.hset(
        key, mapping={"id": str(job.id), "status": update["status"], "data": orjson.dumps(data(job))}
    )
    pipeline.expire(key, KEPT_SECONDS)
    pipeline.publish(STATUS_CHANNEL if change == "status" else PROGRESS_CHANNEL, orjson.dumps(update))


def message(job: Any, stage: str | None) -> dict[str, Any]:
    """What both channels carry."""
    return {
        "job_id": str(job.id),
        "stage": stage,
        "progress": int(job.progress),
        "status": status_of(job),
        "message": _message(job),
        "timestamp": _time(job.updated_at),
    }


def data(job: Any) -> dict[str, Any]:
    """The job as the hash holds it."""
    return {
        "job_id": str(job.id),
        "kind": job.kind,
        "status": status_of(job),
        "progress": int(job.progress),
        "message": _message(job),
        "params": job.params,
        "result": job.result,
        "error": None if job.error is None else job.error["message"],
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "updated_at": _time(job.updated_at),
        "completed_at": _time(job.completed_at),
    }


def status_of(job: Any) -> str:
    """pending, processing, completed or failed."""
    return "failed" if job.state == "CANCELLED" else str(job.state).lower()


def _message(job: Any) -> str | None:
    if job.state == "CANCELLED":
        return "Cancelled"
    if job.error is not None:
        return str(job.error["message"])
    return None if job.message is None else str(job.message)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
