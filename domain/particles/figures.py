"""The figures of one owner's particle systems and renders, counted in the database when asked."""

from __future__ import annotations

from dataclasses import dataclass

from db import particles as rows
from domain.accounts import Viewer
from domain.particles.films import KIND


@dataclass(frozen=True)
class Metrics:
    """`error_rate` is failed / (completed + failed), 0..1: a cancelled render is no error.

    `average_render_seconds` is over renders that ran (not those answered by an earlier); None: none.
    `storage_bytes` counts what renders made and still lies in storage, each file once.
    """

    active_systems: int
    queued_jobs: int
    rendering_jobs: int
    completed_jobs: int
    failed_jobs: int
    cancelled_jobs: int
    average_render_seconds: float | None
    error_rate: float
    storage_bytes: int


async def metrics(viewer: Viewer) -> Metrics:
    found = await rows.totals(viewer.id, KIND)
    judged = found.completed + found.failed
    return Metrics(
        active_systems=await rows.count(viewer.id),
        queued_jobs=found.queued,
        rendering_jobs=found.rendering,
        completed_jobs=found.completed,
        failed_jobs=found.failed,
        cancelled_jobs=found.cancelled,
        average_render_seconds=found.average_seconds,
        error_rate=found.failed / judged if judged else 0.0,
        storage_bytes=found.output_bytes,
    )
