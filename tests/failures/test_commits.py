"""P2: a job exists if and only if its transaction was committed, and with it all that belongs to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import redis.asyncio
from tortoise.exceptions import BaseORMException

from db import sql
from domain.accounts import local_owner
from domain.jobs import JobOptions, NewJob, submit, submit_many
from domain.ports import Services
from tests.support.effects import Effects
from tests.support.fault_proxy import FaultProxy
from tests.support.figures import Figures
from tests.support.films import films
from tests.support.invariants import check
from tests.support.job_workers import Workers
from tests.support.job_world import ended, options, submitted, until, worker_here
from tests.support.left_over import files_below
from tests.support.rows import an_asset
from tests.support.server import running_server
from workers.doorbell import QUEUE
from workers.run import NewOutput, Run, Settlement

pytestmark = [pytest.mark.promise("P2"), pytest.mark.usefixtures("invariants")]

KILLS = 3
ROWS = """SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM job_events)
  + (SELECT count(*) FROM job_inputs) AS n"""


@pytest.mark.slow
async def test_a_job_whose_api_was_killed_between_commit_and_bell_runs_within_the_sweep(
    database_url: str, redis_url: str, workers: Workers, effects: Effects, figures: Figures
) -> None:
    """The bell hangs before a Redis that does not answer; the row is seen, and the API is no more."""
    await workers.start(slots=1, RENDERED=str(effects.path))
    waits = []
    async with FaultProxy.before(redis_url) as proxy:
        with ExitStack() as stack:
            apis = [
                stack.enter_context(running_server(database_url, proxy.url, workers=0, ready=False))
                for _ in range(KILLS)
            ]
            proxy.blackhole()
            for number, server in enumerate(apis):
                async with films(server.base_url) as client:
                    asking = asyncio.create_task(client.ask())
                    while not (
                        rows := await sql.rows("SELECT id FROM jobs ORDER BY created_at OFFSET $1", number)
                    ):
                        await asyncio.sleep(0.001)
                    server.api.kill()
                    with pytest.raises(httpx.TransportError):
                        await asking
                done = await ended(rows[0]["id"])
                assert done.started_at is not None
                waits.append((done.started_at - done.created_at).total_seconds())
                assert (done.state, done.attempt) == ("COMPLETED", 1)
    figures.within("P2", "a start after the API died before the bell, the worst of 3", max(waits), limit=2.0)
    assert len(effects.jobs("ran")) == len(set(effects.jobs("ran"))) == KILLS


@pytest.mark.slow
async def test_an_api_killed_inside_the_transaction_leaves_no_job_and_rings_no_bell(
    database_url: str, redis_url: str, workers: Workers, effects: Effects, figures: Figures, tmp_path: Path
) -> None:
    """After the INSERT of the job, before that of its input."""
    song = await an_asset(await local_owner(), size=4, key="assets/so/song")
    (tmp_path / "home" / "files" / "assets" / "so").mkdir(parents=True)
    (tmp_path / "home" / "files" / song.key).write_bytes(b"song")
    with running_server(database_url, redis_url, workers=0, ready=False) as server:
        async with films(server.base_url) as client, _locked(database_url, "job_inputs"):
            asking = asyncio.create_task(client.ask(audioId=str(song.id)))
            await _waits_for_a_lock(database_url)
            server.api.kill()
            with pytest.raises(httpx.TransportError):
                await asking
    await _no_transaction_is_open(database_url)
    (left,) = await sql.rows(ROWS)
    figures.exactly("P2", "rows of a job whose API was killed before the commit", left["n"], 0)
    assert await _bells(redis_url) == 0
    await workers.start(slots=1, RENDERED=str(effects.path))
    assert effects.all() == []


async def test_a_submit_that_raises_after_an_insert_leaves_no_row_and_rings_no_bell(
    services: Services, redis_url: str, figures: Figures
) -> None:
    once = JobOptions(idempotency_key="once")
    good = NewJob("TEST_NOOP", {}, options=once)
    refused = NewJob("TEST_NOOP", {"text": "no database takes this: \0"}, options=once)
    with pytest.raises(BaseORMException):
        await submit_many(await local_owner(), [good, refused], services=services)
    (left,) = await sql.rows(ROWS)
    figures.exactly("P2", "rows of a submit that raised after its first INSERT", left["n"], 0)
    assert await _bells(redis_url) == 0

    job = await submit(await local_owner(), good, services=services)  # the key was not spent
    async with worker_here(services, options(redis_url)):
        assert (await ended(job.id)).state == "COMPLETED"


@pytest.mark.parametrize("how", ["the database refuses", "the handler is wrong"])
async def test_a_run_that_raises_while_it_settles_leaves_no_result_row_and_no_file(
    how: str, services: Services, redis_url: str, tmp_path: Path
) -> None:
    """The first attempt raises after its output was stored and recorded, the second does not."""

    async def spoil(_: object) -> None:
        if how == "the handler is wrong":
            raise KeyError("duration")
        await sql.run("INSERT INTO job_outputs (job_id, asset_id, role) VALUES (NULL, NULL, NULL)")

    async def handle(run: Run) -> Settlement:
        path = run.scratch / "made.txt"
        path.write_text("a film")
        output = NewOutput("video", path, "film.mp4", "video/mp4", "VIDEO", duration=1.0)
        return Settlement(outputs=[output], rows=spoil if run.job.attempt == 1 else None)

    chosen = options(redis_url)
    handlers = {**chosen.handlers, "TEST_NOOP": handle}
    async with worker_here(services, replace(chosen, handlers=handlers)):
        job = await submitted(services, "TEST_NOOP")
        await until(job.id, lambda row: row.state == "PENDING" and row.attempt == 1)
        assert await sql.rows("SELECT id FROM assets") == []
        assert await sql.rows("SELECT job_id FROM job_outputs") == []
        async with asyncio.timeout(1.5):  # before the second attempt
            while _files(tmp_path):
                await asyncio.sleep(0.01)
        assert (await ended(job.id)).state == "COMPLETED"
    assert _files(tmp_path) == [f"renders/{job.id}/2/0.txt"]
    await check(tmp_path / "home" / "files")


def _files(tmp_path: Path) -> list[str]:
    folder = tmp_path / "home" / "files"
    return [str(path.relative_to(folder)) for path in files_below(folder)]


async def _bells(redis_url: str) -> int:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        return int(await client.zcard(QUEUE))


@asynccontextmanager
async def _connection(database_url: str) -> AsyncIterator[Any]:
    """Beside the pool of this process."""
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _locked(database_url: str, table: str) -> AsyncIterator[None]:
    """Whoever inserts into the table waits."""
    async with _connection(database_url) as connection, connection.transaction():
        await connection.execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield


async def _waits_for_a_lock(database_url: str) -> None:
    async with _connection(database_url) as connection:
        while not await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.002)


async def _no_transaction_is_open(database_url: str) -> None:
    """The session of a killed process notices once it has its lock."""
    async with _connection(database_url) as connection:
        while await connection.fetch(
            """SELECT pid FROM pg_stat_activity WHERE datname = current_database()
            AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"""
        ):
            await asyncio.sleep(0.01)
