"""What a client may do to its socket without it costing the server: vanish, stop reading, send rubbish."""

from __future__ import annotations

import asyncio
import gc
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import orjson
import pytest
from tortoise.context import require_context
from uvicorn._types import ASGISendEvent
from websockets.frames import Opcode
from websockets.http11 import Request

from app import api, sockets
from domain import particles
from domain.accounts import Viewer
from domain.ports import Services
from tests.support.graphql_ws import PROTOCOL
from tests.support.inprocess import served
from tests.support.live_jobs import ALL, JOB, LiveJob, running
from tests.support.queries import counted
from tests.support.raw_ws import RawSocket, raw_socket
from tests.support.rows import a_system

KERNEL_BYTES = 4_096


@asynccontextmanager
async def begun(base_url: str, receive_bytes: int | None = None) -> AsyncIterator[RawSocket]:
    async with raw_socket(base_url, "/graphql", PROTOCOL, receive_bytes=receive_bytes) as client:
        await client.begin()
        yield client


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


def open_sockets() -> list[sockets.BoundedSocket]:
    """Those that this process serves."""
    return [
        found
        for found in gc.get_objects()
        if issubclass(type(found), sockets.BoundedSocket) and not found.disconnected
    ]


async def fill(job: LiveJob, client: RawSocket) -> sockets.BoundedSocket:
    """Change the job until something waits for a client that does not read."""
    (held,) = open_sockets()
    for number in range(400):
        await job.report(0.01 * number, "x" * 1_000)
        await asyncio.sleep(0)
        if not held.writable.is_set():
            return held
    raise AssertionError("everything was taken")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before `base_url`: the server asks soon."""
    monkeypatch.setattr(api, "PING_SECONDS", 0.3)
    monkeypatch.setattr(api, "PING_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(sockets, "STALLED_SECONDS", 0.5)


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_answers_pings_stays(base_url: str, viewer: Viewer, services: Services) -> None:
    async with begun(base_url) as client:
        with pytest.raises(TimeoutError):
            await client.read(3.0)
        assert client.pings >= 5
        await client.send({"type": "ping"})
        assert (await client.json())["type"] == "pong"


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_vanished_is_let_go(base_url: str, viewer: Viewer, services: Services) -> None:
    job = await running(viewer, services)
    async with begun(base_url) as client:
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        client.answers = False
        await until(lambda: not open_sockets())
        await until(lambda: services.events.subscriber_count == 0)  # type: ignore[attr-defined]
        assert await client.close_code() == 1011


@pytest.mark.usefixtures("impatient")
async def test_so_is_one_for_whom_bytes_wait(base_url: str, viewer: Viewer, services: Services) -> None:
    job = await running(viewer, services)
    async with begun(base_url, KERNEL_BYTES) as client:
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        held = await fill(job, client)
        assert held.transport.get_write_buffer_size() > 0
        await until(lambda: not open_sockets())
        await until(lambda: services.events.subscriber_count == 0)  # type: ignore[attr-defined]


async def test_a_socket_that_is_being_closed_does_not_wait_for_ever_either(
    base_url: str, viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets no pings any more, and a polite close waits until everything was read."""
    monkeypatch.setattr(sockets, "STALLED_SECONDS", 0.5)
    job = await running(viewer, services)
    async with begun(base_url, KERNEL_BYTES) as client:
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        held = await fill(job, client)
        client.protocol.send_close(1000)
        await client._flush()
        await until(lambda: held.transport.is_closing())
        await until(lambda: not open_sockets())
        await until(lambda: services.events.subscriber_count == 0)  # type: ignore[attr-defined]


