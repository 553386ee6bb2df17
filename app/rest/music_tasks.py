"""`GET /api/ai/status/{task_id}`: a job of the fourth family in the words of its seed (rest.md, 4)."""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from app.rest.edge import id_or_missing
from app.rest.music_shapes import piece_result
from app.rest.stem_shapes import stems_result
from app.viewer import viewer_of
from db.jobs import Job
from domain import jobs
from domain.errors import NotFound
from domain.jobs import MELODY_TO_MUSIC, MUSIC_GENERATE, STEM_SEPARATE, Output
from domain.jobs.stages import present

router = APIRouter()
MISSING = "Task not found"
Status = Literal["pending", "started", "progress", "success", "failure", "retry", "revoked"]

Result = Callable[[Job, Sequence[Output]], dict[str, Any]]
RESULTS: Mapping[str, Result] = {
    STEM_SEPARATE.name: stems_result,
    MUSIC_GENERATE.name: piece_result,
    MELODY_TO_MUSIC.name: piece_result,
}
"""What a completed job answers, by kind. A job of any other kind is no task of this family."""


class TaskProgress(BaseModel):
    current: int = Field(ge=0, le=100)
    total: int = 100
    status: str


class TaskStatus(BaseModel):
    task_id: str
    status: Status
    result: dict[str, Any] | None = None
    progress: TaskProgress | None = None
    error: str | None = None


@router.get("/status/{task_id}")
async def get_status(task_id: str, request: Request) -> TaskStatus:
    """404 for an id that was never issued, and for jobs of other families."""
    job = await jobs.find(await viewer_of(request), id_or_missing(task_id, MISSING))
    if job is None or job.kind not in RESULTS:
        raise NotFound(MISSING)
    outputs = (await jobs.outputs_for([job.id])).get(job.id, []) if job.state == "COMPLETED" else []
    return task_of(job, outputs)


def task_of(job: Job, outputs: Sequence[Output]) -> TaskStatus:
    return TaskStatus(
        task_id=str(job.id),
        status=_status(job),
        result=RESULTS[job.kind](job, outputs) if job.state == "COMPLETED" else None,
        progress=_progress(job),
        error=_error(job),
    )


def _status(job: Job) -> Status:
    """`retry` is a job that waits to be tried again, `progress` one that has come some way."""
    match job.state:
        case "PENDING":
            return "retry" if job.attempt else "pending"
        case "PROCESSING":
            return "progress" if job.progress > 0 else "started"
        case "COMPLETED":
            return "success"
        case "CANCELLED":
            return "revoked"
    return "failure"


def _progress(job: Job) -> TaskProgress | None:
    if job.state == "COMPLETED":
        return TaskProgress(current=100, status="done")
    if job.state != "PROCESSING":
        return None
    return TaskProgress(current=int(job.progress), status=job.message or present(job.stages) or "started")


def _error(job: Job) -> str | None:
    if job.state == "CANCELLED":
        return "Cancelled"
    return str((job.error or {}).get("message", "Failed")) if job.state == "FAILED" else None
