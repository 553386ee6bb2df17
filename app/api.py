"""One API process: uvicorn with uvloop and httptools over the root application."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from app.accepting import Acceptor, Shares
from app.asgi import create_app
from app.metrics.siblings import Place
from app.pings import PingRounds
from app.settings import Settings
from app.sockets import BoundedSocket
from app.wiring import check

# A subscribe message is small; a longer frame is a mistake or an attack.
WEBSOCKET_BYTES = 256 * 1024
GRACE_SECONDS = 5
# Of a connection: longer than most clients and balancers keep one as they come (browsers and nginx 60 s, Go
# and Traefik 90, Caddy 120). Where the process closes first, a request may meet one that is being closed.
IDLE_SECONDS = 130
# Of a socket: asked so often whether its client is there, which has so long to answer.
PING_SECONDS = 25.0
PING_TIMEOUT_SECONDS = 15.0


def run_api(
    settings: Settings,
    listening: socket.socket,
    *,
    place: Place | None = None,
    when_ready: Callable[[], None] | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code. `place` is this process's among several.

    Raises what opening the services raises.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        # Before and after uvicorn's own handlers: an orderly stop is not a failure.
        signal.signal(number, lambda *_: sys.exit(0))
    asyncio.run(check(settings))
    _open_as_many_as_allowed()
    server = _Server(server_config(create_app(settings, place)), place, when_ready)
    server.run(sockets=[listening])
    return 0 if server.started else 1


def _open_as_many_as_allowed() -> None:
    """The soft limit of descriptors, often 1,024, is for programs that use `select`."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def server_config(app: ASGIApp) -> uvicorn.Config:
    """How the application is served, whatever the application."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws=cast(Any, partial(BoundedSocket, pings=PingRounds(PING_SECONDS, PING_TIMEOUT_SECONDS))),
        ws_max_size=WEBSOCKET_BYTES,
        ws_ping_interval=None,  # asked in rounds
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class _Server(uvicorn.Server):
    """With a place, it shares what comes out with the processes beside it."""

    def __init__(
        self, config: uvicorn.Config, place: Place | None, when_ready: Callable[[], None] | None
    ) -> None:
        super().__init__(config)
        self.place = place
        self.when_ready = when_ready
        self.acceptor: Acceptor | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets if self.place is None else [])
        gc.freeze()  # what was loaded stays: the collector need not look at it again and again
        if self.place is not None and sockets is not None:
            shares = Shares(self.place.held, self.place.number)
            self.acceptor = Acceptor(sockets[0], self._protocol, shares, self._held)
            self.servers = [cast(asyncio.Server, self.acceptor)]
        if self.started and self.when_ready is not None:
            self.when_ready()

    async def on_tick(self, counter: int) -> bool:
        if self.acceptor is not None:
            self.acceptor.tell()
        return await super().on_tick(counter)

    def _held(self) -> int:
        return len(self.server_state.connections)

    def _protocol(self) -> asyncio.Protocol:
        """As `uvicorn.Server.startup` makes them."""
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made
