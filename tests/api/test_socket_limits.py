"""What a client may do to its socket without it costing the server: vanish, stop reading, close by halves."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from tortoise.context import require_context
from websockets.frames import Opcode

from app import api, sockets
from domain import particles
from domain.accounts import Viewer
from domain.ports import Services
from tests.support.held_sockets import fill, held_for, open_sockets
from tests.support.inprocess import served, subscribers, until
from tests.support.live_jobs import ALL, JOB, running
from tests.support.raw_ws import KERNEL_BYTES, RawSocket, begun, raw_socket
from tests.support.rows import a_system


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before `base_url`: the server asks soon."""
    monkeypatch.setattr(api, "PING_SECONDS", 0.3)
    monkeypatch.setattr(api, "PING_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(sockets, "STALLED_SECONDS", 0.5)


@pytest.fixture
def less_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `impatient`, but with time for the test to fill what can wait for a client before the first ping."""
    monkeypatch.setattr(api, "PING_SECONDS", 2.0)
    monkeypatch.setattr(api, "PING_TIMEOUT_SECONDS", 2.0)
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
        await until(lambda: subscribers(services) == 0)
        assert await client.close_code() == 1011


@pytest.mark.usefixtures("less_impatient")
async def test_so_is_one_for_whom_bytes_wait(base_url: str, viewer: Viewer, services: Services) -> None:
    job = await running(viewer, services)
    async with begun(base_url, KERNEL_BYTES) as client:
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        held = held_for(client)
        await fill(job, held)
        assert held.transport.get_write_buffer_size() > 0
        await until(lambda: not open_sockets())
        await until(lambda: subscribers(services) == 0)


async def test_a_socket_that_is_being_closed_does_not_wait_for_ever_either(
    base_url: str, viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets no pings any more, and a polite close waits until everything was read."""
    monkeypatch.setattr(sockets, "STALLED_SECONDS", 0.5)
    job = await running(viewer, services)
    async with begun(base_url, KERNEL_BYTES) as client:
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        held = held_for(client)
        await fill(job, held)
        await client.send_close()
        await until(lambda: held.transport.is_closing())
        await until(lambda: not open_sockets())
        await until(lambda: subscribers(services) == 0)


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
        held = held_for(client)
        await fill(job, held)

        async def opening() -> None:
            for number in range(10):
                await held.outlet.write_in_turn(b'{"type":"%d",' % number, b'"x":"' + b"x" * 200_000 + b'"}')

        writing = asyncio.create_task(opening())
        await until(lambda: held.outlet._in_turn == 1)
        await client.send({"type": "ping"})
        await until(lambda: held.outlet._in_turn == 2)
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
        held = held_for(client)
        await fill(job, held)
        held.outlet._waiting = {Broken(): None, **held.outlet._waiting}
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
        held = held_for(client)
        await fill(job, held)
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

    async def fin(client: RawSocket) -> None:
        client.connection.shutdown(1)

    async def nonsense(client: RawSocket) -> None:
        await client.send_bytes(b"\xff" * 100)

    async def wrong_frame(client: RawSocket) -> None:
        await client.send([])

    async def in_mid_delivery(client: RawSocket) -> None:
        for number in range(20):
            await job.report(number / 100, "y" * 100)
            await client.send({"type": "complete", "id": "1"})
            await client.subscribe("1", JOB, id=job.id)
        await client.reset()

    async def stalled(client: RawSocket) -> None:
        await fill(job, held_for(client))
        await client.reset()

    close, reset = RawSocket.send_close, RawSocket.reset
    idle = len(asyncio.all_tasks())
    for end in (complete, close, fin, reset, nonsense, wrong_frame, in_mid_delivery, stalled):
        async with begun(base_url, KERNEL_BYTES) as client:
            await client.subscribe("1", JOB, id=job.id)
            await client.subscribe("2", ALL)
            await client.subscribe("3", 'subscription { jobUpdates(id: "x") { cursor } }')
            said = [await client.json() for _ in range(3)]
            assert sorted(frame["type"] for frame in said) == ["error", "next", "next"]
            await until(lambda: subscribers(services) == 2)
            await end(client)
            await until(lambda: subscribers(services) == 0)
        await until(lambda: not open_sockets())
        await until(lambda: len(asyncio.all_tasks()) <= idle)
    assert services.reads._waiting == services.reads._running == {}
    pool = require_context().db()._pool
    assert pool.get_idle_size() == pool.get_size()


async def test_a_status_socket_leaves_nothing_either(services: Services, viewer: Viewer) -> None:
    system = await a_system(viewer)
    path = f"/particles/ws/{system.id}"

    async def stalled(client: RawSocket) -> None:
        held = held_for(client)
        for number in range(400):
            await particles.update(viewer, system.id, {"name": f"{number}" * 20}, services=services)
            await asyncio.sleep(0)
            if not held.writable.is_set():
                break
        assert held.transport.get_write_buffer_size() < 3_000
        await client.reset()

    close, reset = RawSocket.send_close, RawSocket.reset
    async with served(services, rest=True) as base_url:
        idle = len(asyncio.all_tasks())
        for end in (close, reset, stalled):
            async with raw_socket(base_url, path, receive_bytes=KERNEL_BYTES) as client:
                await client.json()
                await client.send({"action": "dance"})
                while "error" not in await client.json():
                    pass
                assert subscribers(services) == 1
                await end(client)
                await until(lambda: subscribers(services) == 0)
            await until(lambda: not open_sockets())
            await until(lambda: len(asyncio.all_tasks()) <= idle)
