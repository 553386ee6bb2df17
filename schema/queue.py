"""The viewer's jobs as a whole."""

from typing import Self

import strawberry

from domain import jobs as domain


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
