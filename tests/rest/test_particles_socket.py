"""WS /particles/ws/{system_id}: status at once, each second and after each change; errors leave it open."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from tests.rest.test_particles_systems import DEFAULT_STATUS, create
from tests.support.server import Server


def socket_url(client: httpx.Client, system: str, prefix: str = "/particles") -> str:
    return f"{str(client.base_url).rstrip('/').replace('http', 'ws', 1)}{prefix}/ws/{system}"


async def told(socket: ClientConnection, seconds: float = 5.0) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), seconds))


async def until(socket: ClientConnection, key: str) -> Any:
    """The first message that has the key."""
    while key not in (message := await told(socket)):
        pass
    return message


@pytest.mark.parametrize("prefix", ["/particles", "/api/particles"])
async def test_the_status_comes_at_once_and_each_second(client: httpx.Client, prefix: str) -> None:
    async with connect(socket_url(client, create(client), prefix)) as socket:
        assert await told(socket, 1.0) == DEFAULT_STATUS
        assert await told(socket) == DEFAULT_STATUS
        began = time.monotonic()  # of a tick: the first status took its time to be read
        assert await told(socket) == DEFAULT_STATUS
        assert await told(socket) == DEFAULT_STATUS
        assert 1.5 < time.monotonic() - began < 4.0


async def test_a_command_merges_and_is_answered_by_the_new_status(client: httpx.Client) -> None:
    system = create(client, width=640)
    async with connect(socket_url(client, system)) as socket:
        await told(socket)
        async with asyncio.timeout(5.0):  # told by the tick alone, ten would take nine seconds
            for fps in range(51, 61):
                await socket.send(json.dumps({"action": "update_config", "config": {"fps": fps}}))
                while (status := await told(socket))["config"]["fps"] != fps:
                    pass
        assert status["config"]["width"] == 640
    assert client.get(f"/particles/systems/{system}").json()["status"]["config"]["fps"] == 60


async def test_a_change_from_elsewhere_is_told_at_once(client: httpx.Client) -> None:
    system = create(client)
    async with connect(socket_url(client, system)) as socket:
        await told(socket)
        began = time.monotonic()
        client.put(f"/particles/systems/{system}/type/zen")
        while (await told(socket))["particle_type"] != "zen":
            pass
        assert time.monotonic() - began < 0.9


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ('{"action": "update_config", "config": {"fps": 0}}', "fps must be 1 to 120, got 0"),
        ('{"action": "update_config", "config": {"nonsense": 1}}', "unknown config field 'nonsense'"),
        ('{"action": "update_config", "config": [1]}', "config must be an object"),
        ('{"action": "dance"}', 'action must be "update_config"'),
        ("not json", "the message is not JSON"),
        ("[]", "action must be"),
        ("[" * 60_000, "the message is not JSON"),
        (b"\x00\xff", "a message must be JSON text"),
        ("x" * 70_000, "a message must be JSON text of up to 65536 characters"),
    ],
)
async def test_a_wrong_message_is_answered_and_the_socket_stays_open(
    client: httpx.Client, message: str | bytes, says: str
) -> None:
    async with connect(socket_url(client, create(client))) as socket:
        await told(socket)
        await socket.send(message)
        assert says in (await until(socket, "error"))["error"]
        assert await until(socket, "config") == DEFAULT_STATUS


@pytest.mark.parametrize("system", [str(uuid4()), "nonsense"])
async def test_an_unknown_system_is_accepted_and_closed_with_1008(client: httpx.Client, system: str) -> None:
    async with connect(socket_url(client, system)) as socket:
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await told(socket)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "System not found")


async def test_it_ends_when_the_system_is_deleted(client: httpx.Client) -> None:
    system = create(client)
    async with connect(socket_url(client, system)) as socket:
        await told(socket)
        client.delete(f"/particles/systems/{system}")
        with pytest.raises(websockets.ConnectionClosedOK):
            while True:
                await told(socket)


async def test_a_client_that_vanishes_troubles_nobody(client: httpx.Client, server: Server) -> None:
    system = create(client)
    said = server.log("api")
    for _ in range(5):
        socket = await connect(socket_url(client, system))
        await told(socket)
        await socket.send(json.dumps({"action": "update_config", "config": {"fps": 25}}))
        socket.transport.abort()
        await socket.wait_closed()
    async with connect(socket_url(client, system)) as socket:
        for _ in range(3):
            assert (await told(socket))["config"]["fps"] in (25, 30)
    assert "Traceback" not in server.log("api").removeprefix(said)
