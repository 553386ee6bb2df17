"""A TCP proxy that spoils what passes through it: late, lost, cut off, or in one direction only.

    async with FaultProxy.before(redis_url) as proxy:
        use(proxy.url)
        proxy.blackhole()   # from now on nothing passes and nobody is told
        proxy.heal()
        caught = proxy.trap(b"COMMIT;", delivers=False)   # a blackhole that begins with the next commit

A fault holds for connections that are open and for those that come. A blackhole keeps what it swallows: after
`heal` it is delivered, as a network does that retransmits; `reset` cuts with RST, `half_close` ends one
direction with FIN.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

CHUNK = 65536
NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class _Trap:
    marker: bytes
    delivers: bool
    caught: asyncio.Event


class FaultProxy:
    """Between clients, who connect to `port` on loopback, and one server."""

    def __init__(self, url: str) -> None:
        self._upstream = url
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self._delay_seconds = 0.0
        self._refuses = False
        self._trap: _Trap | None = None

    @classmethod
    @asynccontextmanager
    async def before(cls, url: str, port: int = 0) -> AsyncIterator[FaultProxy]:
        """A proxy before the server of a postgresql://, redis://, unix:// or http:// URL; port 0 is any."""
        proxy = cls(url)
        proxy._server = await asyncio.start_server(proxy._serve, "127.0.0.1", port)
        try:
            yield proxy
        finally:
            proxy._server.close()
            proxy.heal()
            for link in list(proxy._links):
                link.end()
            await proxy._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """The URL given, with the proxy in the place of its server."""
        parts = urlsplit(self._upstream)
        if parts.scheme == "unix":
            return f"redis://127.0.0.1:{self.port}/{parse_qs(parts.query).get('db', ['0'])[0]}"
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        query = f"?{parts.query}" if parts.query and not _socket_folder(self._upstream) else ""
        return f"{parts.scheme}://{user}127.0.0.1:{self.port}{parts.path}{query}"

    @property
    def connections(self) -> int:
        return len(self._links)

    def delay(self, seconds: float) -> None:
        """Every piece comes so much later, in both directions."""
        self._delay_seconds = seconds

    def blackhole(self) -> None:
        """Nothing passes any more; new connections are accepted and never answered."""
        self._passes.clear()

    def trap(self, marker: bytes, *, delivers: bool) -> asyncio.Event:
        """Begin a blackhole at the next piece that holds the marker; the event says that it has begun.

        `delivers`: that piece itself still arrives, only what answers it does not.
        """
        self._trap = _Trap(marker, delivers, asyncio.Event())
        return self._trap.caught

    def reset(self) -> None:
        """Cut every open connection with RST. New ones are served."""
        for link in list(self._links):
            link.reset()

    def half_close(self) -> None:
        """End the direction from the server to the client; what the client says still arrives."""
        for link in list(self._links):
            link.half_close()

    def refuse(self) -> None:
        """Reset every open connection, and each new one at once."""
        self._refuses = True
        self.reset()

    def heal(self) -> None:
        """Pass everything on again."""
        self._delay_seconds = 0.0
        self._refuses = False
        self._trap = None
        self._passes.set()

    async def carry(self, piece: bytes, writer: asyncio.StreamWriter) -> None:
        """Pass one piece on, as the present fault has it."""
        if self._trap is not None and self._trap.marker in piece:
            trap, self._trap = self._trap, None
            self.blackhole()
            trap.caught.set()
            if trap.delivers:
                writer.write(piece)
                await writer.drain()
                return
        if self._delay_seconds:
            await asyncio.sleep(self._delay_seconds)
        await self._passes.wait()
        writer.write(piece)
        await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, reader, writer)
        self._links.add(link)
        try:
            if self._refuses:
                link.reset()
                return
            await self._passes.wait()
            await link.join(self._upstream)
        except OSError:
            link.reset()
        finally:
            self._links.discard(link)


class _Link:
    """One client's connection and its own to the server."""

    def __init__(self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._upstream: asyncio.StreamWriter | None = None

    async def join(self, url: str) -> None:
        """Carry bytes both ways until one side ends."""
        from_server, self._upstream = await _connect(url)
        ways = [
            asyncio.create_task(self._carry(self._reader, self._upstream)),
            asyncio.create_task(self._carry(from_server, self._writer)),
        ]
        try:
            await asyncio.gather(*ways)
        finally:
            for way in ways:
                way.cancel()
            self.end()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(CHUNK):
                await self._proxy.carry(piece, writer)
            await self._proxy.carry(b"", writer)  # the end passes no sooner than a piece would
            if writer.can_write_eof():
                writer.write_eof()

    def end(self) -> None:
        for writer in (self._writer, self._upstream):
            if writer is not None:
                writer.close()

    def reset(self) -> None:
        """RST to the client; the server sees its peer go."""
        plug: socket.socket | None = self._writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            if plug is not None:  # under uvloop, of one that is closed already
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._writer.transport.abort()
        if self._upstream is not None:
            self._upstream.transport.abort()

    def half_close(self) -> None:
        with contextlib.suppress(OSError):
            self._writer.write_eof()


def _socket_folder(url: str) -> str | None:
    """Where PostgreSQL's unix socket lies, for a URL that says so."""
    return parse_qs(urlsplit(url).query).get("host", [None])[0]


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return await asyncio.open_unix_connection(parts.path)
    if folder := _socket_folder(url):
        return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
    ports = {"redis": 6379, "postgresql": 5432, "http": 80}
    return await asyncio.open_connection(parts.hostname, parts.port or ports[parts.scheme])
