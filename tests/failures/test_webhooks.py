"""Callback URLs are told, whatever dies: workers in the middle of a call, PostgreSQL at the settlement.

Each end writes one delivery (an invariant of all tests), and each is told at least once under its one id.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.engines import Engines
from app.webhooks import HttpCaller
from db import sql
from db.jobs import Job
from domain.jobs import JobOptions
from domain.ports import Services, Webhooks
from domain.webhooks import LEASE_SECONDS, key_of
from tests.support import engine_faults, invariants
from tests.support.delivery_rows import delivery_counts
from tests.support.fault_proxy import FaultProxy
from tests.support.job_workers import Workers, worker_processes
from tests.support.job_world import ended, job_services, submitted
from tests.support.receiver import SECRET, Receiver, after, hangs, status
from workers.deliveries import MOST_A_HOST, MOST_AT_ONCE

pytestmark = pytest.mark.slow

PROMPT_SECONDS = 1.0
TRY_SECONDS = 10.0


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver.open() as opened:
        yield opened


def telling(services: Services) -> Services:
    """Services that take callback URLs; they call nobody themselves."""
    return replace(services, webhooks=Webhooks(HttpCaller(), (key_of(SECRET),), allow_private=True))


async def telling_worker(workers: Workers, slots: int = 2, **environment: str) -> subprocess.Popen[bytes]:
    return await workers.start(
        slots, 0, STARLING_WEBHOOK_SECRET=SECRET, STARLING_WEBHOOK_ALLOW_PRIVATE="yes", **environment
    )


async def jobs_with_callback(services: Services, receiver: Receiver, number: int) -> list[Job]:
    options = JobOptions(callback_url=receiver.url)
    return [
        await submitted(telling(services), "TEST_STEPS", options=options, step=0.01) for _ in range(number)
    ]


async def all_told(receiver: Receiver, jobs: list[Job], seconds: float = 60.0) -> None:
    """Each end once or more, under the id of its one row, with a right signature."""
    async with asyncio.timeout(seconds):
        while await delivery_counts() != {"PENDING": 0, "DELIVERED": len(jobs), "GIVEN_UP": 0}:
            await asyncio.sleep(0.05)
    rows = await sql.rows("SELECT id, job_id FROM webhook_deliveries")
    assert {(call.job, call.id) for call in receiver.calls} == {
        (str(row["job_id"]), str(row["id"])) for row in rows
    }
    assert {str(row["job_id"]) for row in rows} == {str(job.id) for job in jobs}
    assert all(call.signatures(SECRET.encode()) == [True] for call in receiver.calls)


async def due_now() -> None:
    """What the time of leases and waits would do."""
    await sql.run("UPDATE webhook_deliveries SET due_at = now() WHERE state = 'PENDING' AND due_at > now()")


@pytest.mark.xdist_group("waiting")
@pytest.mark.usefixtures("invariants")
async def test_what_a_killed_worker_was_telling_is_told_by_another_after_the_lease(
    services: Services, workers: Workers, receiver: Receiver
) -> None:
    receiver.answers = [hangs, status(204)]
    first = await telling_worker(workers)
    jobs = await jobs_with_callback(services, receiver, 1)
    await receiver.heard()
    first.kill()
    await telling_worker(workers)
    began = time.monotonic()
    await receiver.heard(2, 3 * LEASE_SECONDS)
    print(
        f"told again {time.monotonic() - began:.1f} s after its worker was there, lease {LEASE_SECONDS:g} s"
    )
    await all_told(receiver, jobs)
    assert receiver.calls[0].id == receiver.calls[1].id
    assert receiver.calls[0].body == receiver.calls[1].body
    assert len(receiver.calls) == 2


@pytest.mark.usefixtures("invariants")
async def test_every_end_is_told_though_workers_are_killed_at_random(
    services: Services, workers: Workers, receiver: Receiver, rng: random.Random
) -> None:
    receiver.answers = [after(0.05, status(204))]
    living = [await telling_worker(workers, slots=4) for _ in range(2)]
    jobs = await jobs_with_callback(services, receiver, 40)
    for _ in range(6):
        await asyncio.sleep(rng.uniform(0.1, 0.6))
        living.pop(rng.randrange(len(living))).kill()
        await sql.run("UPDATE jobs SET lease_until = now() WHERE state = 'PROCESSING'")
        await due_now()
        living.append(await telling_worker(workers, slots=4))
    for job in jobs:
        await ended(job.id, 60.0)
    await due_now()
    await all_told(receiver, jobs)
    print(f"{len(receiver.calls)} calls for {len(jobs)} ends and 6 killed workers")


@pytest.mark.usefixtures("invariants")
async def test_workers_that_are_restarted_tell_every_end(
    services: Services, workers: Workers, receiver: Receiver
) -> None:
    """What is under way at SIGTERM is put back, so nothing waits for a lease."""
    receiver.answers = [after(0.3, status(204))]
    jobs = await jobs_with_callback(services, receiver, 20)
    for _ in range(3):
        worker = await telling_worker(workers, slots=4)
        await asyncio.sleep(0.8)
        worker.terminate()
        assert await workers.ended(worker) == 0
    began = time.monotonic()
    await telling_worker(workers, slots=4)
    for job in jobs:
        await ended(job.id, 60.0)
    await all_told(receiver, jobs, LEASE_SECONDS)
    assert time.monotonic() - began < LEASE_SECONDS


@pytest.mark.usefixtures("invariants")
async def test_with_redis_away_an_end_is_told_within_two_seconds(
    services: Services, workers: Workers, receiver: Receiver, redis_url: str
) -> None:
    async with FaultProxy.before(redis_url) as proxy:
        await telling_worker(workers, REDIS_URL=proxy.url)
        proxy.refuse()
        for number in range(1, 4):
            (job,) = await jobs_with_callback(services, receiver, 1)
            done = await ended(job.id)
            assert done.completed_at is not None
            await receiver.heard(number)
            (row,) = await sql.rows(
                "SELECT extract(epoch FROM due_at - created_at) AS seconds FROM webhook_deliveries"
                " WHERE job_id = $1",
                job.id,
            )
            claimed_after = float(row["seconds"]) - LEASE_SECONDS  # a claim puts it off for the lease
            print(f"claimed {claimed_after:.2f} s after the end")
            assert claimed_after < 3 * 2 * PROMPT_SECONDS


async def test_a_database_that_crashes_at_the_settlement_leaves_one_delivery_an_end(
    own_engines: Engines, receiver: Receiver, tmp_path: Path, rng: random.Random
) -> None:
    """An immediate stop, four times, while jobs end and receivers answer: as durable as the product's."""
    addresses = own_engines.addresses
    receiver.answers = [after(0.02, status(204))]
    jobs: list[Job] = []
    async with (
        worker_processes(addresses.database_url, addresses.redis_url, tmp_path / "home") as workers,
        job_services(addresses.redis_url, tmp_path / "home") as services,
    ):
        await telling_worker(workers, slots=4)
        for _ in range(4):
            jobs += await jobs_with_callback(services, receiver, 8)
            await asyncio.sleep(rng.uniform(0.2, 0.8))
            await engine_faults.crash_postgres(own_engines.postgres)
            await engine_faults.start(own_engines.postgres)
            await engine_faults.reconnected()
        for job in jobs:
            await ended(job.id, 90.0)
        await due_now()
        await all_told(receiver, jobs, 90.0)
        await invariants.check(tmp_path / "home" / "files")
    repeated = sum(times - 1 for times in Counter(call.id for call in receiver.calls).values())
    print(f"{len(jobs)} ends over 4 crashes, {repeated} told twice")


