"""A client of the public API: GraphQL over HTTP, uploads as multipart, updates over graphql-transport-ws."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiofiles
import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from app.demo.errors import DemoError

PROTOCOL = Subprotocol("graphql-transport-ws")
REQUEST_SECONDS = 120.0
RECONNECTS = 5


class Api:
    """One server's API. Every method raises DemoError with the server's own sentence."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Without the environment: a proxy is of no use on the way to this very machine.
        self._http = httpx.AsyncClient(base_url=url, timeout=REQUEST_SECONDS, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def is_ready(self) -> bool:
        """True once a job would run now."""
        try:
            return (await self._http.get("/ready")).status_code == httpx.codes.OK
        except httpx.HTTPError as error:
            raise DemoError(f"The server went away ({error}).") from error

    async def run(self, document: str, **variables: Any) -> Any:
        return await self._posted(json={"query": document, "variables": variables})

    async def upload(self, document: str, path: Path) -> Any:
        """Run an operation whose variable `file` is the file (GraphQL multipart request specification)."""
        operations = {"query": document, "variables": {"file": None}}
        with path.open("rb") as file:
            return await self._posted(
                data={"operations": json.dumps(operations), "map": json.dumps({"0": ["variables.file"]})},
                files={"0": (path.name, file)},
                headers={"GraphQL-Require-Preflight": "1"},
            )

    async def _posted(self, **request: Any) -> Any:
        try:
            answer = await self._http.post("/graphql", **request)
            body = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise DemoError(f"The server did not answer the request ({error}).") from error
        return _data(body)

    async def download(self, url: str, path: Path) -> None:
        try:
            async with self._http.stream("GET", url) as answer:
                answer.raise_for_status()
                async with aiofiles.open(path, "wb") as file:
                    async for block in answer.aiter_bytes(1 << 20):
                        await file.write(block)
        except httpx.HTTPError as error:
            raise DemoError(f"The video could not be fetched ({error}).") from error
        except OSError as error:
            raise DemoError(f"The video could not be saved in {path.parent} ({error.strerror}).") from error

    async def updates(self, document: str, field: str, **variables: Any) -> AsyncIterator[Any]:
        """What a subscription yields until it ends; a lost connection is taken up again where it broke."""
        cursor: str | None = None
        for attempt in range(RECONNECTS):
            try:
                async with aclosing(self._subscribed(document, {**variables, "after": cursor})) as events:
                    async for data in events:
                        cursor = data[field]["cursor"]
                        yield data[field]
                return
            except (ConnectionClosed, InvalidHandshake, OSError):
                await asyncio.sleep(0.2 * 2**attempt)
        raise DemoError("The connection to the server was lost.")

    async def _subscribed(self, document: str, variables: dict[str, Any]) -> AsyncGenerator[Any]:
        address = self.url.replace("http", "ws", 1) + "/graphql"
        async with connect(address, subprotocols=[PROTOCOL], proxy=None, max_size=None) as socket:
            await _send(socket, {"type": "connection_init"})
            await _send(
                socket,
                {"id": "1", "type": "subscribe", "payload": {"query": document, "variables": variables}},
            )
            async for text in socket:
                message = json.loads(text)
                match message["type"]:
                    case "next":
                        yield _data(message["payload"])
                    case "error":
                        raise DemoError(_sentence(message["payload"]))
                    case "complete":
                        return
                    case "ping":
                        await _send(socket, {"type": "pong"})
            raise ConnectionResetError("the server closed the connection before the subscription ended")


async def _send(socket: ClientConnection, message: dict[str, Any]) -> None:
    await socket.send(json.dumps(message))


def _data(body: Any) -> Any:
    if body.get("errors"):
        raise DemoError(_sentence(body["errors"]))
    return body["data"]


def _sentence(errors: list[dict[str, Any]]) -> str:
    return str(errors[0]["message"]).rstrip(".") + "."
