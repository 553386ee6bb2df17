"""A client that is gone is gone for the server too, and the other way round; one connection hears for all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from domain.accounts import Viewer
from domain.ports import Services
from tests.support.fault_proxy import FaultProxy
from tests.support.figures import Figures
from tests.support.graphql_ws import PROTOCOL, Socket, socket
from tests.support.live_jobs import ALL, JOB, running
from tests.support.raw_ws import raw_socket
from tests.support.rows import a_system
from tests.support.server import Server, running_server

GONE_SECONDS = 60.0
KERNEL_BYTES = 4_096


def clients_of(server: Server) -> int:
    """Connections to its port that the server holds open."""
    port = urlsplit(server.base_url).port
    held = psutil.Process(server.api.pid).net_connections("tcp")
    return sum(one.laddr.port == port and one.status != psutil.CONN_LISTEN for one in held)


async def until(holds: Callable[[], bool], seconds: float) -> float:
    """How long it took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.1)
    return time.monotonic() - began


@pytest.mark.xdist_group("waiting")
@pytest.mark.slow
@pytest.mark.promise("P12")
@pytest.mark.timeout(300)
async def test_a_client_that_vanished_without_a_word_is_gone_within_a_minute(
    api: Server, services: Services, viewer: Viewer, figures: Figures
) -> None:
    job = await running(viewer, services)
    system = await a_system(viewer)
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(FaultProxy.before(api.base_url))
        for _ in range(5):
            client = await stack.enter_async_context(socket(proxy.url, ping_interval=None, close_timeout=0.1))
            await client.subscribe(JOB, id=job.id)
            await client.receive()
        address = f"{proxy.url.replace('http', 'ws')}/particles/ws/{system.id}"
        live = await stack.enter_async_context(connect(address, ping_interval=None, close_timeout=0.1))
        await live.recv()
        stalled = await stack.enter_async_context(
            raw_socket(api.base_url, "/graphql", PROTOCOL, receive_bytes=KERNEL_BYTES)
        )
        await stalled.begin()
        await stalled.subscribe("1", ALL)
        assert clients_of(api) == 7
        for number in range(200):
            await job.report(number / 10, "x" * 1_000)
        proxy.blackhole()
        seconds = await until(lambda: clients_of(api) == 0, 3 * GONE_SECONDS)
    figures.within("P12", "a client that vanished is gone, with what waited for it", seconds, GONE_SECONDS)
    assert "Traceback" not in api.log("api")


async def test_a_client_that_answers_stays_on_a_silent_socket(
    api: Server, services: Services, viewer: Viewer
) -> None:
    """And 200 of them cost no more connections to Redis than none."""
    job = await running(viewer, services)
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(api.redis_url))
        before = await subscribers(redis)
        for number in range(200):
            client = await stack.enter_async_context(socket(api.base_url, ping_interval=None))
            await (client.subscribe(JOB, id=job.id) if number % 2 else client.subscribe(ALL))
            assert (await client.receive())["type"] == "next"
        assert clients_of(api) == 200
        assert await subscribers(redis) == before
        await job.complete()
        assert (await client.receive(10.0))["payload"]["data"]["jobUpdates"]["status"] == "COMPLETED"
    await until(lambda: clients_of(api) == 0, 10.0)


async def subscribers(redis: Redis) -> set[str]:
    """The connections to Redis that wait for nudges."""
    return {one["id"] for one in await redis.client_list(_type="pubsub")}


@pytest.mark.promise("P11")
async def test_a_server_that_stops_tells_everybody_at_once_and_its_clients_go_on_elsewhere(
    api: Server, database_url: str, redis_url: str, services: Services, viewer: Viewer, figures: Figures
) -> None:
    job = await running(viewer, services)
    system = await a_system(viewer)
    with running_server(database_url, redis_url, workers=0) as other:
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(socket(api.base_url))
            await client.subscribe(JOB, id=job.id)
            idle = [await stack.enter_async_context(socket(api.base_url)) for _ in range(20)]
            live = await stack.enter_async_context(connect(f"{api.websocket_url}/particles/ws/{system.id}"))
            stalled = await stack.enter_async_context(
                raw_socket(api.base_url, "/graphql", PROTOCOL, receive_bytes=KERNEL_BYTES)
            )
            await stalled.begin()
            await stalled.subscribe("1", JOB, id=job.id)
            told: list[dict[str, Any]] = []
            reading = asyncio.create_task(_read(client, told))
            for number in range(200):
                await job.report(number / 10, "x" * 1_000)
            began = time.monotonic()
            api.api.terminate()
            for one in idle:
                assert (await one.closed())[0] == 1012
            closed = time.monotonic() - began
            while not live.close_code:
                await asyncio.wait_for(live.wait_closed(), 10)
            assert live.close_code == 1012
            assert await asyncio.to_thread(api.api.wait, 20) == 0
            figures.within(
                "P11", "a server that stops is gone, a stalled reader on it", time.monotonic() - began, 5.0
            )
            figures.note("P11", "its clients are told after", closed, "s")
            await reading
        assert "Traceback" not in api.log("api")
        await job.complete()
        async with socket(other.base_url) as client:
            after = client.updates(JOB, id=job.id, after=told[-1]["cursor"])
            told += [data["jobUpdates"] async for data in after]
    wanted = [0.0, *(number / 10 for number in range(200)), 100.0]
    assert [update["progress"] for update in told] == wanted


async def _read(client: Socket, told: list[dict[str, Any]]) -> None:
    """Until the server closes."""
    with suppress(ConnectionClosed):
        while True:
            told.append((await client.receive())["payload"]["data"]["jobUpdates"])
