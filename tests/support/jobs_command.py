"""`starling jobs` as a process: run to its end, or watched."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

PLAIN = [sys.executable, "-P", "-m", "app.cli", "jobs"]
WITH_TEST_KINDS = [sys.executable, "-P", "-m", "tests.support.starling_with_test_kinds", "jobs"]


async def run(
    given: dict[str, str], *arguments: str, command: list[str] = PLAIN
) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run, [*command, *arguments], env=given, capture_output=True, text=True, timeout=60
    )


@asynccontextmanager
async def watching(given: dict[str, str], *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *WITH_TEST_KINDS,
        "watch",
        *arguments,
        env=given,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode()


async def object_where(
    process: asyncio.subprocess.Process, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    while text := await line(process):
        found: dict[str, Any] = json.loads(text)
        if holds(found):
            return found
    raise AssertionError("the output ended before")
