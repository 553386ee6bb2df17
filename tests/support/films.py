"""Films asked of a running API. Workers of tests note them instead of making them: hundreds cost little."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx

from tests.support.graphql_http import Api

MAKE = "mutation { createParticleSystem(input: {particleType: SNOW, config: {duration: 1}}) { id } }"
ASK = """mutation ($id: ID!, $input: RenderInput, $options: JobOptions) {
  renderParticleSystem(id: $id, input: $input, options: $options) { id status } }"""
READ = "query ($id: ID!) { job(id: $id) { id status progress } }"


class Films:
    """One system, and a client that renders it. Every answer with errors raises `Failed`."""

    def __init__(self, api: Api, system_id: str) -> None:
        self.api = api
        self.system_id = system_id

    async def ask(self, key: str | None = None, **input: Any) -> UUID:
        """The job; `input` is RenderInput's."""
        options = {"idempotencyKey": key}
        data = await self.api.run(ASK, id=self.system_id, input=input, options=options)
        return UUID(data["renderParticleSystem"]["id"])

    async def read(self, job_id: UUID) -> str:
        """Its status."""
        status: str = (await self.api.run(READ, id=str(job_id)))["job"]["status"]
        return status


@asynccontextmanager
async def films(base_url: str, system_id: str | None = None, connections: int = 100) -> AsyncIterator[Films]:
    """A client of one API process; of a new system where none is given."""
    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(base_url=base_url, timeout=30, limits=limits) as client:
        api = Api(client)
        if system_id is None:
            system_id = (await api.run(MAKE))["createParticleSystem"]["id"]
        assert system_id is not None
        yield Films(api, system_id)
