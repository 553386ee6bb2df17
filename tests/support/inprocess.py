"""GraphQL on a real port in the test's own event loop, so that its tasks and statements can be counted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from app.api import server_config
from app.graphql import graphql_routes
from app.rest.application import create_rest
from domain.accounts import local_owner
from domain.ports import Services
from schema.build import schema


@asynccontextmanager
async def served(services: Services, *, rest: bool = False) -> AsyncIterator[str]:
    """The base URL, until the block ends; with `rest`, all that is served beside GraphQL too."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, object]]:
        yield {"services": services, "viewer": await local_owner()}

    app = Starlette(routes=graphql_routes(schema()), lifespan=lifespan)
    if rest:
        app.router.default = create_rest()
    listening = socket.create_server(("127.0.0.1", 0))
    server = _Server(server_config(app))
    task = asyncio.create_task(server.serve([listening]))
    try:
        while not server.started:
            assert not task.done(), task
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """The signals are the test runner's."""
