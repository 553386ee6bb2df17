"""What the rows tell of who held which job when. Times are Unix seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from db import sql


@dataclass(frozen=True)
class Claim:
    """One claim of a job by a worker process; `crashes` are those before it."""

    job_id: UUID
    epoch: int
    crashes: int


@dataclass(frozen=True)
class Attempt:
    epoch: int
    outcome: str | None
    pid: int
    started_at: float
    ended_at: float | None


_HELD = """SELECT id, epoch, crashes FROM jobs WHERE state = 'PROCESSING' AND worker LIKE $1"""
_TAKEN = "SELECT job_id, epoch FROM job_attempts WHERE worker LIKE $1"
_ATTEMPTS = """SELECT epoch, outcome, worker, extract(epoch FROM started_at)::float8 AS started,
  extract(epoch FROM ended_at)::float8 AS ended FROM job_attempts WHERE job_id = $1 ORDER BY epoch"""


async def held_by(pid: int) -> list[Claim]:
    """What a worker process holds by its claims."""
    rows = await sql.rows(_HELD, f"%-{pid}-%")
    return [Claim(row["id"], row["epoch"], row["crashes"]) for row in rows]


async def claims_of(pid: int) -> list[tuple[UUID, int]]:
    """(job, epoch) of every run that a worker process ever had."""
    rows = await sql.rows(_TAKEN, f"%-{pid}-%")
    return [(row["job_id"], row["epoch"]) for row in rows]


async def attempts_of(job_id: UUID) -> list[Attempt]:
    """Every claim of a job, in order."""
    return [
        Attempt(row["epoch"], row["outcome"], int(row["worker"].split("-")[-2]), row["started"], row["ended"])
        for row in await sql.rows(_ATTEMPTS, job_id)
    ]


async def claimed_again(claim: Claim) -> float | None:
    """When the next claim after this one was made; None where there is none."""
    later = [each for each in await attempts_of(claim.job_id) if each.epoch == claim.epoch + 1]
    return later[0].started_at if later else None


async def eventually(holds: Callable[[], Awaitable[bool]], seconds: float, what: str) -> float:
    """Wait until it holds; how long that took. Raises AssertionError with `what`."""
    began = time.monotonic()
    while not await holds():
        assert time.monotonic() - began < seconds, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def share(values: list[float], part: float) -> float:
    """The value that so large a part of all is no larger than: `share(waits, 0.99)`."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
