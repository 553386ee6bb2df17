"""Services over real engines, and readers that no busy machine makes slow ones; beside them a real API.

live   an API process without workers, shared by the tests of this folder: `tests.support.live_api`
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tortoise.context import TortoiseContext

from app.engines import Engines
from domain.accounts import Viewer, local_owner
from domain.jobs import pace
from domain.ports import Services
from tests.support import databases
from tests.support.job_world import job_services
from tests.support.live_api import LiveApi, live_api
from tests.support.server import Server, running_server


@pytest.fixture
async def services(database: TortoiseContext, redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def viewer(database: TortoiseContext) -> Viewer:
    return await local_owner()


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that means a slow reader says how slow."""
    monkeypatch.setattr(pace, "SLOW_SECONDS", 60.0)


@pytest.fixture(scope="session")
def live_server(engines: Engines) -> Iterator[Server]:
    with (
        databases.cloned(engines.addresses.database_url) as url,
        running_server(url, f"{engines.addresses.redis_url}?db=2", workers=0) as running,
    ):
        yield running


@pytest.fixture
async def live(live_server: Server, tmp_path: Path) -> AsyncIterator[LiveApi]:
    async with live_api(live_server, tmp_path) as found:
        yield found
