"""`/metrics` and `/ready` while real workers run, fail and die, and while what they stand on is away."""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from redis.asyncio import Redis

from app import health
from app.asgi import create_app
from app.settings import Settings
from db import job_queue, sql
from domain.ports import Services
from tests.support.fault_proxy import FaultProxy
from tests.support.job_kinds import CHILD, FAILS, NOOP, STEPS
from tests.support.job_workers import Workers
from tests.support.job_world import ended, submitted, until
from tests.support.scrapes import Scrape, scrape, scrape_until
from tests.support.server import running_server
from tests.support.serving import serving

pytestmark = pytest.mark.slow
ANSWER_SECONDS = 3.0


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Of an application in this process."""
    async with serving(create_app(settings)) as url, httpx.AsyncClient(base_url=url, timeout=20) as found:
        yield found


@pytest.fixture
async def api(database_url: str, redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Of a process of its own."""
    with running_server(database_url, redis_url, workers=0, ready=False) as server:
        async with httpx.AsyncClient(base_url=server.base_url, timeout=20) as found:
            yield found


def runs(found: Scrape, kind: str, outcome: str) -> float:
    return found.value("starling_job_duration_seconds_count", kind=kind, outcome=outcome)


def reaped(found: Scrape, kind: str) -> float:
    return found.value("starling_job_crashes_total", kind=kind, process="worker")


async def test_what_workers_did_is_counted_and_outlives_them(
    workers: Workers, services: Services, api: httpx.AsyncClient
) -> None:
    worker = await workers.start(slots=2, children=1)
    before = await scrape(api)
    assert runs(before, "TEST_NOOP", "completed") == 0
    for kind, params in ((NOOP, {}), (FAILS, {"how": "input"}), (FAILS, {"how": "disk", "times": 1})):
        await ended((await submitted(services, kind.name, **params)).id)
    crashing = await submitted(services, CHILD.name, function="segfault")
    await until(crashing.id, lambda job: job.crashes == 2)

    found = await scrape_until(
        api, lambda at: at.value("starling_job_crashes_total", kind="TEST_CHILD", process="child") == 2
    )
    assert runs(found, "TEST_NOOP", "completed") == 1
    assert runs(found, "TEST_FAILS", "failed") == 1
    assert runs(found, "TEST_FAILS", "retried") == 1
    assert runs(found, "TEST_FAILS", "completed") == 1
    assert runs(found, "TEST_CHILD", "crashed") == 2
    assert found.value("starling_jobs_ended_total", kind="TEST_FAILS", outcome="failed") == 1
    assert found.value("starling_job_retries_total", kind="TEST_FAILS") == 1
    assert found.value("starling_job_wait_seconds_count", kind="TEST_NOOP") == 1
    assert found.value("starling_workers") == 1
    (labels,) = found.labels("starling_worker_slots")
    assert found.value("starling_worker_slots", **labels) == 2
    assert found.value("starling_worker_resident_memory_bytes", **labels) > 20e6
    assert found.value("starling_worker_cpu_seconds_total", **labels) > 0.1

    worker.kill()
    worker.wait()
    await sql.run("UPDATE workers SET seen_at = now() - interval '2 hours'")
    gone = await scrape(api)
    assert gone.value("starling_workers") == 0
    assert gone.labels("starling_worker_slots") == []
    await workers.start(slots=1)  # with its first sign of life it forgets the dead one
    found = await scrape_until(api, lambda at: at.value("starling_workers") == 1)
    await asyncio.sleep(6)
    assert len(await sql.rows("SELECT 1 FROM workers")) == 1
    found = await scrape(api)
    assert runs(found, "TEST_NOOP", "completed") == 1
    assert found.value("starling_job_crashes_total", kind="TEST_CHILD", process="child") == 2


async def test_the_queue_is_shown_as_it_is_and_a_reaped_job_is_a_crash(
    workers: Workers, services: Services, api: httpx.AsyncClient
) -> None:
    """One worker stands still meanwhile, and finds its lease gone when it wakes."""
    sleeper = await workers.start(slots=1)
    held = await submitted(services, STEPS.name, step=0.5)  # far longer than it takes to stop the worker
    await until(held.id, lambda job: job.state == "PROCESSING" and job.progress > 0)
    sleeper.send_signal(signal.SIGSTOP)
    for _ in range(3):
        await submitted(services, NOOP.name)
    await sql.run("UPDATE jobs SET run_at = now() - interval '90 seconds' WHERE kind = $1", NOOP.name)
    delayed = await submitted(services, NOOP.name)
    await sql.run("UPDATE jobs SET run_at = now() + interval '1 hour' WHERE id = $1", delayed.id)
    found = await scrape(api)
    assert found.value("starling_jobs_due", kind="TEST_NOOP") == 3
    assert found.value("starling_jobs_delayed", kind="TEST_NOOP") == 1
    assert found.value("starling_jobs_oldest_due_age_seconds", kind="TEST_NOOP") == pytest.approx(90, abs=30)
    await sql.run(
        "UPDATE jobs SET state = 'PROCESSING', epoch = 1, attempt = 1, worker = 'gone', run_at = now(),"
        " lease_until = now() - interval '1 second' WHERE id = $1",
        delayed.id,
    )
    assert (await scrape(api)).value("starling_jobs_processing", kind="TEST_NOOP") == 1
    assert (await scrape(api)).value("starling_job_leases_lost_total", kind="TEST_STEPS") == 0
    await sql.run("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE id = $1", held.id)
    await workers.start(slots=1)
    found = await scrape_until(api, lambda at: reaped(at, "TEST_NOOP") == reaped(at, "TEST_STEPS") == 1)
    sleeper.send_signal(signal.SIGCONT)
    found = await scrape_until(
        api, lambda at: at.value("starling_job_leases_lost_total", kind="TEST_STEPS") == 1
    )
    assert runs(found, "TEST_STEPS", "lost") == 1
    found = await scrape_until(api, lambda at: runs(at, "TEST_NOOP", "completed") == 4)
    assert found.value("starling_jobs_due", kind="TEST_NOOP") == 0
    assert {"process": "worker"} in found.labels("starling_bells_rung_total")


