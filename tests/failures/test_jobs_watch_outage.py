"""`starling jobs watch` while the engines go away and come back: it says so, and misses nothing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from app.engines import Engines
from db.sql import is_of_database
from domain import jobs
from domain.accounts import Viewer, local_owner
from domain.jobs import NewJob
from domain.ports import Services
from tests.support.job_world import job_services
from tests.support.server import environment
from tests.support.terminal import Terminal, on_terminal

pytestmark = pytest.mark.slow
WATCH = [sys.executable, "-P", "-m", "app.cli", "jobs", "watch"]


@asynccontextmanager
async def watched(engines: Engines, home: Path, *arguments: str) -> AsyncIterator[Terminal]:
    addresses = engines.addresses
    given = environment(home, DATABASE_URL=addresses.database_url, REDIS_URL=addresses.redis_url)
    with on_terminal([*WATCH, *arguments], given) as terminal:
        yield terminal


async def seen(terminal: Terminal, *texts: str, seconds: float = 60.0) -> str:
    """A picture with all of them: a line is written above the bars before these are drawn again."""
    return await asyncio.to_thread(
        terminal.until, lambda picture: all(text in picture for text in texts), seconds
    )


async def test_a_database_that_goes_away_is_waited_for(own_engines: Engines, tmp_path: Path) -> None:
    assert own_engines.postgres is not None
    viewer = await local_owner()
    async with job_services(own_engines.addresses.redis_url, tmp_path / "home") as services:
        job = await jobs.submit(viewer, NewJob("PARTICLE_RENDER", {}), services=services)
        async with watched(own_engines, tmp_path / "home", str(job.id)) as terminal:
            await seen(terminal, "waiting for a worker")
            await asyncio.to_thread(own_engines.postgres.stop)
            await seen(terminal, "The database does not answer; waiting for it.")
            own_engines.postgres.restart()  # children are started from the main thread
            await asyncio.to_thread(own_engines.postgres.wait_until_ready)
            picture = await seen(terminal, "The database answers again.")
            assert "Traceback" not in picture
            await cancelled(viewer, job.id, services)
            await seen(terminal, "cancelled")
            assert await asyncio.to_thread(terminal.end) == 1
            assert terminal.screen.text().count("The database does not answer") == 1


async def cancelled(viewer: Viewer, job_id: UUID, services: Services) -> None:
    """Once this process has its connections again."""
    for _ in range(50):
        try:
            await jobs.cancel(viewer, job_id, services=services)
            return
        except Exception as error:
            assert is_of_database(error), error
            await asyncio.sleep(0.2)
    raise AssertionError("no connection came back")


async def test_a_redis_that_goes_away_costs_seconds_and_is_said(own_engines: Engines, tmp_path: Path) -> None:
    assert own_engines.redis is not None
    viewer = await local_owner()
    async with (
        job_services(own_engines.addresses.redis_url, tmp_path / "home") as services,
        watched(own_engines, tmp_path / "home") as terminal,
    ):
        await seen(terminal, "Waiting for a job")
        await asyncio.to_thread(own_engines.redis.stop)
        await seen(terminal, "Redis does not answer")
        job = await jobs.submit(viewer, NewJob("PARTICLE_RENDER", {}), services=services)
        await seen(terminal, str(job.id)[:8])
        own_engines.redis.restart()
        picture = await seen(terminal, "Redis is back.", str(job.id)[:8])
        assert '"level"' not in picture  # no line of a log among the bars
        terminal.process.terminate()
        assert await asyncio.to_thread(terminal.end) == 0
