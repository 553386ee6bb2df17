"""Clients that do what comes to their mind while jobs change: none sees a job go back, all see its end."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.graphql_ws import QUERY, Socket
from tests.support.live_api import LiveApi
from tests.support.live_jobs import ALL, JOB, LiveJob

CLIENTS = 20
SECONDS = 8.0
IDS = itertools.count(1)


@dataclass
class Operation:
    """What one subscription was told: of each job, how far it was."""

    job_id: str | None  # None follows all
    seen: dict[str, float] = field(default_factory=dict)
    cursor: str | None = None

    def take(self, update: dict[str, Any]) -> None:
        job_id = self.job_id or update["job"]["id"]
        assert update["progress"] > self.seen.get(job_id, -1.0), (self.job_id, self.seen, update)
        self.seen[job_id] = update["progress"]
        self.cursor = update["cursor"]


@dataclass
class Client:
    live: LiveApi
    jobs: list[LiveJob]
    rng: random.Random
    running: dict[str, Operation] = field(default_factory=dict)
    left: Operation | None = None  # to be gone on with from its cursor
    told: int = 0

    async def act_until(self, over: asyncio.Event) -> None:
        """Over one connection after the other; some end without a word."""
        while not over.is_set():
            self.running.clear()
            async with self.live.socket(max_queue=self.rng.choice([1, 16, None])) as connection:
                for _ in range(self.rng.randrange(1, 40)):
                    await self._act(connection)
                if self.running:
                    self.left = self.rng.choice(list(self.running.values()))
                if self.rng.random() < 0.5:
                    connection.connection.transport.abort()

    async def _act(self, connection: Socket) -> None:
        deed = self.rng.choice(["begin", "begin", "leave", "read", "read", "read", "ask", "wait", "ping"])
        if deed == "begin" and len(self.running) < 10:
            await self._begin(connection)
        elif deed == "leave" and self.running:
            id = self.rng.choice(list(self.running))
            del self.running[id]
            await connection.send({"type": "complete", "id": id})
        elif deed == "read":
            await self._read(connection, self.rng.randrange(20))
        elif deed == "ask":
            await connection.subscribe(QUERY, f"query {next(IDS)}")
        elif deed == "wait":
            await asyncio.sleep(self.rng.choice([0.0, 0.01, 0.1]))
        elif deed == "ping":
            await connection.send({"type": "ping"})

    async def _begin(self, connection: Socket) -> None:
        if self.left is not None and self.rng.random() < 0.5:
            operation, self.left = self.left, None
        else:
            operation = Operation(self.rng.choice([*(job.id for job in self.jobs), None]))
        await self._subscribe(connection, operation)

    async def _subscribe(self, connection: Socket, operation: Operation) -> None:
        id = f"live {next(IDS)}"
        self.running[id] = operation
        variables = {} if operation.job_id is None else {"id": operation.job_id}
        query = ALL if operation.job_id is None else JOB
        await connection.subscribe(query, id, after=operation.cursor, **variables)

    async def _read(self, connection: Socket, most: int) -> None:
        patience = self.rng.choice([0.02, 0.5])
        for _ in range(most):
            try:
                self.take(await connection.receive(patience))
            except TimeoutError:
                return

    def take(self, frame: dict[str, Any]) -> None:
        operation = self.running.get(frame.get("id", ""))
        if operation is None:  # a pong, a query's, or of one that was left
            return
        if frame["type"] == "complete":
            del self.running[frame["id"]]
            return
        assert frame["type"] == "next", frame
        (update,) = frame["payload"]["data"].values()
        operation.take(update)
        self.told += 1

    async def follow_to_the_end(self, ready: asyncio.Barrier) -> None:
        """One of each job, from wherever this client was."""
        async with self.live.socket() as connection:
            self.running.clear()
            for job in self.jobs:
                await self._subscribe(connection, Operation(job.id))
            await ready.wait()
            kept = list(self.running.values())
            while self.running:
                self.take(await connection.receive())
        assert [operation.seen[str(operation.job_id)] for operation in kept] == [100.0] * len(self.jobs)


@pytest.mark.slow
async def test_nobody_sees_a_job_go_back_and_everybody_its_end(live: LiveApi, rng: random.Random) -> None:
    jobs = [await live.job() for _ in range(3)]
    clients = [Client(live, jobs, random.Random(rng.random())) for _ in range(CLIENTS)]
    over = asyncio.Event()
    acting = [asyncio.create_task(client.act_until(over)) for client in clients]
    ends, number = time.monotonic() + SECONDS, 0
    while time.monotonic() < ends:
        number += 1
        for job in jobs:
            await job.report(number / 100)
        await asyncio.sleep(rng.choice([0.0, 0.0, 0.01, 0.05]))
    over.set()
    await asyncio.gather(*acting)
    assert sum(client.told for client in clients) > CLIENTS
    ready = asyncio.Barrier(CLIENTS + 1)
    following = [asyncio.create_task(client.follow_to_the_end(ready)) for client in clients]
    await ready.wait()
    for job in jobs:
        await job.complete()
    async with asyncio.timeout(60):
        await asyncio.gather(*following)
