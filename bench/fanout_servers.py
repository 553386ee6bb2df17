"""The two servers of `bench.fanout`: Starling's API process, and graphql-ws on Node with a schema like it.

Each tells one job's changes to whoever subscribed to them, and says when it had a change to tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns

from app.engines import Addresses
from app.settings import Settings
from app.wiring import open_services
from bench.node_peer import node_peer
from bench.python_server import api_process
from db import job_moves
from db.jobs import Job
from domain.accounts import local_owner
from domain.jobs import NewJob, announce, submit
from domain.jobs.kinds import PARTICLE_RENDER
from domain.ports import Services

LEASE_SECONDS = 600.0


@dataclass
class Server:
    """`publish` tells the subscribers of `job_id` a message; when that was, in monotonic nanoseconds."""

    port: int
    pid: int
    job_id: str
    publish: Callable[[str], Coroutine[None, None, int]]


@asynccontextmanager
async def starling(addresses: Addresses, home: Path) -> AsyncIterator[Server]:
    async with open_services(Settings(home, addresses.database_url, addresses.redis_url)) as services:
        job = await _running_job(services)

        async def publish(message: str) -> int:
            return await _changed(job, message, services)

        async with api_process(addresses, home) as process:
            yield Server(process.port, process.pid, str(job.id), publish)


async def _running_job(services: Services) -> Job:
    """A job that this process has claimed: no worker takes part."""
    await submit(await local_owner(), NewJob(PARTICLE_RENDER.name, {}), services=services)
    job = await job_moves.claim("bench", [PARTICLE_RENDER.name], LEASE_SECONDS)
    if job is None:
        raise RuntimeError("nothing to claim")
    return job


async def _changed(job: Job, message: str, services: Services) -> int:
    """What a heartbeat writes and tells, without its throttle."""
    changed = await job_moves.report(
        job.id,
        job.epoch,
        LEASE_SECONDS,
        progress=50.0,
        message=message,
        stages=job.stages,
        eta_seconds=None,
    )
    committed = monotonic_ns()
    if changed is None:
        raise RuntimeError("the job is another's")
    await announce([changed], services, change="progress")
    return committed


@asynccontextmanager
async def graphql_ws() -> AsyncIterator[Server]:
    async with node_peer("live.mjs") as peer:
        in_turn = asyncio.Lock()

        async def publish(message: str) -> int:
            peer.asking.write(f"job {message}\n".encode())
            async with in_turn:  # it answers in the order that it was told
                return int(await peer.answers.readline())

        yield Server(peer.port, peer.pid, "job", publish)
