"""What tests of jobs stand on: real services over the session's engines, and workers in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from app.events import RedisEvents, open_events
from app.storage import FolderFiles
from db import job_rows
from db.jobs import Job
from domain.accounts import Viewer, local_owner
from domain.jobs import JobOptions, NewJob, submit
from domain.ports import Limits, Services
from tests.support.job_kinds import HANDLERS
from workers.doorbell import ArqDoorbell
from workers.process import PoolPlan, WorkerOptions, run_worker

MEGABYTE = 1024**2


class NoMedia:
    """Jobs of tests probe nothing."""

    async def run(self, function: str, *args: Any, timeout: float = 10.0) -> Any:
        raise AssertionError(f"{function} was asked for")


@asynccontextmanager
async def job_services(redis_url: str, folder: Path, limits: Limits | None = None) -> AsyncIterator[Services]:
    doorbell = ArqDoorbell(redis_url)
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        async with open_events(redis_url) as events:
            yield Services(
                doorbell=doorbell,
                files=FolderFiles(folder / "files"),
                events=events,
                media=NoMedia(),
                scratch=scratch,
                limits=limits or Limits(),
            )
    finally:
        await doorbell.close()


def options(
    redis_url: str, *, slots: int = 2, children: int = 0, memory: int = 2048 * MEGABYTE, nice: int = 0
) -> WorkerOptions:
    pools = {"render": PoolPlan(children, memory, nice=nice)} if children else {}
    return WorkerOptions(redis_url, slots=slots, grace_seconds=0.2, handlers=HANDLERS, pools=pools)


@asynccontextmanager
async def worker_here(services: Services, chosen: WorkerOptions) -> AsyncIterator[None]:
    """A worker in this process, drained at the end."""
    stop = asyncio.Event()
    working = asyncio.create_task(run_worker(services, chosen, stop))
    try:
        yield
    finally:
        stop.set()
        await working


async def ended(job_id: UUID, seconds: float = 20.0) -> Job:
    """The job once it has ended."""
    return await until(job_id, lambda job: job.completed_at is not None, seconds)


async def until(job_id: UUID, holds: Callable[[Job], bool], seconds: float = 20.0) -> Job:
    began = time.monotonic()
    while True:
        job = (await job_rows.by_ids([job_id]))[job_id]
        if holds(job):
            return job
        assert time.monotonic() - began < seconds, f"still {job.state} after {seconds} s: {job.message}"
        await asyncio.sleep(0.02)


async def submitted(services: Services, kind: str, viewer: Viewer | None = None, **params: Any) -> Job:
    given: JobOptions = params.pop("options", JobOptions())
    return await submit(viewer or await local_owner(), NewJob(kind, params, options=given), services=services)


__all__ = ["RedisEvents", "ended", "job_services", "options", "submitted", "until", "worker_here"]
