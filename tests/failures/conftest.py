"""What the tests of the promises stand on, beside `tests/conftest.py`.

services     the real services over the test's database, for submitting and reading
workers      starts real worker processes; all are killed at the end
viewer       the owner of the test's database
api          an API process of its own and no worker: the test moves the jobs (`tests.support.live_jobs`)
effects      a file whose lines are effects of jobs
invariants   after the test: waits until all is quiet, then holds the rules of `tests.support.invariants`
own_engines  a PostgreSQL and a Redis of the test's own, as durable as the product's, to kill and restart;
             migrated, and this process is connected; instead of `invariants` (which has a database of its
             own) such a test calls `tests.support.invariants.check`
figures, rng  see `tests/conftest.py`
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tortoise.context import TortoiseContext

from app.engines import Engines, Home, open_engines
from db.connection import open_database
from db.migrate import migrate
from domain.accounts import Viewer, local_owner
from domain.ports import Services
from tests.support import invariants
from tests.support.effects import Effects
from tests.support.job_workers import Workers, worker_processes
from tests.support.job_world import job_services
from tests.support.server import Server, running_server


@pytest.fixture
async def services(redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path / "home") as opened:
        yield opened


@pytest.fixture
async def workers(
    database: TortoiseContext, database_url: str, redis_url: str, tmp_path: Path
) -> AsyncIterator[Workers]:
    async with worker_processes(database_url, redis_url, tmp_path / "home") as started:
        yield started


@pytest.fixture
async def viewer(database: TortoiseContext) -> Viewer:
    return await local_owner()


@pytest.fixture
def api(database_url: str, redis_url: str) -> Iterator[Server]:
    with running_server(database_url, redis_url, workers=0) as server:
        yield server


@pytest.fixture
def effects(tmp_path: Path) -> Effects:
    return Effects(tmp_path / "effects")


@pytest.fixture(name="invariants")
async def held_invariants(
    database: TortoiseContext, services: Services, workers: Workers, tmp_path: Path
) -> AsyncIterator[None]:
    yield
    await invariants.check(tmp_path / "home" / "files")


@pytest.fixture
def lone_engines(tmp_path: Path) -> Iterator[Engines]:
    with open_engines(Home(tmp_path / "engines")) as pair:
        yield pair


@pytest.fixture
async def own_engines(lone_engines: Engines) -> AsyncIterator[Engines]:
    await migrate(lone_engines.addresses.database_url)
    async with open_database(lone_engines.addresses.database_url):
        yield lone_engines
