"""Services over real engines, and readers that no busy machine makes slow ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tortoise.context import TortoiseContext

from domain.accounts import Viewer, local_owner
from domain.jobs import pace
from domain.ports import Services
from tests.support.inprocess import nothing_left, served
from tests.support.job_world import job_services


@pytest.fixture
async def services(database: TortoiseContext, redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def viewer(database: TortoiseContext) -> Viewer:
    return await local_owner()


@pytest.fixture
async def base_url(services: Services) -> AsyncIterator[str]:
    """And nothing is left of what was served."""
    async with served(services) as url, nothing_left(services):
        yield url


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that means a slow reader says how slow."""
    monkeypatch.setattr(pace, "SLOW_SECONDS", 60.0)
