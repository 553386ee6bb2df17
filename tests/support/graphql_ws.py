"""A client that speaks graphql-transport-ws and nothing more: frames in, frames out."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("graphql-transport-ws")
SECONDS = 20.0
WORK_SECONDS = 100.0  # between two updates of a job: on a new machine its child compiles kernels first
QUERY = "{ viewer { authMode } }"  # the smallest there is


def subscribe_frame(id: str, query: str, /, **variables: Any) -> dict[str, Any]:
    payload = {"query": query, "variables": variables}
    return {"type": "subscribe", "id": id, "payload": payload}


class Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._ids = itertools.count(1)

    async def send(self, frame: Any) -> None:
        await self.connection.send(orjson.dumps(frame).decode())

    async def receive(self, seconds: float = SECONDS) -> dict[str, Any]:
        """The next frame; pings of the server are answered and left out."""
        while True:
            frame = orjson.loads(await asyncio.wait_for(self.connection.recv(), seconds))
            if frame["type"] != "ping":
                assert isinstance(frame, dict)
                return frame
            await self.send({"type": "pong"})

    async def update(self, operation: str | None = None) -> Any:
        """What the next frame says in its one field: a `next`, and of that operation if one is named."""
        frame = await self.receive()
        assert frame["type"] == "next", frame
        assert operation in (None, frame["id"]), frame
        (value,) = frame["payload"]["data"].values()
        return value

    async def is_told_nothing(self) -> None:
        """Whatever was sent before the answer to this came before."""
        await self.send({"type": "ping"})
        assert await self.receive() == {"type": "pong"}

    async def begin(self) -> None:
        await self.send({"type": "connection_init"})
        assert (await self.receive())["type"] == "connection_ack"

    async def subscribe(self, query: str, operation: str | None = None, /, **variables: Any) -> str:
        """Begins an operation under that id, or a new one; returns the id."""
        chosen = operation or str(next(self._ids))
        await self.send(subscribe_frame(chosen, query, **variables))
        return chosen

    async def updates(self, query: str, /, **variables: Any) -> AsyncIterator[Any]:
        """The data of each `next` until `complete`; an `error` or errors in the data fail the test."""
        id = await self.subscribe(query, **variables)
        while (frame := await self.receive(WORK_SECONDS))["type"] != "complete":
            assert frame["id"] == id, frame
            assert frame["type"] == "next", frame
            assert "errors" not in frame["payload"], frame
            yield frame["payload"]["data"]

    async def closed(self, seconds: float = SECONDS) -> tuple[int, str]:
        """The code and the reason that the server closes with."""
        await asyncio.wait_for(self.connection.wait_closed(), seconds)
        return self.connection.close_code or 0, self.connection.close_reason or ""


@asynccontextmanager
async def socket(base_url: str, *, begun: bool = True, **options: Any) -> AsyncIterator[Socket]:
    address = f"{base_url.replace('http', 'ws', 1)}/graphql"
    async with connect(address, subprotocols=[PROTOCOL], **options) as connection:
        client = Socket(connection)
        if begun:
            await client.begin()
        yield client
