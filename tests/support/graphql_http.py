"""A client for GraphQL over HTTP: operations, uploads and what came of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson

PREFLIGHT = {"GraphQL-Require-Preflight": "1"}
UPLOAD = (
    "mutation ($file: Upload!) { uploadAsset(file: $file) { id kind filename size sha256 url duration } }"
)


class Failed(AssertionError):
    """An operation answered with errors; the first one's parts are at hand."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors
        self.message: str = errors[0]["message"]
        extensions = errors[0].get("extensions", {})
        self.code: str | None = extensions.get("code")
        self.field: str | None = extensions.get("field")


class Api:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    @property
    def base_url(self) -> str:
        return str(self.client.base_url).rstrip("/")

    async def post(self, body: Any, **options: Any) -> httpx.Response:
        return await self.client.post("/graphql", json=body, **options)

    async def run(self, query: str, **variables: Any) -> Any:
        """The data. Raises Failed."""
        return data_of(await self.post({"query": query, "variables": variables}))

    async def refusal(self, query: str, **variables: Any) -> Failed:
        """What an operation that must fail says."""
        try:
            data = await self.run(query, **variables)
        except Failed as failure:
            return failure
        raise AssertionError(f"it was accepted: {data}")

    async def upload(
        self, name: str, content: Any, headers: dict[str, str] | None = None, query: str = UPLOAD
    ) -> httpx.Response:
        operations = orjson.dumps({"query": query, "variables": {"file": None}})
        return await self.client.post(
            "/graphql",
            data={"operations": operations, "map": '{"0": ["variables.file"]}'},
            files={"0": (name, content, "application/octet-stream")},
            headers=PREFLIGHT if headers is None else headers,
        )


def data_of(response: httpx.Response) -> Any:
    answer = response.json()
    if answer.get("errors"):
        raise Failed(answer["errors"])
    return answer["data"]


@asynccontextmanager
async def api(base_url: str) -> AsyncIterator[Api]:
    # To read the certificates of the world takes a client longer than most tests take.
    async with httpx.AsyncClient(base_url=base_url, timeout=30, verify=False) as client:
        yield Api(client)