@pytest.fixture
def sooner_than_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before `base_url`: several pings fall due in the time that the large answer takes."""
    monkeypatch.setattr(api, "PING_SECONDS", 0.2)
    monkeypatch.setattr(api, "PING_TIMEOUT_SECONDS", 1.5)
    monkeypatch.setattr(sockets, "STALLED_SECONDS", 1.0)


@pytest.mark.usefixtures("sooner_than_it_is_read")
async def test_a_large_answer_on_a_slow_line_takes_its_time(
    base_url: str, viewer: Viewer, services: Services
) -> None:
    """Pings wait behind it, and while the server waits to answer one of the protocol's, it hears no pong."""
    fields = "fields { name description args { name description type { name kind ofType { name } } } }"
    types = f"{{ types {{ name description {fields} }} }}"
    query = f"{{ __schema {types} again: __schema {types} }}"
    async with begun(base_url, KERNEL_BYTES) as client:
        await client.subscribe("1", query)
        await client.send({"type": "ping"})
        said: list[str] = []
        pieces = 0
        while {*said} != {"next", "complete", "pong"}:
            await asyncio.sleep(0.1)
            frame = await client.read_some(2_048)
            assert not client.is_over
            pieces += 1
            if frame is not None and frame.opcode is Opcode.TEXT:
                said.append(orjson.loads(frame.data)["type"])
        assert pieces > 20  # longer than a ping may take


async def test_turns_are_in_the_order_of_asking(base_url: str, viewer: Viewer, services: Services) -> None:
    """A long opening does not hold up what its client is answered."""
    job = await running(viewer, services)
    async with begun(base_url, KERNEL_BYTES) as client:
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        held = await fill(job, client)

        async def opening() -> None:
            for number in range(10):
                await held.write_in_turn(b'{"type":"%d",' % number, b'"x":"' + b"x" * 200_000 + b'"}')

        writing = asyncio.create_task(opening())
        await until(lambda: held._in_turn == 1)
        await client.send({"type": "ping"})
        await until(lambda: held._in_turn == 2)
        seen: list[str] = []
        while "9" not in seen:
            seen.append((await client.json())["type"])
        await writing
        own = [type for type in seen if type != "next"]
        assert own == ["0", "pong", *(str(number) for number in range(1, 10))]


class Broken:
    def resume(self) -> None:
        raise LookupError


