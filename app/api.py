"""One API process: uvicorn with uvloop and httptools over the root application."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from app.asgi import create_app
from app.metrics.siblings import Place
from app.settings import Settings
from app.sockets import PING_SECONDS, PING_TIMEOUT_SECONDS, BoundedSocket
from app.wiring import check

# A subscribe message is small; a longer frame is a mistake or an attack.
WEBSOCKET_BYTES = 256 * 1024
GRACE_SECONDS = 5


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
    server = _Server(server_config(create_app(settings, place)), when_ready)
    server.run(sockets=[listening])
    return 0 if server.started else 1


def server_config(app: ASGIApp) -> uvicorn.Config:
    """How the application is served, whatever the application."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws=BoundedSocket,
        ws_max_size=WEBSOCKET_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_TIMEOUT_SECONDS,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, when_ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self.when_ready = when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self.when_ready is not None:
            self.when_ready()
