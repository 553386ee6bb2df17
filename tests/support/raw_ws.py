"""A WebSocket client that can be rude: it reads and answers pings only when told, and may vanish."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from tests.support.fault_proxy import NO_LINGER
from tests.support.graphql_ws import PROTOCOL, subscribe_frame

CHUNK = 65_536
KERNEL_BYTES = 4_096  # of a client that is to be full soon: what waits then, waits at the server
NO_MASK = b"\0\0\0\0"  # in a frame that a test writes by hand


class RawSocket:
    def __init__(self, connection: socket.socket, protocol: ClientProtocol) -> None:
        self.connection = connection
        self.protocol = protocol
        self.answers = True
        self.pings = 0
        self.bytes_read = 0
        self.is_over = False  # the server ended the connection
        self._frames: list[Frame] = []

    async def send(self, frame: Any) -> None:
        """One JSON text frame."""
        self.protocol.send_text(orjson.dumps(frame))
        await self._flush()

    async def send_bytes(self, data: bytes) -> None:
        """Whatever that is on the wire."""
        await asyncio.get_running_loop().sock_sendall(self.connection, data)

    async def read(self, seconds: float = 20.0) -> Frame | None:
        """The next frame that is no ping; None where the connection ended. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                while self._frames:
                    frame = self._frames.pop(0)
                    if frame.opcode is not Opcode.PING:
                        return frame
                    self.pings += 1
                if self.is_over:
                    return None
                await self._more()

    async def read_some(self, most_bytes: int) -> Frame | None:
        """So many bytes at most, and the next frame, if there is one that is whole."""
        if not self._frames:
            await self._more(most_bytes)
        return self._frames.pop(0) if self._frames else None

    async def json(self, seconds: float = 20.0) -> Any:
        frame = await self.read(seconds)
        assert frame is not None, "the connection ended"
        assert frame.opcode is Opcode.TEXT, frame
        return orjson.loads(frame.data)

    async def begin(self) -> None:
        await self.send({"type": "connection_init"})
        assert (await self.json())["type"] == "connection_ack"

    async def subscribe(self, id: str, query: str, /, **variables: Any) -> None:
        await self.send(subscribe_frame(id, query, **variables))

    async def send_close(self) -> None:
        """The close frame; the connection stays until the server ends it."""
        self.protocol.send_close(1000)
        await self._flush()

    async def reset(self) -> None:
        """Without a word."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.connection.close()

    async def close_code(self, seconds: float = 20.0) -> int | None:
        """Read to the end: the code of the close frame, None where there was none."""
        code = None
        while (frame := await self.read(seconds)) is not None:
            if frame.opcode is Opcode.CLOSE:
                code = int.from_bytes(frame.data[:2], "big")
        return code

    async def _more(self, most_bytes: int = CHUNK) -> None:
        try:
            data = await asyncio.get_running_loop().sock_recv(self.connection, most_bytes)
        except ConnectionError:
            data = b""
        self.is_over = not data
        self.bytes_read += len(data)
        self.protocol.receive_data(data) if data else self.protocol.receive_eof()
        self._frames += [event for event in self.protocol.events_received() if isinstance(event, Frame)]
        if self.answers and data:
            await self._flush()

    async def _flush(self) -> None:
        data = b"".join(self.protocol.data_to_send())
        if data:
            await self.send_bytes(data)


@asynccontextmanager
async def raw_socket(
    base_url: str, path: str, subprotocol: str | None = None, *, receive_bytes: int | None = None
) -> AsyncIterator[RawSocket]:
    """An open WebSocket whose kernel buffer takes about `receive_bytes`."""
    parts = urlsplit(base_url)
    connection = socket.socket()
    try:
        if receive_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (parts.hostname, parts.port))
        wanted = [Subprotocol(subprotocol)] if subprotocol else None
        address = parse_uri(f"ws://{parts.netloc}{path}")
        protocol = ClientProtocol(address, subprotocols=wanted, max_size=None)
        protocol.send_request(protocol.connect())
        client = RawSocket(connection, protocol)
        await client._flush()
        while True:
            protocol.receive_data(await asyncio.get_running_loop().sock_recv(connection, CHUNK))
            events = protocol.events_received()
            if events:
                break
        assert isinstance(events[0], Response), events
        assert events[0].status_code == 101, events[0]
        client._frames += [event for event in events[1:] if isinstance(event, Frame)]
        yield client
    finally:
        connection.close()


@asynccontextmanager
async def begun(base_url: str, receive_bytes: int | None = None) -> AsyncIterator[RawSocket]:
    """One for GraphQL, past its `connection_ack`."""
    async with raw_socket(base_url, "/graphql", PROTOCOL, receive_bytes=receive_bytes) as client:
        await client.begin()
        yield client
