"""Rows of the database in the words of the pure protocol, to compare the two."""

from __future__ import annotations

from datetime import datetime

from db.jobs import Job
from domain.jobs.protocol import JobRow


def seen(job: Job, now: datetime) -> JobRow:
    """The row in the protocol's words, times as seconds after `now`."""

    def seconds(moment: datetime | None) -> float | None:
        return None if moment is None else (moment - now).total_seconds()

    return JobRow(
        state=job.state,
        priority=job.priority,
        run_at=seconds(job.run_at) or 0.0,
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        crashes=job.crashes,
        epoch=job.epoch,
        lease_until=seconds(job.lease_until),
        cancel_requested=job.cancel_requested_at is not None,
        progress=job.progress,
        version=job.version,
        error=None if job.error is None else job.error["code"],
    )
