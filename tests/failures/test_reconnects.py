"""Whoever comes back with a cursor misses nothing and hears nothing twice, wherever they were cut."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from db import job_moves, sql
from domain.accounts import Viewer
from domain.ports import Services
from tests.support.fault_proxy import FaultProxy
from tests.support.figures import Figures
from tests.support.graphql_ws import socket
from tests.support.live_jobs import ALL, JOB, LEASE_SECONDS, STAGES, LiveJob, running, submitted
from tests.support.server import Server

JOBS = 6
CHANGES = 60  # of each job


@pytest.fixture
async def proxy(api: Server) -> AsyncIterator[FaultProxy]:
    async with FaultProxy.before(api.base_url) as before:
        yield before


@dataclass
class Follower:
    """Reads updates over connections that are cut, each time going on from the last cursor."""

    url: str
    query: str
    name: str
    variables: dict[str, Any] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0

    async def follow(self, cut_after: Iterator[int]) -> None:
        """Ends with the subscription; an ended connection is followed by the next."""
        while True:
            try:
                if await self._connection(next(cut_after)):
                    return
            except (ConnectionClosed, InvalidHandshake, OSError):
                continue

    async def _connection(self, most: int) -> bool:
        after = self.told[-1]["cursor"] if self.told else None
        async with socket(self.url, ping_interval=None) as client:
            self.connections += 1
            await client.subscribe(self.query, None, after=after, **self.variables)
            for _ in range(most):
                frame = await client.receive()
                if frame["type"] == "complete":
                    return True
                assert frame["type"] == "next", frame
                self.told.append(frame["payload"]["data"][self.name])
            client.connection.transport.abort()
        return False


def few_or_many(rng: random.Random) -> Iterator[int]:
    while True:
        yield rng.choice([0, 1, 1, 2, 5, 40, 400])


@asynccontextmanager
async def cut_now_and_then(proxy: FaultProxy, rng: random.Random) -> AsyncIterator[None]:
    async def cut() -> None:
        while True:
            await asyncio.sleep(rng.uniform(0.02, 0.4))
            proxy.reset()

    cutting = asyncio.create_task(cut())
    try:
        yield
    finally:
        cutting.cancel()


async def _events() -> list[tuple[str, str, float, str | None]]:
    rows = await sql.rows("SELECT job_id, state, progress, message FROM job_events ORDER BY job_id, version")
    return [(str(row["job_id"]), row["state"], row["progress"], row["message"]) for row in rows]


@pytest.mark.promise("P11")
@pytest.mark.timeout(180)
async def test_the_updates_of_one_job_are_its_log_whenever_the_connection_is_cut(
    proxy: FaultProxy, services: Services, viewer: Viewer, rng: random.Random, figures: Figures
) -> None:
    job = await submitted(viewer, services)
    followers = [Follower(proxy.url, JOB, "jobUpdates", {"id": job.id}) for _ in range(4)]
    following = [asyncio.create_task(one.follow(few_or_many(rng))) for one in followers]
    while not all(one.told for one in followers):
        await asyncio.sleep(0.01)
    async with cut_now_and_then(proxy, rng):
        await job.run()
        for number in range(CHANGES * 3):
            await job.report(number / 3, f"step {number}")
            await asyncio.sleep(rng.choice([0.0, 0.0, 0.02, 0.1]))
        await job.complete()
        async with asyncio.timeout(60):
            await asyncio.gather(*following)
    log = [event[1:] for event in await _events()]
    for one in followers:
        assert [(said["status"], said["progress"], said["message"]) for said in one.told] == log
    figures.note("P11", "cuts that one job's followers went on after", sum(f.connections for f in followers))


async def _report_slowly(url: str, job: LiveJob, progress: float, message: str, rng: random.Random) -> None:
    """In a transaction that has its number early and commits late."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_current_xact_id()")
            await asyncio.sleep(rng.uniform(0.0, 0.3))
            values = [
                job.row.id,
                job.row.epoch,
                LEASE_SECONDS,
                progress,
                message,
                orjson.dumps(STAGES).decode(),
                None,
            ]
            await connection.execute(job_moves._REPORT, *values)
            await asyncio.sleep(rng.uniform(0.0, 0.2))
    finally:
        await connection.close()
    await job.services.events.nudge("jobs")


async def _live(url: str, job: LiveJob, rng: random.Random) -> None:
    for number in range(CHANGES):
        if rng.random() < 0.15:
            await _report_slowly(url, job, float(number), f"slow {number}", rng)
        else:
            await job.report(float(number), f"step {number}")
        await asyncio.sleep(rng.choice([0.0, 0.01, 0.05]))
    await job.complete()


@pytest.mark.promise("P11")
@pytest.mark.timeout(180)
async def test_the_updates_of_all_jobs_are_the_log_though_transactions_commit_late(
    proxy: FaultProxy,
    services: Services,
    viewer: Viewer,
    database_url: str,
    rng: random.Random,
    figures: Figures,
) -> None:
    waiting = await submitted(viewer, services)
    await waiting.cancel(viewer)  # ended before anybody looked: nobody is told
    jobs = [await running(viewer, services) for _ in range(JOBS)]
    before = len(await _events())
    followers = [Follower(proxy.url, ALL, "allJobUpdates") for _ in range(3)]
    following = [asyncio.create_task(one.follow(few_or_many(rng))) for one in followers]
    while not all(one.told for one in followers):
        await asyncio.sleep(0.01)
    async with cut_now_and_then(proxy, rng):
        await asyncio.gather(*(_live(database_url, job, rng) for job in jobs))
        log = [event for event in await _events() if event[0] != waiting.id]
        wanted = len(log) - JOBS  # the first change of each was over when they began
        async with asyncio.timeout(60):
            while not all(len(one.told) >= wanted for one in followers):
                await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    assert before == 2 + 2 * JOBS
    seen = [event for event in log if event[1] != "PENDING"]
    for one in followers:
        told = [(said["job"]["id"], said["status"], said["progress"], said["message"]) for said in one.told]
        for job in jobs:
            assert [said for said in told if said[0] == job.id] == [e for e in seen if e[0] == job.id]
    figures.note("P11", "cuts that all jobs' followers went on after", sum(f.connections for f in followers))
