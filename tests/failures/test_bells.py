"""P5: a bell means "something may be due", so ringing too often, too late or in nonsense does no harm."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis.asyncio
from arq.connections import ArqRedis

from db import job_rows
from db.jobs import Job
from domain.accounts import local_owner
from domain.jobs import NewJob, submit_many
from domain.ports import Services
from tests.support.effects import Effects
from tests.support.figures import Figures
from tests.support.job_workers import Workers
from tests.support.job_world import ended, submitted
from workers.doorbell import FUNCTION, QUEUE

pytestmark = [pytest.mark.promise("P5"), pytest.mark.usefixtures("invariants")]

JOBS, TIMES = 200, 10


@pytest.mark.slow
async def test_each_id_rung_ten_times_to_four_workers_is_one_attempt_each(
    services: Services,
    workers: Workers,
    redis_url: str,
    effects: Effects,
    figures: Figures,
    rng: random.Random,
) -> None:
    for _ in range(4):
        workers.launch(slots=2)
    for process in workers.started:
        await workers.takes_part(process)
    jobs = await _submitted(services, effects)
    bells = [job.id for job in jobs] * TIMES
    rng.shuffle(bells)
    await _ring_all(redis_url, bells)
    done = [await ended(job.id) for job in jobs]
    ran = [effect for effect in effects.all() if effect.word == "ran"]
    assert len({effect.pid for effect in ran}) > 1  # the workers did compete
    figures.exactly("P5", "attempts of 200 jobs rung ten times each", sum(job.epoch for job in done), JOBS)
    figures.exactly("P5", "effects of 200 jobs rung ten times each", len(ran), JOBS)
    assert {(job.state, job.attempt, job.crashes) for job in done} == {("COMPLETED", 1, 0)}


async def _ring_all(redis_url: str, job_ids: list[UUID]) -> None:
    """Every one of them, as the product would: its own doorbell rings no more than wake every idle slot."""
    pool = redis.asyncio.ConnectionPool.from_url(redis_url)
    async with ArqRedis(pool, job_serializer=_encode, default_queue_name=QUEUE) as client:
        for job_id in job_ids:
            assert await client.enqueue_job(FUNCTION, str(job_id), _job_id=uuid4().hex)
    await pool.aclose()


def _encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()


async def _submitted(services: Services, effects: Effects) -> list[Job]:
    batch = [NewJob("TEST_NOOP", {"effects": str(effects.path)}) for _ in range(JOBS)]
    return await submit_many(await local_owner(), batch, services=services)


async def test_bells_for_ended_and_unknown_jobs_and_nonsense_leave_the_worker_at_work(
    services: Services, workers: Workers, redis_url: str, effects: Effects
) -> None:
    worker = await workers.start(slots=2)
    before = await submitted(services, "TEST_NOOP", effects=str(effects.path))
    done = await ended(before.id)
    await _ring_all(redis_url, [before.id] * 10 + [uuid4() for _ in range(10)])
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.zadd(QUEUE, {"nobody": 1, "nonsense": 2, "another program's": 3})
        await client.set("arq:job:nonsense", b"\x80\x04no JSON")
        await client.set("arq:job:another program's", b'{"f":"other","a":[],"k":{},"et":1,"t":null}')
        while await client.zcard(QUEUE):
            await asyncio.sleep(0.02)
    after = await submitted(services, "TEST_NOOP", effects=str(effects.path))
    assert (await ended(after.id)).state == "COMPLETED"
    assert effects.jobs("ran") == [str(before.id), str(after.id)]
    assert worker.poll() is None
    assert (await job_rows.by_ids([before.id]))[before.id].version == done.version