@pytest.mark.usefixtures("invariants")
async def test_receivers_that_hang_hold_up_no_job_and_others_for_one_try_at_most(
    services: Services, workers: Workers
) -> None:
    """Eight hosts that never answer have every lane; the jobs run on, and the ninth is told in its turn."""
    async with Receiver.open("0.0.0.0") as hanging, Receiver.open() as ninth:
        hanging.answers = [hangs]
        await telling_worker(workers)
        for host in range(2, 2 + MOST_AT_ONCE // MOST_A_HOST):
            for _ in range(MOST_A_HOST + 1):
                options = JobOptions(callback_url=f"http://127.0.0.{host}:{hanging.port}/")
                await submitted(telling(services), "TEST_NOOP", options=options)
        await hanging.heard(MOST_AT_ONCE)
        await asyncio.sleep(0.5)
        assert len(hanging.calls) == MOST_AT_ONCE
        began = time.monotonic()
        last = await jobs_with_callback(services, ninth, 1)
        for _ in range(20):
            await ended((await submitted(services, "TEST_NOOP")).id)
        assert time.monotonic() - began < 10.0
        await ended(last[0].id)
        (call,) = await ninth.heard(1, 3 * TRY_SECONDS)
        print(f"the ninth was told after {call.at - began:.1f} s")
