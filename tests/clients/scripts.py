"""Scripts of this folder, run by Node: told what to do and heard in lines of JSON.

`connected` begins one of those that are clients of live updates; a test of `both` is run with each.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.pages.install import npm_command
from tests.support.live_jobs import JOB, LiveJob

HERE = Path(__file__).resolve().parent
SECONDS = 20.0
LINE_BYTES = 2**20
both = pytest.mark.parametrize("client", ["graphql_ws", "urql"])


class Script:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._in, self._out = process.stdin, process.stdout

    async def do(self, deed: str, **given: Any) -> None:
        self._in.write(orjson.dumps({"do": deed, **given}) + b"\n")
        await self._in.drain()

    async def hears(self, seconds: float = SECONDS) -> dict[str, Any]:
        """What happened next; it must not have ended."""
        async with asyncio.timeout(seconds):
            line = await self._out.readline()
        assert line, f"it ended with {await self._process.wait()}"
        said: dict[str, Any] = orjson.loads(line)
        return said

    async def of(self, name: str) -> dict[str, Any]:
        """The next of one operation; what becomes of connections meanwhile is left out."""
        while "name" not in (said := await self.hears()):
            pass
        assert said["name"] == name, f"{said}, not {name}"
        return said

    async def update(self, name: str) -> Any:
        """The one field of the next result, which must be without errors."""
        said = await self.of(name)
        assert "errors" not in said.get("next", {"errors": None}), said
        (value,) = said["next"]["data"].values()
        return value

    async def result(self, name: str, query: str, **variables: Any) -> Any:
        """A query or a mutation, to its end."""
        await self.do("subscribe", name=name, query=query, variables=variables)
        value = await self.update(name)
        assert await self.of(name) == {"name": name, "complete": True}
        return value

    async def ends(self) -> list[dict[str, Any]]:
        """What it says besides, and no failure."""
        self._in.close()
        async with asyncio.timeout(SECONDS):
            rest = [orjson.loads(line) async for line in self._out]
            assert await self._process.wait() == 0
        return rest


@asynccontextmanager
async def script(name: str, **options: Any) -> AsyncIterator[Script]:
    """It ends with the block; `options` are what its client is made with."""
    node = npm_command()[0]
    process = await asyncio.create_subprocess_exec(
        node, str(HERE / f"{name}.mjs"), orjson.dumps(options), stdin=PIPE, stdout=PIPE, limit=LINE_BYTES
    )
    try:
        yield Script(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def connected(client: str, base_url: str, **options: Any) -> AsyncIterator[Script]:
    async with script(client, url=f"{base_url.replace('http', 'ws', 1)}/graphql", **options) as running:
        yield running


async def follow(client: Script, job: LiveJob, **options: Any) -> None:
    """Until it has the snapshot; the job runs."""
    await client.do("subscribe", name="job", query=JOB, variables={"id": job.id}, **options)
    assert (await client.update("job"))["status"] == "PROCESSING"


async def follows_to_the_end(client: Script, job: LiveJob, first: float) -> None:
    """Every change from here on, the first one to `first` per cent."""
    for progress in (first, first + 1, first + 2):
        await job.report(progress)
        assert (await client.update("job"))["progress"] == progress
    await job.complete()
    assert (await client.update("job"))["status"] == "COMPLETED"
    assert await client.of("job") == {"name": "job", "complete": True}
