"""What an outlet writes: whole messages, in one order, past a transport that holds nothing back."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import uvloop
from uvicorn.protocols.utils import ClientDisconnected

from app.outlets import JOINED_BYTES, Outlet
from tests.support.fault_proxy import NO_LINGER

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
HEAD = b'{"id":"%d"'
KERNEL_BYTES = 4_096


class Held(asyncio.Protocol):
    """As much of a WebSocket as an outlet needs."""

    def __init__(self) -> None:
        self.taken = asyncio.Event()
        self.taken.set()
        self.is_lost = asyncio.Event()
        self.when_lost: Callable[[], object] = lambda: None

    def connection_made(self, transport: Any) -> None:
        transport.set_write_buffer_limits(high=0)
        self.transport = transport
        self.outlet = Outlet(transport, self.taken)

    def pause_writing(self) -> None:
        self.taken.clear()
        self.outlet.pause()

    def resume_writing(self) -> None:
        self.taken.set()
        self.outlet.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        self.when_lost()
        self.is_lost.set()


@dataclass(frozen=True)
class Pair:
    held: Held
    client: socket.socket

    async def read(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            more = await asyncio.get_running_loop().sock_recv(self.client, size - len(found))
            if not more:
                raise EOFError
            found += more
        return found

    async def message(self) -> bytes:
        """The text of the next frame."""
        first, size = await self.read(2)
        assert first == 0x81
        if size >= 126:
            size = int.from_bytes(await self.read(2 if size == 126 else 8))
        return await self.read(size)


@asynccontextmanager
async def connected() -> AsyncIterator[Pair]:
    """Over TCP, where the kernel takes pieces of a message."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    client.setblocking(False)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
    transport, held = await loop.create_connection(Held, sock=ours)
    try:
        yield Pair(held, client)
    finally:
        transport.abort()
        client.close()
        await held.is_lost.wait()


Story = Callable[[Pair], Awaitable[None]]


@pytest.fixture(params=LOOPS)
def tell(request: pytest.FixtureRequest) -> Callable[[Story], None]:
    """Runs a story in a loop of its own, of each kind."""

    async def told(story: Story) -> None:
        async with connected() as pair, asyncio.timeout(20):
            await story(pair)

    def run(story: Story) -> None:
        work: Coroutine[Any, Any, None] = told(story)
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(work)

    return run


def fill(held: Held, body: bytes) -> int:
    """How many messages were written before the client had to read."""
    count = 0
    while held.outlet.write_now(HEAD % count, body):
        count += 1
    return count


@pytest.mark.parametrize("size", [10, 110, 120, 997, JOINED_BYTES - 1, JOINED_BYTES + 1, 70_000])
def test_what_the_kernel_takes_in_part_arrives_whole_and_in_order(
    tell: Callable[[Story], None], size: int
) -> None:
    async def story(pair: Pair) -> None:
        body = b"x" * size
        for _ in range(3):
            count = fill(pair.held, body)
            assert count > 0
            assert pair.held.transport.get_write_buffer_size() <= 10 + len(HEAD) + 4 + size
            assert [await pair.message() for _ in range(count)] == [HEAD % n + body for n in range(count)]
            await pair.held.taken.wait()

    tell(story)


def test_who_waits_goes_on_when_all_was_read(tell: Callable[[Story], None]) -> None:
    async def story(pair: Pair) -> None:
        outlet = pair.held.outlet

        class Waiter:
            def resume(self) -> None:
                assert outlet.write_now(b"[", b"]")

        count = fill(pair.held, b"y" * 500)
        outlet.wait(Waiter())
        for _ in range(count):
            await pair.message()
        assert await pair.message() == b"[]"

    tell(story)


def test_messages_in_turn_and_updates_are_in_one_order(tell: Callable[[Story], None]) -> None:
    async def story(pair: Pair) -> None:
        outlet = pair.held.outlet
        count = fill(pair.held, b"z" * 500)
        in_turn = asyncio.create_task(outlet.write_in_turn(b"in", b" turn"))
        for _ in range(count):
            await pair.message()
            assert in_turn.done() or not outlet.write_now(b"an", b" update")
        await in_turn
        assert outlet.write_now(b"an", b" update")
        assert [await pair.message() for _ in range(2)] == [b"in turn", b"an update"]

    tell(story)


@pytest.mark.parametrize("end", ["a close frame", "a closing transport", "an aborted one"])
def test_nothing_is_written_after_the_end(tell: Callable[[Story], None], end: str) -> None:
    async def story(pair: Pair) -> None:
        held = pair.held
        ends = {
            "a close frame": held.outlet.end,
            "a closing transport": held.transport.close,
            "an aborted one": held.transport.abort,
        }
        assert held.outlet.write_now(b"the", b" last")
        ends[end]()
        assert not held.outlet.write_now(b"too", b" late")
        with pytest.raises(ClientDisconnected):
            await held.outlet.write_in_turn(b"too", b" late")
        assert await pair.message() == b"the last"
        if end != "a close frame":
            await held.is_lost.wait()
            assert not held.outlet.write_now(b"too", b" late")
            with pytest.raises(EOFError):
                await pair.message()

    tell(story)


def test_a_connection_that_is_reset_is_lost_by_its_transport(tell: Callable[[Story], None]) -> None:
    async def story(pair: Pair) -> None:
        pair.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        pair.client.close()
        pair.held.outlet.write_now(b"to", b" nobody")
        await pair.held.is_lost.wait()
        assert not pair.held.outlet.write_now(b"to", b" nobody")

    tell(story)


@pytest.mark.parametrize("end", ["close", "abort", "leave", "reset"])
def test_a_descriptor_is_of_no_other_connection_before_the_transport_is_closing(
    tell: Callable[[Story], None], end: str
) -> None:
    async def story(pair: Pair) -> None:
        held, client = pair.held, pair.client
        descriptor = held.transport.get_extra_info("socket").fileno()
        ours = os.fstat(descriptor).st_ino
        found = []
        held.when_lost = lambda: found.append((os.fstat(descriptor).st_ino, held.transport.is_closing()))
        if end == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        ends = {"close": held.transport.close, "abort": held.transport.abort}
        ends.get(end, client.close)()
        await held.is_lost.wait()
        assert found == [(ours, True)]

    tell(story)


def test_an_encrypted_connection_is_written_by_its_transport() -> None:
    class Encrypted(asyncio.Transport):
        written = b""

        def get_extra_info(self, name: str, default: Any = None) -> Any:
            return {"sslcontext": object(), "socket": socket.socket}.get(name, default)

        def is_closing(self) -> bool:
            return False

        def writelines(self, list_of_data: Any) -> None:
            self.written += b"".join(list_of_data)

    transport = Encrypted()
    assert Outlet(transport, asyncio.Event()).write_now(b"a", b"b")
    assert transport.written == b"\x81\x02ab"


def test_it_holds_nothing_of_a_connection_that_is_over(tell: Callable[[Story], None]) -> None:
    found: list[weakref.ref[Any]] = []

    async def story(pair: Pair) -> None:
        found.append(weakref.ref(pair.held))
        fill(pair.held, b"x" * 500)

    gc.disable()
    try:
        tell(story)
        assert found[0]() is None
    finally:
        gc.enable()
