"""The root application: services in the lifespan, guards around everything, the two faces inside.

Handlers find the services at `request.state.services` and the viewer by `app.viewer.viewer_of`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.graphql import graphql_routes
from app.guards import LOCAL_ORIGIN, HostGuard, OriginGuard
from app.health import Readiness, health_routes
from app.metrics.exposition import Exposition, exposed, metrics_routes
from app.metrics.http import HttpTallies
from app.metrics.siblings import Place
from app.request_ids import HEADER, RequestIds
from app.rest import errors
from app.rest.application import create_rest
from app.rest.assets import asset_routes
from app.settings import Settings
from app.wiring import open_services
from domain.accounts import Viewer, local_owner
from domain.ports import Services
from schema.build import schema


class State(TypedDict):
    services: Services
    viewer: Viewer
    readiness: Readiness
    exposition: Exposition


def create_app(settings: Settings, place: Place | None = None) -> Starlette:
    """Build the application; it opens nothing before its lifespan starts.

    `place` is where it keeps what it counts, for the processes beside it.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        async with (
            open_services(settings, warm=True) as services,
            exposed(services, settings, place) as exposition,
        ):
            yield {
                "services": services,
                "viewer": await local_owner(),
                "readiness": Readiness.of(services, settings),
                "exposition": exposition,
            }

    app = Starlette(
        routes=[
            *graphql_routes(schema(compiled=settings.compiled_selections)),  # first: routes are tried in turn
            Route("/", root),
            *health_routes(),
            *metrics_routes(),
            *asset_routes(),
        ],
        middleware=[
            Middleware(HttpTallies),
            Middleware(RequestIds),
            Middleware(ServerErrorMiddleware, handler=errors.failed),  # so that its answer has the id too
            Middleware(HostGuard, names=_host_names(settings)),
            Middleware(
                CORSMiddleware,
                allow_origins=_origins(settings),
                allow_origin_regex=LOCAL_ORIGIN,
                allow_credentials=True,
                allow_methods=["*"],
                allow_headers=["*"],
                expose_headers=[HEADER, "Content-Disposition", "Content-Range", "ETag", "Retry-After"],
            ),
            Middleware(OriginGuard, origins=_origins(settings)),
        ],
        lifespan=lifespan,
    )
    errors.install(app)
    # Not a Mount: that would answer 404 where one of the routes above knows the path but not the method.
    app.router.default = create_rest()
    return app


async def root(request: Request) -> JSONResponse:
    return JSONResponse(
        {
            "message": "Starling: music videos from a song",
            "status": "operational",
            "endpoints": {"docs": "/docs", "redoc": "/redoc", "graphql": "/graphql"},
        }
    )


def _origins(settings: Settings) -> tuple[str, ...]:
    return (*settings.cors_origins, *([settings.public_url] if settings.public_url else []))


def _host_names(settings: Settings) -> tuple[str, ...]:
    public = urlsplit(settings.public_url).hostname
    return (*settings.allowed_hosts, *([public] if public else []))
