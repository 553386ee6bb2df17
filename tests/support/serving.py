"""An application behind a real socket, in the loop of the test."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

LOOK_SECONDS = 0.1


@asynccontextmanager
async def serving(app: ASGIApp, config: uvicorn.Config | None = None) -> AsyncIterator[str]:
    """Its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = _Server(config or _config(app))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            assert not task.done(), task
            await asyncio.sleep(0.002)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.stop()
        await task
        listening.close()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(app, http="httptools", lifespan="on", log_config=None, access_log=False)


class _Server(uvicorn.Server):
    """It ends at once where nobody is connected any more: uvicorn looks, and then waits, a tenth of a second,
    which hundreds of tests would wait for."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._stopped.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """The signals are the test runner's."""
        yield

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._stopped.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()
            await server.wait_closed()
        await self.lifespan.shutdown()
