"""P4: a generated piece is committed exactly once, whenever the worker that made it is killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import psutil
import pytest

from db import sql
from db.commits import Commit
from db.jobs import Job
from tests.support.graphql_http import Api, api
from tests.support.invariants import check
from tests.support.job_world import ended, until
from tests.support.music import committed, made
from tests.support.server import Server, environment, running_server, starling, stop

pytestmark = [pytest.mark.promise("P4"), pytest.mark.usefixtures("database"), pytest.mark.slow]
GENERATE = "mutation ($input: GenerateMusicInput!) { generateMusic(input: $input) { id } }"
LAPSED = "UPDATE jobs SET lease_until = now() WHERE id = $1 AND state = 'PROCESSING'"


async def asked(graphql: Api, **input: Any) -> tuple[UUID, UUID]:
    """(the repository with one commit, the job of a piece for it)"""
    repository = await made(graphql, "killed")
    await committed(graphql, repository)
    piece = {"prompt": "techno, 240 bpm", "duration": 5.0, "repositoryId": repository, **input}
    return UUID(repository), UUID((await graphql.run(GENERATE, input=piece))["generateMusic"]["id"])


async def is_committed_once(repository: UUID, job: Job) -> None:
    assert job.state == "COMPLETED", job.error
    commits = await Commit.filter(repository_id=repository).order_by("number")
    assert [commit.number for commit in commits] == [1, 2]
    assert job.result["commit"]["id"] == str(commits[1].id)
    made_files = await sql.rows("SELECT id FROM assets")
    assert len(made_files) == 7


@asynccontextmanager
async def held(database_url: str, repository: UUID) -> AsyncIterator[None]:
    """Whoever commits there waits in the middle of his transaction."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM repositories WHERE id = $1 FOR UPDATE", repository)
            yield
    finally:
        await connection.close()


async def settles(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        while not await connection.fetch(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.01)
    finally:
        await connection.close()


def another_worker(server: Server) -> None:
    given = environment(server.home, DATABASE_URL=server.database_url, REDIS_URL=server.redis_url)
    server.workers.append(starling(["worker"], given, server.home / f"worker-{len(server.workers)}.log"))


async def test_a_worker_killed_while_it_settles_has_committed_nothing(
    database_url: str, redis_url: str
) -> None:
    with running_server(database_url, redis_url) as server:
        async with api(server.base_url) as graphql:
            repository, job_id = await asked(graphql)
            async with held(database_url, repository):
                await settles(database_url)
                server.workers[0].kill()
                server.workers[0].wait()
            another_worker(server)
            await sql.run(LAPSED, job_id)
            try:
                done = await ended(job_id, 120.0)
                assert (done.attempt, done.crashes) == (1, 1)
                await is_committed_once(repository, done)
                await check(server.home / "files")  # the commit's stems are listened to as well
            finally:
                stop(server.workers[1])


async def test_a_composer_that_is_killed_composes_again_and_commits_once(
    database_url: str, redis_url: str
) -> None:
    with running_server(database_url, redis_url) as server:
        async with api(server.base_url) as graphql:
            repository, job_id = await asked(graphql, duration=240.0)
            before = _spent(server.workers[0].pid)
            await until(job_id, lambda row: 5.0 < row.progress < 80.0, 120.0)
            after = _spent(server.workers[0].pid)
            composing = max(after, key=lambda pid: after[pid] - before.get(pid, 0.0))
            os.kill(composing, signal.SIGKILL)
            done = await ended(job_id, 120.0)
        assert (done.attempt, done.crashes) == (1, 1)
        assert server.workers[0].poll() is None
        await is_committed_once(repository, done)
        await check(server.home / "files")


def _spent(worker_pid: int) -> dict[int, float]:
    """Seconds of processor time of each child."""
    return {child.pid: sum(child.cpu_times()[:2]) for child in psutil.Process(worker_pid).children()}
