"""The GraphQL application in the test's own process, over real HTTP and WebSockets, with real services."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from domain.accounts import Viewer, local_owner
from domain.ports import Services
from tests.support.graphql_http import Api, api
from tests.support.inprocess import served


@pytest.fixture
async def viewer(services: Services) -> Viewer:
    return await local_owner()


@pytest.fixture
async def base_url(services: Services) -> AsyncIterator[str]:
    async with served(services) as url:
        yield url


@pytest.fixture
async def graphql(base_url: str) -> AsyncIterator[Api]:
    async with api(base_url) as client:
        yield client
