"""P1: a job that was accepted is never lost, whatever happens to Redis."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from uuid import UUID

import pytest
import redis.asyncio
from redis.exceptions import RedisError

from app.engines import Engines, Redis
from db import job_rows
from domain.accounts import local_owner
from domain.jobs import NewJob, submit_many
from domain.ports import Services
from tests.support import invariants
from tests.support.effects import Effects
from tests.support.engine_faults import kill, start
from tests.support.figures import Figures
from tests.support.films import Films, films
from tests.support.job_workers import worker_processes
from tests.support.job_world import job_services
from tests.support.server import running_server

BY_HTTP, BY_BATCH, BATCH = 250, 250, 10
PACE_SECONDS = 8.0  # over which each of the two ways submits its jobs


@pytest.mark.slow
@pytest.mark.promise("P1")
@pytest.mark.timeout(300)
async def test_500_jobs_all_end_while_redis_is_wiped_in_a_loop_and_killed_three_times(
    own_engines: Engines, effects: Effects, figures: Figures, rng: random.Random, tmp_path: Path
) -> None:
    addresses = own_engines.addresses
    urls = addresses.database_url, addresses.redis_url
    async with worker_processes(*urls, tmp_path / "home") as workers:
        for _ in range(2):
            workers.launch(slots=4, RENDERED=str(effects.path))
        with running_server(*urls, workers=0, ready=False) as server:
            for process in workers.started:
                await workers.takes_part(process)
            async with (
                films(server.base_url) as client,
                job_services(addresses.redis_url, tmp_path / "home") as services,
            ):
                wiped: list[float] = []
                wiping = asyncio.create_task(_wipe_for_ever(addresses.redis_url, wiped))
                ids = await _submit_meanwhile(client, services, effects, own_engines.redis, rng)
                await invariants.quiet()
                assert not wiping.done()
                wiping.cancel()
                await asyncio.gather(wiping, return_exceptions=True)
        await invariants.check(tmp_path / "home" / "files")
    figures.note("P1", "Redis was killed three times and wiped", len(wiped), "times")
    assert len(wiped) > 50
    await _hold(ids, effects, figures)


async def _submit_meanwhile(
    client: Films, services: Services, effects: Effects, engine: Redis | None, rng: random.Random
) -> list[UUID]:
    """What was accepted, over HTTP and as batches, while Redis is killed three times."""
    by_http, by_batch, _ = await asyncio.gather(
        asyncio.gather(*(_later(client, rng.uniform(0, PACE_SECONDS)) for _ in range(BY_HTTP))),
        asyncio.gather(
            *(_batch_later(services, effects, rng.uniform(0, PACE_SECONDS)) for _ in range(BY_BATCH // BATCH))
        ),
        _kill_three_times(engine, rng),
    )
    return [*by_http, *(job_id for batch in by_batch for job_id in batch)]


async def _later(client: Films, seconds: float) -> UUID:
    await asyncio.sleep(seconds)
    return await client.ask()


async def _batch_later(services: Services, effects: Effects, seconds: float) -> list[UUID]:
    await asyncio.sleep(seconds)
    batch = [NewJob("TEST_NOOP", {"effects": str(effects.path)}) for _ in range(BATCH)]
    return [job.id for job in await submit_many(await local_owner(), batch, services=services)]


async def _kill_three_times(engine: Redis | None, rng: random.Random) -> None:
    for _ in range(3):
        await asyncio.sleep(rng.uniform(0.5, 1.5))
        await kill(engine)
        await asyncio.sleep(rng.uniform(0.2, 1.2))
        await start(engine)


async def _wipe_for_ever(redis_url: str, wiped: list[float]) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        while True:
            try:
                await client.flushall()
                wiped.append(time.monotonic())
            except (RedisError, OSError):
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.005)


async def _hold(ids: list[UUID], effects: Effects, figures: Figures) -> None:
    rows = await job_rows.by_ids(ids)
    ran = effects.jobs("ran")
    waits = [(row.started_at - row.created_at).total_seconds() for row in rows.values() if row.started_at]
    figures.exactly("P1", "jobs accepted", len(set(ids)), BY_HTTP + BY_BATCH)
    figures.exactly("P1", "jobs lost of 500", len(ids) - len(set(ran)), 0)
    figures.exactly("P1", "jobs of 500 that ran twice", len(ran) - len(set(ran)), 0)
    ends = [row.completed_at.timestamp() for row in rows.values() if row.completed_at]
    last = max(ends) - max(row.created_at.timestamp() for row in rows.values())
    figures.within("P1", "the last of 500 ended after the last submit", last, limit=5.0)
    figures.within("P1", "the longest wait for a start, of 500", max(waits), limit=5.0)
    assert {(row.state, row.attempt, row.crashes) for row in rows.values()} == {("COMPLETED", 1, 0)}
