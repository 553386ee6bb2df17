"""What a job of the fourth family is called there, in every state that it can be in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from app.rest.music_tasks import task_of
from db.jobs import Job
from domain.jobs import STEM_SEPARATE
from domain.jobs.stages import fresh


def job(state: str, **more: Any) -> Job:
    row = Job(id=uuid4(), kind=STEM_SEPARATE.name, state=state, params={}, created_at=datetime.now(UTC))
    given = {"attempt": 0, "progress": 0.0, "message": None, "stages": fresh(STEM_SEPARATE), "error": None}
    for name, value in {**given, "result": None, **more}.items():
        setattr(row, name, value)
    return row


@pytest.mark.parametrize(
    ("row", "status", "progress", "error"),
    [
        (job("PENDING"), "pending", None, None),
        (job("PENDING", attempt=1), "retry", None, None),
        (job("PROCESSING", attempt=1), "started", (0, "started"), None),
        (
            job("PROCESSING", attempt=1, progress=41.7, message="8 of 20 s"),
            "progress",
            (41, "8 of 20 s"),
            None,
        ),
        (job("FAILED", error={"code": "TIMEOUT", "message": "too long"}), "failure", None, "too long"),
        (job("CANCELLED", progress=30.0), "revoked", None, "Cancelled"),
        (job("COMPLETED", progress=100.0, result={"duration": 2.0}), "success", (100, "done"), None),
    ],
)
def test_each_state_has_its_documented_word(
    row: Job, status: str, progress: tuple[int, str] | None, error: str | None
) -> None:
    task = task_of(row, [])
    assert (task.task_id, task.status, task.error) == (str(row.id), status, error)
    told = None if task.progress is None else (task.progress.current, task.progress.status)
    assert told == progress
    assert (task.result is not None) == (status == "success")
