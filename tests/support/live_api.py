"""A real API process under attack: the test moves its jobs, and looks at what is left when all is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil

from db import sql
from db.connection import open_database
from domain.accounts import Viewer, local_owner
from domain.ports import Services
from tests.support.graphql_ws import Socket, socket
from tests.support.job_world import job_services
from tests.support.live_jobs import JOB, LiveJob, running
from tests.support.raw_ws import RawSocket, begun
from tests.support.scrapes import Scrape, scrape_until
from tests.support.server import Server

OPERATIONS = ("query", "mutation", "subscription")
PROMPT_SECONDS = 10.0  # within these an answer is one; a machine may be busy


@dataclass
class LiveApi:
    server: Server
    viewer: Viewer
    services: Services
    http: httpx.AsyncClient
    earlier_log: str

    @property
    def base_url(self) -> str:
        return self.server.base_url

    async def job(self) -> LiveJob:
        """One that runs."""
        return await running(self.viewer, self.services)

    def socket(self, **options: Any) -> Any:
        return socket(self.base_url, **{"ping_interval": None, "max_size": None, **options})

    def raw(self, receive_bytes: int | None = None) -> AbstractAsyncContextManager[RawSocket]:
        return begun(self.base_url, receive_bytes)

    @asynccontextmanager
    async def follower(self, job: LiveJob) -> AsyncIterator[Socket]:
        """Somebody else who watches the job, and has its snapshot."""
        async with self.socket() as client:
            await client.subscribe(JOB, id=job.id)
            assert (await client.receive())["type"] == "next"
            yield client

    async def serves(self, job: LiveJob, follower: Socket, progress: float) -> None:
        """The others are served: they hear the next change, and requests are answered."""
        await job.report(progress)
        frame = await follower.receive(PROMPT_SECONDS)
        assert frame["payload"]["data"]["jobUpdates"]["progress"] == progress
        assert (await self.http.get("/health", timeout=PROMPT_SECONDS)).status_code == 200

    def resident_bytes(self) -> int:
        return int(psutil.Process(self.server.api.pid).memory_info().rss)

    def connections(self) -> int:
        """Those of clients that the process holds, beside the one that asks for the metrics."""
        port = urlsplit(self.base_url).port
        held = psutil.Process(self.server.api.pid).net_connections("tcp")
        return sum(one.laddr.port == port and one.status != psutil.CONN_LISTEN for one in held) - 1

    async def until_nothing_is_left(self) -> None:
        """No socket, operation, group or connection, and nothing that went wrong in the log."""
        await scrape_until(self.http, lambda found: not _left(found) and self.connections() <= 0)
        assert self.server.log("api").removeprefix(self.earlier_log) == ""


def _left(found: Scrape) -> bool:
    operations = [found.value("starling_graphql_operations_running", type=kind) for kind in OPERATIONS]
    groups = found.value("starling_subscription_groups")
    return any([*operations, groups, found.value("starling_open_sockets", route="/graphql")])


@asynccontextmanager
async def live_api(server: Server, folder: Path) -> AsyncIterator[LiveApi]:
    """The server without a job; at the end it must be as idle as it was."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(open_database(server.database_url))
        services = await stack.enter_async_context(job_services(server.redis_url, folder))
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=server.base_url, timeout=30, verify=False)
        )
        await sql.run("DELETE FROM jobs")
        found = LiveApi(server, await local_owner(), services, http, server.log("api"))
        yield found
        await found.until_nothing_is_left()
