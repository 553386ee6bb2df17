"""Jobs that a test moves in this process, with what their watchers are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from db import job_moves
from db.jobs import Job
from domain import jobs
from domain.accounts import Viewer
from domain.jobs import JobUpdate, NewJob, submit
from domain.ports import Services

STAGES: list[dict[str, Any]] = [{"name": "only", "status": "PROCESSING", "progress": 0.0}]


async def submit_one(viewer: Viewer, services: Services, kind: str = "TEST_NOOP") -> Job:
    return await submit(viewer, NewJob(kind, {}), services=services)


async def claim_next(services: Services) -> Job:
    job = await job_moves.claim("w", ["TEST_NOOP"], 30.0)
    assert job is not None
    await jobs.announce([job], services)
    return job


async def report(job: Job, progress: float, services: Services) -> None:
    told = await job_moves.report(
        job.id, job.epoch, 30.0, progress=progress, message="on", stages=STAGES, eta_seconds=None
    )
    assert told is not None
    await jobs.announce([told], services, change="progress")


async def complete(job: Job, services: Services) -> None:
    done = await job_moves.complete(job.id, job.epoch, result={}, cost_usd=0.0)
    assert done is not None
    await jobs.announce([done], services)


async def next_of(updates: AsyncIterator[JobUpdate], seconds: float = 5.0) -> JobUpdate:
    async with asyncio.timeout(seconds):
        return await anext(updates)


async def rest_of(updates: AsyncIterator[JobUpdate]) -> list[JobUpdate]:
    async with asyncio.timeout(10.0):
        return [update async for update in updates]


def said_by(updates: list[JobUpdate]) -> list[tuple[str, float]]:
    return [(update.status, update.progress) for update in updates]
