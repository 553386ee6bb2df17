"""The proxy that spoils connections does what its faults say: tests of the promises stand on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, TimeoutError

from db import sql
from db.connection import open_database
from tests.support.fault_proxy import FaultProxy


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[FaultProxy]:
    async with FaultProxy.before(redis_url) as between:
        yield between


@pytest.fixture
async def client(proxy: FaultProxy) -> AsyncIterator[Redis]:
    async with Redis.from_url(proxy.url, socket_timeout=2.0, retry=None) as opened:
        await opened.ping()
        yield opened


async def test_it_passes_everything_on_by_itself(client: Redis) -> None:
    await client.set("key", "x" * 300_000)
    assert await client.get("key") == b"x" * 300_000


async def test_a_delay_is_felt_in_both_directions(client: Redis, proxy: FaultProxy) -> None:
    proxy.delay(0.1)
    began = time.monotonic()
    await client.ping()
    assert time.monotonic() - began >= 0.2


async def test_a_blackhole_answers_nobody_until_it_is_healed(client: Redis, proxy: FaultProxy) -> None:
    proxy.blackhole()
    waiting = asyncio.ensure_future(client.ping())
    done, _ = await asyncio.wait({waiting}, timeout=0.3)
    assert not done
    proxy.heal()
    assert await waiting


async def test_a_reset_cuts_what_is_open_and_serves_what_comes(client: Redis, proxy: FaultProxy) -> None:
    proxy.reset()
    with pytest.raises(ConnectionError):
        await client.ping()
    assert await client.ping()


async def test_a_refusing_proxy_serves_nobody(client: Redis, proxy: FaultProxy) -> None:
    proxy.refuse()
    for _ in range(2):
        with pytest.raises((ConnectionError, TimeoutError)):
            await client.ping()
    proxy.heal()
    assert await client.ping()


async def test_a_half_closed_connection_still_carries_what_the_client_says(proxy: FaultProxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"PING\r\n")
    assert (await reader.readline()).startswith(b"+PONG")
    proxy.half_close()
    assert await reader.read() == b""
    writer.write(b"SET said 1\r\n")
    await writer.drain()
    async with Redis.from_url(proxy.url) as other:
        async with asyncio.timeout(5.0):
            while await other.get("said") is None:
                await asyncio.sleep(0.01)
    writer.close()


async def test_it_stands_before_postgresql_too(database_url: str) -> None:
    async with FaultProxy.before(database_url) as proxy, open_database(proxy.url):
        assert (await sql.rows("SELECT 1 AS one"))[0]["one"] == 1
        assert proxy.connections >= 1
