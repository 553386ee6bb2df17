"""Many subscribed sockets in a process of their own, `bench.sockets`, and what arrived at them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.python_server import ROOT

QUERY = "subscription ($id: ID!) { jobUpdates(id: $id) { status progress message at } }"


@dataclass(frozen=True)
class Sockets:
    """What the client process saw: delays in milliseconds, sockets at the start and at the end."""

    connected: int
    at_the_end: int
    processor_seconds: float  # of its own
    delays: list[float]


@dataclass(frozen=True)
class Subscribers:
    """`finish` takes when each event was told, by its number, and ends them."""

    connected: int
    finish: Callable[[Mapping[int, int]], Awaitable[Sockets]]


@asynccontextmanager
async def subscribed(port: int, job_id: str, wanted: int, folder: Path) -> AsyncIterator[Subscribers]:
    """As many as could subscribe; all have had the first message, the job as it was then."""
    arrivals = folder / "arrivals"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.sockets",
        str(port),
        str(wanted),
        str(arrivals),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    asking, answers = process.stdin, process.stdout
    if asking is None or answers is None:
        raise RuntimeError("no pipes")
    asking.write(json.dumps({"query": QUERY, "variables": {"id": job_id}}).encode() + b"\n")
    count = int(await answers.readline())

    async def finish(told: Mapping[int, int]) -> Sockets:
        asking.close()
        left, used = json.loads(await answers.readline())
        return Sockets(count, left, used, delays(array("q", arrivals.read_bytes()), told))

    try:
        yield Subscribers(count, finish)
    finally:
        asking.close()
        await process.wait()


def delays(arrived: array[int], told: Mapping[int, int]) -> list[float]:
    """Milliseconds from the telling to each arrival; `arrived` is number and nanoseconds in turn."""
    return [
        (at - told[number]) / 1e6
        for number, at in zip(arrived[::2], arrived[1::2], strict=True)
        if number in told
    ]
