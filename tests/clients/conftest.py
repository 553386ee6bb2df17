"""live   an API process without workers: `tests.support.live_api`"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.engines import Engines
from tests.support import databases
from tests.support.live_api import LiveApi, live_api
from tests.support.server import Server, running_server


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
