"""What is written to one WebSocket: in one order, and no more than its client takes.

An outlet is the `schema.live.writers.Writer` of live updates, in the extensions of its socket's scope. What
answers a client (an ack, a pong, a result) has its turn before the next update, and turns are in the order of
asking. An update whose turn it is goes to the kernel at once: while a transport holds nothing back, asking it
to write is a fifth of what a delivery costs, and says nothing else than the kernel does.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache

from uvicorn.protocols.utils import ClientDisconnected

from schema.live.writers import Waiter

OUTLET = "starling.outlet"  # in the extensions of a scope
JOINED_BYTES = 4 * 1024  # from here on a body that waits for many sockets is one in memory
_LOG = logging.getLogger("starling.sockets")


class Outlet:
    """Its protocol calls `pause` and `resume`, and has `taken` set while all that was written is taken.

    The limit of the transport's buffer must be 0: what it holds without a pause would be overtaken.
    """

    __slots__ = (
        "_descriptor",
        "_has_ended",
        "_in_turn",
        "_is_free",
        "_order",
        "_taken",
        "_transport",
        "_waiting",
    )

    def __init__(self, transport: asyncio.Transport, taken: asyncio.Event) -> None:
        self._transport = transport
        self._taken = taken
        self._descriptor: int | None = _descriptor_of(transport)
        self._order = asyncio.Lock()  # it is fair: who wrote just now comes after those who asked meanwhile
        self._in_turn = 0  # messages that wait, or are being written
        self._has_ended = False
        self._is_free = True
        self._waiting: dict[Waiter, None] = {}

    def write_now(self, head: bytes, body: bytes) -> bool:
        if not self._is_free or self._transport.is_closing():
            return False
        self._write(head, body)
        return True

    def write_between(self, frame: bytes) -> None:
        """A control frame, which may go between any two messages, and behind what waits."""
        if self._descriptor is not None and self._is_free and not self._transport.is_closing():
            self._push(self._descriptor, frame)
        else:
            self._transport.write(frame)

    async def write_in_turn(self, head: bytes, body: bytes) -> None:
        async with self.turn():
            if self._is_over():
                raise ClientDisconnected
            self._write(head, body)

    def wait(self, waiter: Waiter) -> None:
        self._waiting[waiter] = None

    def forget(self, waiter: Waiter) -> None:
        self._waiting.pop(waiter, None)

    async def close(self) -> None:
        self.end()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One after the other: each may stop the next again, and so may a ping or a pong."""
        self._in_turn += 1
        self._is_free = False
        try:
            async with self._order:
                while not self._taken.is_set():
                    await self._taken.wait()
                yield
        finally:
            self._in_turn -= 1
            self.resume()

    def pause(self) -> None:
        self._is_free = False

    def resume(self) -> None:
        """Those who wait may write again, one after the other, as long as everything is taken."""
        self._is_free = not self._in_turn and self._taken.is_set() and not self._has_ended
        while self._waiting and self._is_free and not self._transport.is_closing():
            waiter = next(iter(self._waiting))
            del self._waiting[waiter]
            try:
                waiter.resume()
            except Exception:  # whatever it missed, its client hears of it when it comes back
                _LOG.exception("A waiter for this socket could not go on")
                # Not at once: the transport may be in the midst of something.
                asyncio.get_running_loop().call_soon(self._transport.abort)

    def end(self) -> None:
        """Nothing is written after a close frame, or when nobody is there to write."""
        self._has_ended = True
        self._is_free = False

    def _is_over(self) -> bool:
        return self._has_ended or self._transport.is_closing()

    def _write(self, head: bytes, body: bytes) -> None:
        start = _start_of_text(len(head) + len(body))
        if self._descriptor is None or len(body) >= JOINED_BYTES:
            self._transport.writelines((start + head, body))
            return
        self._push(self._descriptor, b"".join((start, head, body)))

    def _push(self, descriptor: int, message: bytes) -> None:
        """To the kernel, while the transport holds nothing back."""
        try:
            taken = os.write(descriptor, message)
        except OSError:  # there is no room; or the connection is broken, which the transport will find too
            taken = 0
        if taken < len(message):
            self._transport.write(message[taken:])


def _descriptor_of(transport: asyncio.Transport) -> int | None:
    """None where what is written is not what goes over the wire."""
    connection = transport.get_extra_info("socket")
    is_plain = transport.get_extra_info("sslcontext") is None
    return connection.fileno() if is_plain and connection is not None else None


@lru_cache(maxsize=4096)
def _start_of_text(size: int) -> bytes:
    if size < 126:
        return bytes((0x81, size))
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")