async def test_a_waiter_that_cannot_go_on_ends_its_socket_and_no_other(
    base_url: str, viewer: Viewer, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    job = await running(viewer, services)
    async with begun(base_url, KERNEL_BYTES) as client:
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        held = await fill(job, client)
        held._waiting = {Broken(): None, **held._waiting}
        async with begun(base_url) as other:
            while await client.read() is not None:
                pass
            await until(lambda: len(open_sockets()) == 1)
            assert held.disconnected
            await other.subscribe("1", JOB, id=job.id)
            assert (await other.json())["type"] == "next"
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [LookupError]


async def test_of_many_operations_one_message_waits(
    base_url: str, viewer: Viewer, services: Services
) -> None:
    job = await running(viewer, services)
    async with begun(base_url, KERNEL_BYTES) as client:
        for number in range(50):
            await client.subscribe(str(number), JOB, id=job.id)
            await client.json()
        held = await fill(job, client)
        most = held.transport.get_write_buffer_size()
        for number in range(100):
            await job.report(50.0 + 0.01 * number, "x" * 1_000)
            await asyncio.sleep(0)
            most = max(most, held.transport.get_write_buffer_size())
        assert most < 3_000


async def test_no_tasks_topics_or_connections_are_left_however_a_socket_ends(
    base_url: str, viewer: Viewer, services: Services
) -> None:
    job = await running(viewer, services)

    async def complete(client: RawSocket) -> None:
        for id in ("1", "2", "3"):
            await client.send({"type": "complete", "id": id})

    async def close(client: RawSocket) -> None:
        client.protocol.send_close(1000)
        await client._flush()

    async def fin(client: RawSocket) -> None:
        client.connection.shutdown(1)

    async def reset(client: RawSocket) -> None:
        client.connection.setsockopt(1, 13, struct.pack("ii", 1, 0))
        client.connection.close()

    async def nonsense(client: RawSocket) -> None:
        await client.send_bytes(b"\xff" * 100)

    async def wrong_frame(client: RawSocket) -> None:
        await client.send([])

    async def in_mid_delivery(client: RawSocket) -> None:
        for number in range(20):
            await job.report(number / 100, "y" * 100)
            await client.send({"type": "complete", "id": "1"})
            await client.subscribe("1", JOB, id=job.id)
        await reset(client)

    async def stalled(client: RawSocket) -> None:
        await fill(job, client)
        await reset(client)

    idle = len(asyncio.all_tasks())
    for end in (complete, close, fin, reset, nonsense, wrong_frame, in_mid_delivery, stalled):
        async with begun(base_url, KERNEL_BYTES) as client:
            await client.subscribe("1", JOB, id=job.id)
            await client.subscribe("2", ALL)
            await client.subscribe("3", 'subscription { jobUpdates(id: "x") { cursor } }')
            said = [await client.json() for _ in range(3)]
            assert sorted(frame["type"] for frame in said) == ["error", "next", "next"]
            await until(lambda: services.events.subscriber_count == 2)  # type: ignore[attr-defined]
            await end(client)
            await until(lambda: services.events.subscriber_count == 0)  # type: ignore[attr-defined]
        await until(lambda: not open_sockets())
        await until(lambda: len(asyncio.all_tasks()) <= idle)
    assert services.reads._waiting == services.reads._running == {}
    pool = require_context().db()._pool
    assert pool.get_idle_size() == pool.get_size()


async def test_a_status_socket_leaves_nothing_either(services: Services, viewer: Viewer) -> None:
    system = await a_system(viewer)
    path = f"/particles/ws/{system.id}"

    async def close(client: RawSocket) -> None:
        client.protocol.send_close(1000)
        await client._flush()

    async def reset(client: RawSocket) -> None:
        client.connection.setsockopt(1, 13, struct.pack("ii", 1, 0))
        client.connection.close()

    async def stalled(client: RawSocket) -> None:
        (held,) = open_sockets()
        for number in range(400):
            await particles.update(viewer, system.id, {"name": f"{number}" * 20}, services=services)
            await asyncio.sleep(0)
            if not held.writable.is_set():
                break
        assert held.transport.get_write_buffer_size() < 3_000
        await reset(client)

    async with served(services, rest=True) as base_url:
        idle = len(asyncio.all_tasks())
        for end in (close, reset, stalled):
            async with raw_socket(base_url, path, receive_bytes=KERNEL_BYTES) as client:
                await client.json()
                await client.send({"action": "dance"})
                while "error" not in await client.json():
                    pass
                assert services.events.subscriber_count == 1  # type: ignore[attr-defined]
                await end(client)
                await until(lambda: services.events.subscriber_count == 0)  # type: ignore[attr-defined]
            await until(lambda: not open_sockets())
            await until(lambda: len(asyncio.all_tasks()) <= idle)


async def test_updates_go_by_the_writer_that_the_scope_names(
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
        assert held.scope["extensions"][sockets.WRITER] is held  # type: ignore[comparison-overlap]
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        await job.complete()
        assert [(await client.json())["type"] for _ in range(2)] == ["next", "complete"]
    await until(lambda: not open_sockets())
    assert kinds == ["websocket.accept", "websocket.send"]  # that was the ack
    assert sockets.WRITER not in held.scope["extensions"]


async def test_an_open_socket_keeps_nothing_of_its_handshake_but_what_the_application_has(
    base_url: str,
) -> None:
    async with begun(base_url):
        (held,) = open_sockets()
        requests = {id(found): found for found in gc.get_objects() if type(found) is Request}
        assert id(held.request) in requests
        assert not [name for found in requests.values() for name in found.headers]
        assert not held.response.headers
        assert (b"sec-websocket-protocol", PROTOCOL.encode()) in [
            (name.lower(), value) for name, value in held.scope["headers"]
        ]


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
        held = await fill(job, client)
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
