"""One WebSocket as the server holds it: whatever its client does, it costs little and it ends.

uvicorn's own protocol writes without looking at what was taken, and closes politely: a close waits until
everything written was read. Here

- a send waits until the client has taken what was sent before, so what waits for a client that stopped
  reading is one message, and its subscription goes on with the newest state when it reads again. The kernel
  holds back no more than `UNSENT_BYTES` besides what travels;
- a client that answers no ping of `app.pings` in time is let go at once, or where something waits for it, one
  that takes nothing of it for `STALLED_SECONDS`: on a slow line a ping comes after what was sent before. Who
  vanished without a word is found within a minute, whether something began to wait meanwhile or not;
- a server that stops gives nobody longer than `LEAVE_SECONDS` to take the close frame.

What is written, and in which order, is its `app.outlets.Outlet`.

The hooks are those of uvicorn's pinned version; `tests/api/test_socket_wire.py` holds it to them.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio.transports import BaseTransport
from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from app.outlets import OUTLET, Outlet
from app.pings import PingRounds
from app.received import Received

STALLED_SECONDS = 15.0  # looked at so often: it is twice that at most
LEAVE_SECONDS = 1.0
UNSENT_BYTES = 16 * 1024
MOST_FRAGMENTS = 1_000
_PING = bytes((0x89, 4))  # the head of a ping with four bytes
_TCP_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)


class BoundedSocket(WebSocketsSansIOProtocol):
    _given_up: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, pings: PingRounds, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue = Received()  # type: ignore[assignment]
        self._pings = pings
        self._pong = b""

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=0)  # `pause_writing` comes with the first byte not taken
        connection = self.transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        self.outlet = Outlet(self.transport, taken=self.writable)
        if self.transport.get_write_buffer_size():  # of an answer before the handshake: nothing overtakes it
            self.writable.clear()
            self.outlet.pause()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][OUTLET] = self.outlet  # type: ignore[assignment]

    async def send(self, message: ASGISendEvent) -> None:
        async with self.outlet.turn():
            if self.handshake_complete and self.transport.is_closing():
                raise ClientDisconnected
            await super().send(message)
            if self.close_sent:
                self.outlet.end()
        if message["type"] == "websocket.accept":
            self._forget_handshake()

    def _forget_handshake(self) -> None:
        """The application has its own copy of the request's headers, and these would stay to the end."""
        self.request.headers.clear()
        self.response.headers.clear()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.outlet.pause()
        self._look_again(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_looking()
        if self.pending_ping_payload is not None:
            self._await_pong()
        if self._pong and not self.close_sent and not self.transport.is_closing():
            pong, self._pong = self._pong, b""
            self.transport.write(pong)
        self.outlet.resume()

    def start_keepalive(self) -> None:
        self._pings.join(self)

    def stop_keepalive(self) -> None:
        self._pings.leave(self)
        super().stop_keepalive()

    def ask(self, payload: bytes, at: float) -> None:
        """Not again while an answer is due: it would put off the end of the time for it."""
        if self.pending_ping_payload is None and not self.close_sent and not self.transport.is_closing():
            self.pending_ping_payload, self.ping_sent_at = payload, at
            self.outlet.write_between(_PING + payload)

    def judge(self, asked_by: float) -> None:
        # What began to wait after the ping left has a timer of its own.
        is_due = self.pending_ping_payload is not None and self.pong_timer is None
        if is_due and self.ping_sent_at <= asked_by:
            self.keepalive_timeout()

    def handle_pong(self, event: Frame) -> None:
        if self.pending_ping_payload is not None and event.data == self.pending_ping_payload:
            self.pending_ping_payload = None
            self._stop_awaiting()

    def keepalive_timeout(self) -> None:
        """Only where the ping has left: behind what waits nobody could answer it, and `_give_up` decides."""
        if self.writable.is_set():
            super().keepalive_timeout()
            self.transport.abort()
        else:
            self._await_pong()

    def _await_pong(self) -> None:
        """From now on."""
        self._stop_awaiting()
        self.pong_timer = self.loop.call_later(self._pings.timeout_seconds, self.keepalive_timeout)

    def _stop_awaiting(self) -> None:
        if self.pong_timer is not None:
            self.pong_timer.cancel()
            self.pong_timer = None

    def shutdown(self) -> None:
        super().shutdown()
        self.loop.call_later(LEAVE_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_looking()
        super().connection_lost(exc)

    def handle_ping(self) -> None:
        """Of the pings that came while something waits only the newest is answered, as RFC 6455 allows."""
        pong = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(pong)
        else:
            self._pong = pong

    def handle_cont(self, event: Frame) -> None:
        """Empty fragments weigh nothing by the limit of a message, and are kept one by one."""
        super().handle_cont(event)
        if len(self.frames) > MOST_FRAGMENTS:
            self.frames = [b"".join(self.frames)]

    def send_receive_event_to_app(self) -> None:
        """Text that is none is the client's mistake and not worth a traceback.

        Where its close came in the same segment, that is answered, and nothing is left to say.
        """
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_text(self.frames):
            self.frames = []
            if self.conn.close_sent is None:
                self.conn.send_close(1007)
                self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    def _look_again(self, left: int) -> None:
        self._stop_looking()
        self._given_up = self.loop.call_later(STALLED_SECONDS, self._give_up, left)

    def _stop_looking(self) -> None:
        if self._given_up is not None:
            self._given_up.cancel()
            self._given_up = None

    def _give_up(self, left: int) -> None:
        """Unless less is left than then: a large answer on a slow line takes its time."""
        now = self.transport.get_write_buffer_size()
        if now < left:
            self._look_again(now)
        else:
            self.transport.abort()


def _is_text(fragments: list[bytes]) -> bool:
    try:
        b"".join(fragments).decode()
    except UnicodeDecodeError:
        return False
    return True