async def test_a_lost_redis_is_a_zero_and_degraded(settings: Settings, redis_url: str) -> None:
    async with (
        FaultProxy.before(redis_url) as proxy,
        serving(create_app(replace(settings, redis_url=proxy.url))) as url,
        httpx.AsyncClient(base_url=url, timeout=20) as client,
    ):
        await job_queue.sign_in("somebody", [], 1)
        assert (await scrape(client)).value("starling_redis_up") == 1
        assert (await client.get("/ready")).json()["status"] == "ready"
        for fault in (proxy.refuse, proxy.blackhole):
            fault()
            proxy.reset()
            began = time.monotonic()
            found = await scrape(client)
            assert found.value("starling_redis_up") == 0
            assert found.value("starling_database_up") == 1
            ready = await client.get("/ready")
            assert time.monotonic() - began < 3 * ANSWER_SECONDS  # so much room a busy machine has
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
            assert ready.json()["missing"][0].startswith("redis: ")
            proxy.heal()
        await scrape_until(client, lambda at: at.value("starling_redis_up") == 1)


async def test_a_subscription_that_is_down_is_counted_and_degraded_though_redis_answers(
    settings: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "UNHEARD_SECONDS", 0.1)
    deaf = redis_url.replace("unix://", "unix://deaf:word@")
    async with Redis.from_url(redis_url) as redis:
        await redis.execute_command("ACL SETUSER deaf on >word ~* +@all resetchannels")
        try:
            async with (
                serving(create_app(replace(settings, redis_url=deaf))) as url,
                httpx.AsyncClient(base_url=url, timeout=20) as client,
            ):
                await job_queue.sign_in("somebody", [], 1)
                await _degraded(client)
                found = await scrape(client)
                assert found.value("starling_redis_up") == 1
                assert found.value("starling_redis_subscriptions_down") == 1
                await redis.execute_command("ACL SETUSER deaf allchannels")
                await scrape_until(client, lambda at: at.value("starling_redis_subscriptions_down") == 0)
                assert (await client.get("/ready")).json()["status"] == "ready"
        finally:
            await redis.execute_command("ACL DELUSER deaf")


async def _degraded(client: httpx.AsyncClient) -> None:
    """Wait until `/ready` says that nothing is heard."""
    async with asyncio.timeout(10):
        while True:
            ready = await client.get("/ready")
            assert ready.status_code == 200
            if (answer := ready.json())["status"] == "degraded":
                break
            await asyncio.sleep(0.05)
    assert answer["missing"][0].startswith("redis: nothing of other processes was heard for")


async def test_a_lost_database_is_said_in_three_seconds_however_often_it_is_asked(
    settings: Settings, database_url: str
) -> None:
    async with (
        FaultProxy.before(database_url) as proxy,
        serving(create_app(replace(settings, database_url=proxy.url))) as url,
        httpx.AsyncClient(base_url=url, timeout=20) as client,
    ):
        assert (await scrape(client)).value("starling_database_up") == 1
        proxy.blackhole()
        for _ in range(2):
            began = time.monotonic()
            asked = [*(scrape(client) for _ in range(20)), *(client.get("/ready") for _ in range(20))]
            answers = await asyncio.gather(*asked)
            took = time.monotonic() - began
            assert took < 3 * ANSWER_SECONDS, took  # so much room a busy machine has
            for answer in answers:
                if isinstance(answer, Scrape):
                    assert answer.value("starling_database_up") == 0
                    assert "starling_jobs_due" not in answer  # not known is no zero
                    assert "process_cpu_seconds_total" in answer
                else:
                    assert isinstance(answer, httpx.Response)
                    assert answer.status_code == 503
                    assert "database: no answer in 2.5 s" in answer.json()["missing"]
        assert (await client.get("/health")).status_code == 200
        assert proxy.connections <= 4  # one question at a time, not one more with each request
        proxy.heal()
        await scrape_until(client, lambda at: at.value("starling_database_up") == 1, seconds=60)


async def test_ready_names_what_is_lacking(settings: Settings, client: httpx.AsyncClient) -> None:
    ready = await client.get("/ready")
    assert ready.status_code == 503
    assert ready.json()["missing"] == ["workers: no worker was seen in the last 15 s"]
    await job_queue.sign_in("somebody", [], 1)
    assert (await client.get("/ready")).json() == {
        "status": "ready",
        "missing": [],
        "checks": dict.fromkeys(("database", "storage", "workers", "redis"), "ok"),
    }
    shutil.rmtree(settings.files_folder)
    (missing,) = (await client.get("/ready")).json()["missing"]
    assert missing == "storage: the folder of the stored files is gone or cannot be written"
    await sql.run("DELETE FROM tortoise_migrations WHERE name LIKE '0003%'")
    answer = (await client.get("/ready")).json()
    assert answer["missing"][0] == "database: migrations are pending: 0003_worker_tallies"
