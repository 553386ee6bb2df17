"""Clients that are rude below the protocol: halves that stay, bytes one by one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import orjson

from tests.support.graphql_ws import subscribe_frame
from tests.support.live_api import LiveApi
from tests.support.live_jobs import JOB
from tests.support.raw_ws import NO_MASK

HANDSHAKE = b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
REST_OF_HANDSHAKE = (
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


@asynccontextmanager
async def connected(live: LiveApi) -> AsyncIterator[socket.socket]:
    parts = urlsplit(live.base_url)
    with socket.socket() as connection:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (parts.hostname, parts.port))
        yield connection


def text_frame(text: bytes) -> bytes:
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + NO_MASK + text


async def test_half_a_frame_that_stays_keeps_nobody_waiting(live: LiveApi) -> None:
    job = await live.job()
    whole = text_frame(orjson.dumps(subscribe_frame("2", JOB, id=job.id)))
    async with live.follower(job) as follower, AsyncExitStack() as stack:
        halves = [await stack.enter_async_context(live.raw()) for _ in range(20)]
        for number, client in enumerate(halves):
            await client.subscribe("1", JOB, id=job.id)
            await client.json()
            await client.send_bytes(whole[: 1 + number * len(whole) // 21])
        await live.serves(job, follower, 10.0)
        for client in halves:
            assert (await client.json())["payload"]["data"]["jobUpdates"]["progress"] == 10.0
        for number, client in enumerate(halves[:10]):
            await client.send_bytes(whole[1 + number * len(whole) // 21 :])
            frame = await client.json()
            assert (frame["id"], frame["type"]) == ("2", "next")
        # the others go with their halves


async def test_half_a_handshake_that_stays_keeps_nobody_waiting(live: LiveApi) -> None:
    job = await live.job()
    loop = asyncio.get_running_loop()
    async with live.follower(job) as follower, AsyncExitStack() as stack:
        halves = [await stack.enter_async_context(connected(live)) for _ in range(50)]
        for number, half in enumerate(halves):
            await loop.sock_sendall(half, HANDSHAKE[: number * len(HANDSHAKE) // 49])
        await live.serves(job, follower, 10.0)
        await loop.sock_sendall(halves[-1], REST_OF_HANDSHAKE)
        async with asyncio.timeout(10):
            answer = await loop.sock_recv(halves[-1], 4_096)
        assert answer.startswith(b"HTTP/1.1 101")
        await live.serves(job, follower, 20.0)


async def test_a_frame_that_comes_byte_by_byte_is_a_frame(live: LiveApi) -> None:
    job = await live.job()
    subscribe = subscribe_frame("1", JOB, id=job.id)
    async with live.raw() as client:
        client.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in text_frame(orjson.dumps(subscribe)):
            await client.send_bytes(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.json())["type"] == "next"
