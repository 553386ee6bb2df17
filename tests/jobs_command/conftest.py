"""The environment of a command, and workers that run its jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tortoise.context import TortoiseContext

from domain.accounts import Viewer, local_owner
from domain.ports import Services
from tests.support.job_workers import Workers, worker_processes
from tests.support.job_world import job_services
from tests.support.server import environment


@pytest.fixture
def given(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", DATABASE_URL=database_url, REDIS_URL=redis_url)


@pytest.fixture
async def services(database: TortoiseContext, redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path / "home") as opened:
        yield opened


@pytest.fixture
async def viewer(database: TortoiseContext) -> Viewer:
    return await local_owner()


@pytest.fixture
async def workers(
    database: TortoiseContext, database_url: str, redis_url: str, tmp_path: Path
) -> AsyncIterator[Workers]:
    async with worker_processes(database_url, redis_url, tmp_path / "home") as started:
        yield started
