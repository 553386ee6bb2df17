"""Starling, arq and procrastinate as a submitter sees them: the same four calls of each.

Each is used as its own documentation shows it, with its defaults. Nothing is opened by importing this.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import arq
import asyncpg
import procrastinate
from arq.connections import ArqRedis, RedisSettings
from arq.constants import default_queue_name

from app.settings import Settings
from app.wiring import open_services
from db import job_rows
from domain.accounts import Viewer, local_owner
from domain.jobs import Kind, NewJob, register, submit, submit_many
from domain.ports import Services

KIND = register(Kind("BENCH_NOOP", stages=("only",)))
RECORD = struct.Struct("=qq")  # a job's number, and when it began by the monotonic clock in nanoseconds


class Submitter(Protocol):
    """One process that submits jobs, which are numbers."""

    @abstractmethod
    async def submit(self, number: int) -> None: ...

    @abstractmethod
    async def submit_many(self, numbers: list[int]) -> None:
        """In one call. Raises NotImplementedError where the system has none."""

    @abstractmethod
    async def unfinished(self) -> int:
        """How many jobs have not ended well."""


class StarlingSubmitter(Submitter):
    def __init__(self, services: Services, viewer: Viewer) -> None:
        self._services = services
        self._viewer = viewer

    async def submit(self, number: int) -> None:
        await submit(self._viewer, _new(number), services=self._services)

    async def submit_many(self, numbers: list[int]) -> None:
        await submit_many(self._viewer, [_new(number) for number in numbers], services=self._services)

    async def unfinished(self) -> int:
        states = await job_rows.counts_by_state(self._viewer.id, [KIND.name])
        return sum(states.values()) - states.get("COMPLETED", 0)


def _new(number: int) -> NewJob:
    return NewJob(KIND.name, {"number": number})


@asynccontextmanager
async def starling(database_url: str, redis_url: str, home: Path) -> AsyncIterator[Submitter]:
    async with open_services(Settings(home, database_url, redis_url)) as services:
        yield StarlingSubmitter(services, await local_owner())


class ArqSubmitter(Submitter):
    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    async def submit(self, number: int) -> None:
        await self._redis.enqueue_job("noop", number)

    async def submit_many(self, numbers: list[int]) -> None:
        raise NotImplementedError

    async def unfinished(self) -> int:
        return int(await self._redis.zcard(default_queue_name))


@asynccontextmanager
async def plain_arq(database_url: str, redis_url: str, home: Path) -> AsyncIterator[Submitter]:
    redis = await arq.create_pool(RedisSettings.from_dsn(redis_url))
    try:
        yield ArqSubmitter(redis)
    finally:
        await redis.aclose()


class ProcrastinateSubmitter(Submitter):
    def __init__(self, app: procrastinate.App, task: Any) -> None:
        self._app = app
        self._task = task

    async def submit(self, number: int) -> None:
        await self._task.defer_async(number=number)

    async def submit_many(self, numbers: list[int]) -> None:
        await self._task.batch_defer_async(*({"number": number} for number in numbers))

    async def unfinished(self) -> int:
        return sum(1 for job in await self._app.job_manager.list_jobs_async() if job.status != "succeeded")


def procrastinate_app(database_url: str, began: Callable[[int], None]) -> tuple[procrastinate.App, Any]:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=database_url))

    @app.task(name="noop")
    async def noop(number: int) -> None:
        began(number)

    return app, noop


@asynccontextmanager
async def plain_procrastinate(database_url: str, redis_url: str, home: Path) -> AsyncIterator[Submitter]:
    app, task = procrastinate_app(database_url, lambda number: None)
    async with app.open_async():
        yield ProcrastinateSubmitter(app, task)


async def prepare_procrastinate(database_url: str) -> None:
    """Its tables, in a new database of the server."""
    app, _ = procrastinate_app(database_url, lambda number: None)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def make_database(url: str, name: str) -> str:
    """A new database of the same server; its URL."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return url.replace("@/postgres?", f"@/{name}?")
