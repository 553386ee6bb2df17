"""What every test may ask for. All of it is real: PostgreSQL and Redis from the wheels, real processes.

engines        session   an `Engines` pair in a home of its own (without fsync: tests do not lose power)
database_url   function  a fresh, migrated database, cloned from a template; not connected
empty_database_url       a fresh database without tables
redis_url      function  the session's Redis, emptied
database       function  as database_url, and Tortoise is connected to it in this process
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis as redis_client
from tortoise.context import TortoiseContext

from app.engines import Engines, Home, open_engines
from db.connection import open_database
from tests.support import databases


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    with (
        tempfile.TemporaryDirectory(prefix="starling-tests-") as folder,
        open_engines(Home(Path(folder) / "home"), postgres_settings={"fsync": "off"}) as pair,
    ):
        databases.make_template(pair.addresses.database_url)
        yield pair


@pytest.fixture
def database_url(engines: Engines) -> Iterator[str]:
    with databases.cloned(engines.addresses.database_url) as url:
        yield url


@pytest.fixture
def empty_database_url(engines: Engines) -> Iterator[str]:
    with databases.empty(engines.addresses.database_url) as url:
        yield url


@pytest.fixture
def redis_url(engines: Engines) -> str:
    client = redis_client.Redis.from_url(engines.addresses.redis_url)
    client.flushall()
    client.close()
    return engines.addresses.redis_url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[TortoiseContext]:
    async with open_database(database_url) as context:
        yield context
