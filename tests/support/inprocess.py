"""GraphQL on a real port in the test's own event loop, so that its tasks and statements can be counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import server_config
from app.graphql import graphql_routes
from app.rest.application import create_rest
from domain.accounts import Viewer, local_owner
from domain.ports import Services
from schema.build import schema as product_schema
from schema.starling import StarlingSchema
from tests.support.serving import serving

VIEWER_HEADER = "x-test-viewer"


class _Viewers:
    """Whoever names one of them in the header is that viewer, on a request or a socket."""

    def __init__(self, app: ASGIApp, viewers: Mapping[str, Viewer]) -> None:
        self.app = app
        self.viewers = viewers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            name = Headers(scope=scope).get(VIEWER_HEADER)
            if name is not None:
                scope["state"]["viewer"] = self.viewers[name]
        await self.app(scope, receive, send)


@asynccontextmanager
async def served(
    services: Services,
    *,
    rest: bool = False,
    viewers: Mapping[str, Viewer] | None = None,
    schema: StarlingSchema | None = None,
) -> AsyncIterator[str]:
    """The base URL, until the block ends; with `rest`, all that is served beside GraphQL too.

    `viewers` are those that `VIEWER_HEADER` may name; who names none is the local owner. `schema` stands in
    for the product's.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, object]]:
        yield {"services": services, "viewer": await local_owner()}

    middleware = [Middleware(_Viewers, viewers=viewers or {})]
    app = Starlette(
        routes=graphql_routes(schema or product_schema()), middleware=middleware, lifespan=lifespan
    )
    if rest:
        app.router.default = create_rest()
    async with serving(app, server_config(app)) as url:
        yield url


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


def subscribers(services: Services) -> int:
    """Those who wait for nudges."""
    return services.events.subscriber_count  # type: ignore[attr-defined, no-any-return]


def groups(services: Services) -> float:
    """Of operations that one execution serves."""
    return services.tallies.levels().get(("starling_subscription_groups",), 0)


@asynccontextmanager
async def nothing_left(services: Services) -> AsyncIterator[None]:
    """Entered while nobody is served: so it must become again when the block has ended."""
    idle = len(asyncio.all_tasks())
    yield
    await until(lambda: subscribers(services) == 0)
    await until(lambda: len(asyncio.all_tasks()) <= idle)
    levels = services.tallies.levels()
    assert set(levels.values()) <= {0}, levels
    assert services.reads._waiting == services.reads._running == {}
