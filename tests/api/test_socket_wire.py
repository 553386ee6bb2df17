"""What goes over the wire of a live socket, and the hooks of the server that it goes by."""

from __future__ import annotations

import asyncio
import gc
from urllib.parse import urlsplit

import pytest
from uvicorn._types import ASGISendEvent
from websockets.frames import Opcode
from websockets.http11 import Request

from app import sockets
from app.outlets import OUTLET
from domain.accounts import Viewer
from domain.ports import Services
from tests.support.graphql_ws import PROTOCOL
from tests.support.held_sockets import fill, held_for, open_sockets
from tests.support.inprocess import until
from tests.support.live_jobs import ALL, JOB, running
from tests.support.queries import counted
from tests.support.raw_ws import KERNEL_BYTES, begun


async def test_updates_go_by_the_outlet_that_the_scope_names(
    base_url: str, viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where uvicorn leaves our socket out of it, they would go through ASGI: as right, and much slower."""
    kinds = []
    send = sockets.BoundedSocket.send

    async def noted(self: sockets.BoundedSocket, message: ASGISendEvent) -> None:
        kinds.append(message["type"])
        await send(self, message)

    monkeypatch.setattr(sockets.BoundedSocket, "send", noted)
    job = await running(viewer, services)
    async with begun(base_url) as client:
        (held,) = open_sockets()
        assert held.scope["extensions"][OUTLET] is held.outlet  # type: ignore[comparison-overlap]
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        await job.complete()
        assert [(await client.json())["type"] for _ in range(2)] == ["next", "complete"]
    await until(lambda: not open_sockets())
    assert kinds == ["websocket.accept", "websocket.send"]  # that was the ack
    assert held.outlet._has_ended


async def test_nothing_follows_a_close_frame_though_its_client_does_not_answer_it(base_url: str) -> None:
    async with begun(base_url) as client:
        held = held_for(client)
        await held.send({"type": "websocket.close", "code": 4400, "reason": ""})
        assert not held.transport.is_closing()
        assert not held.outlet.write_now(b"{", b"}")
        assert await client.close_code() == 4400


async def test_an_open_socket_keeps_nothing_of_its_handshake_but_what_the_application_has(
    base_url: str,
) -> None:
    before = _requests()  # of other tests' clients, which may not have been collected yet
    async with begun(base_url):
        (held,) = open_sockets()
        requests = [found for found in _requests() if not any(found is old for old in before)]
        assert any(found is held.request for found in requests)
        assert not [name for found in requests for name in found.headers]
        assert not held.response.headers
        assert (b"sec-websocket-protocol", PROTOCOL.encode()) in [
            (name.lower(), value) for name, value in held.scope["headers"]
        ]


def _requests() -> list[Request]:
    """All handshakes in this process."""
    return [found for found in gc.get_objects() if type(found) is Request]


async def test_a_handshake_that_is_none_is_refused(base_url: str, caplog: pytest.LogCaptureFixture) -> None:
    address = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert (await reader.readline()).split()[1] == b"400"
    writer.close()
    await until(lambda: not open_sockets())
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_each_ping_is_answered_once_and_of_those_that_had_to_wait_the_newest(
    base_url: str, viewer: Viewer, services: Services
) -> None:
    job = await running(viewer, services)
    async with begun(base_url, KERNEL_BYTES) as client:

        async def ping(name: bytes) -> None:
            client.protocol.send_ping(name)
            await client._flush()

        for name in (b"first", b"second"):
            await ping(name)
            frame = await client.read()
            assert frame is not None
            assert (frame.opcode, bytes(frame.data)) == (Opcode.PONG, name)
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        held = held_for(client)
        await fill(job, held)
        for name in (b"third", b"fourth"):
            await ping(name)
            await until(lambda name=name: held._pong.endswith(name))  # type: ignore[misc]
        await client.send({"type": "ping"})
        pongs = []
        while (frame := await client.read()) is not None and b'"pong"' not in frame.data:
            pongs += [bytes(frame.data)] if frame.opcode is Opcode.PONG else []
        assert pongs == [b"fourth"]


async def test_hundreds_that_are_woken_together_ask_together(
    base_url: str, viewer: Viewer, services: Services
) -> None:
    job = await running(viewer, services)
    async with begun(base_url) as client:
        for number in range(100):
            await client.subscribe(str(number), JOB if number % 2 else ALL, id=job.id)
            await client.json()
        await asyncio.sleep(0.3)  # they have looked, and wait
        await until(lambda: not services.reads._waiting and not services.reads._running)
        with counted() as queries:
            await job.report(50.0)
            for _ in range(100):
                (update,) = (await client.json())["payload"]["data"].values()
                assert update["progress"] == 50.0
            assert queries.count < 20, queries.statements


RUBBISH = {
    "text that is none": (b"\x81\x83\0\0\0\0\xff\xfe\xfd", 1007),
    "text that is none in two pieces": (b"\x01\x81\0\0\0\0a\x80\x82\0\0\0\0\xff\xfe", 1007),
    "text that is none, and a close with it": (b"\x81\x81\0\0\0\0\xff\x88\x82\0\0\0\0\x03\xe8", 1000),
    "a frame without a mask": (b"\x81\x02{}", 1002),
    "a reserved bit": (b"\xc1\x82\0\0\0\0{}", 1002),
    "a reserved opcode": (b"\x83\x82\0\0\0\0{}", 1002),
    "a continuation of nothing": (b"\x80\x82\0\0\0\0{}", 1002),
    "a control frame in pieces": (b"\x09\x80\0\0\0\0", 1002),
    "a frame of 8 EB": (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1009),
}


@pytest.mark.parametrize("rubbish", RUBBISH)
async def test_rubbish_on_the_wire_closes_by_its_code_and_is_not_logged(
    rubbish: str, base_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    data, code = RUBBISH[rubbish]
    async with begun(base_url) as client:
        await client.send_bytes(data)
        assert await client.close_code() == code
    await until(lambda: not open_sockets())
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_empty_fragments_pile_up_nowhere(base_url: str) -> None:
    async with begun(base_url) as client:
        await client.send_bytes(b"\x01\x80\0\0\0\0")
        for _ in range(50):
            await client.send_bytes(b"\x00\x80\0\0\0\0" * 1_000)
        (held,) = open_sockets()
        await asyncio.sleep(0.2)
        assert len(held.frames) <= sockets.MOST_FRAGMENTS + 1
        await client.send_bytes(b'\x80\x8f\0\0\0\0{"type":"ping"}')
        frame = await client.read()
        assert frame is not None
        assert (frame.opcode, bytes(frame.data)) == (Opcode.TEXT, b'{"type":"pong"}')
