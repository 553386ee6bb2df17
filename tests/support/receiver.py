"""A receiver of webhooks on this machine: a plain socket server, so that it can behave as badly as it likes.

    async with Receiver.open() as receiver:
        receiver.answers = [status(500), hangs, status(200)]  # in turn; the last one stays

It checks every signature by an implementation of its own, written from the published scheme.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

SECRET = "a secret of sixteen characters and more".replace(" ", "-")
Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Call:
    """One request; `at` is the receiver's monotonic clock."""

    line: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    @property
    def job(self) -> str:
        return str(self.told["data"]["job"])

    def signatures(self, key: bytes) -> list[bool]:
        """Whether each signature of the header is that of this key."""
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode("ascii") + self.body
        right = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
        return [given == right for given in self.headers["webhook-signature"].split(" ")]


def status(code: int, *headers: str, body: bytes = b"") -> Behaviour:
    async def answer(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {code} So", f"content-length: {len(body)}", "connection: close", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    return answer


def after(seconds: float, then: Behaviour) -> Behaviour:
    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await then(writer)

    return answer


async def hangs(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def resets(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def breaks_off(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 2")


async def talks_nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")


async def never_stops_talking(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def drips(writer: asyncio.StreamWriter) -> None:
    """The status at once, then a byte now and then."""
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\nx\r\n")
        await writer.drain()
        await asyncio.sleep(0.2)


class Receiver:
    """Use `open`. `calls` are the requests that came in whole; `most_at_once` counts those under way."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: Sequence[Behaviour] = [status(204)]
        self.of_path: dict[str, Behaviour] = {}
        self.connections = 0
        self.most_at_once = 0
        self._at_once = 0
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0
    ) -> AsyncIterator[Self]:
        receiver = cls()
        server = await asyncio.start_server(receiver._serve, host, port, ssl=tls)
        receiver.port = server.sockets[0].getsockname()[1]
        try:
            yield receiver
        finally:
            server.close()
            for task in receiver._tasks:
                task.cancel()
            await asyncio.gather(*receiver._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/told"

    async def heard(self, number: int = 1, seconds: float = 30.0) -> list[Call]:
        """The calls, once there are so many."""
        async with asyncio.timeout(seconds):
            while len(self.calls) < number:
                self._changed.clear()
                await self._changed.wait()
        return self.calls

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            call = await _read(reader)
            answer = self.of_path.get(call.line.split(" ")[1]) or self._next()
            self.calls.append(call)
            self._changed.set()
            await answer(writer)
        except (OSError, EOFError, asyncio.CancelledError):
            return
        finally:
            self._at_once -= 1
            self._tasks.discard(task)
            writer.close()

    def _next(self) -> Behaviour:
        return self.answers[min(len(self.calls), len(self.answers) - 1)]


async def _read(reader: asyncio.StreamReader) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in rest)}
    return Call(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
