"""Counting requests and sockets, by the template of their route: paths that a client makes up add nothing."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.metrics.families import HTTP_SECONDS, OPEN_SOCKETS
from domain.tallies import Tallies

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
NO_ROUTE = "none"  # no route has such a path


class HttpTallies:
    """The outermost middleware: what the guards refuse is counted as well."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status, seconds = time.perf_counter(), 0, 0.0

        async def noting(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], time.perf_counter() - began
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            if status:  # else the client went before there was an answer
                method = scope["method"] if scope["method"] in METHODS else "other"
                _tallies(scope).observe(
                    HTTP_SECONDS, seconds, method, route_template(scope), f"{status // 100}xx"
                )

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_open = False

        async def noting(message: Message) -> None:
            nonlocal is_open
            await send(message)
            if message["type"] == "websocket.accept":
                is_open = True
                _tallies(scope).move(OPEN_SOCKETS, 1, route_template(scope))

        try:
            await self.app(scope, receive, noting)
        finally:
            if is_open:
                _tallies(scope).move(OPEN_SOCKETS, -1, route_template(scope))


def route_template(scope: Scope) -> str:
    """The path of the route that took the request, as it was written down: `/assets/{id}/{filename}`."""
    # FastAPI keeps a router that is included under a prefix whole; the path with its prefix is here.
    included = scope.get("fastapi", {}).get("effective_route_context")
    for route in (getattr(included, "starlette_route", None), included, scope.get("route")):
        if isinstance(path := getattr(route, "path", None), str):
            return path
    return NO_ROUTE


def _tallies(scope: Scope) -> Tallies:
    tallies: Tallies = scope["state"]["services"].tallies
    return tallies
