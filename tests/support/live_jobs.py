"""Jobs that a test moves by hand, as a worker would: a server without workers has something to tell then."""

from __future__ import annotations

from typing import Any

from db import job_moves
from db.jobs import Job
from domain import jobs
from domain.accounts import Viewer
from domain.jobs import PARTICLE_RENDER, NewJob
from domain.ports import Services

KIND = PARTICLE_RENDER.name
JOB = """subscription ($id: ID!, $after: String) { jobUpdates(id: $id, after: $after) {
  cursor status progress stage message at } }"""
ALL = """subscription ($after: String, $filter: JobFilter) { allJobUpdates(after: $after, filter: $filter) {
  cursor status progress stage message at job { id } } }"""
STAGES: list[dict[str, Any]] = [{"name": "render", "status": "PROCESSING", "progress": 0.0}]
LEASE_SECONDS = 600.0


class LiveJob:
    """One job of a kind that every server knows; each move wakes who watches."""

    def __init__(self, row: Job, services: Services) -> None:
        self.row = row
        self.services = services

    @property
    def id(self) -> str:
        return str(self.row.id)

    async def run(self) -> None:
        """Claim it; nothing else may wait."""
        claimed = await job_moves.claim("a test", [KIND], LEASE_SECONDS)
        assert claimed is not None
        assert claimed.id == self.row.id
        await self._moved(claimed)

    async def report(self, progress: float, message: str | None = None) -> None:
        await self._moved(
            await job_moves.report(
                self.row.id,
                self.row.epoch,
                LEASE_SECONDS,
                progress=progress,
                message=message,
                stages=STAGES,
                eta_seconds=None,
            ),
            change="progress",
        )

    async def release(self) -> None:
        await self._moved(await job_moves.release(self.row.id, self.row.epoch))

    async def complete(self) -> None:
        await self._moved(await job_moves.complete(self.row.id, self.row.epoch, result={}, cost_usd=0.0))

    async def cancel(self, viewer: Viewer) -> None:
        await jobs.cancel(viewer, self.row.id, services=self.services)

    async def _moved(self, row: Job | None, change: str = "status") -> None:
        assert row is not None
        self.row = row
        await jobs.announce([row], self.services, change=change)


async def submitted(viewer: Viewer, services: Services, **params: Any) -> LiveJob:
    return LiveJob(await jobs.submit(viewer, NewJob(KIND, params), services=services), services)


async def running(viewer: Viewer, services: Services, **params: Any) -> LiveJob:
    job = await submitted(viewer, services, **params)
    await job.run()
    return job
