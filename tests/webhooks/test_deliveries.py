"""The whole way, with a real worker in this process and a real receiver: who is told what, and when."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from db import job_moves, job_rows, sql
from domain import jobs
from domain.accounts import local_owner
from domain.jobs import NewJob, submit
from domain.ports import Services
from tests.support.callbacks import over, ran, told
from tests.support.delivery_rows import delivery_counts
from tests.support.job_world import ended, options, submitted, until, worker_here
from tests.support.receiver import SECRET, Receiver, hangs, status
from workers import deliveries
from workers.rounds import Rounds
from workers.runner import Runner

pytestmark = pytest.mark.usefixtures("database")
PROMPT_SECONDS = 1.0


@pytest.mark.usefixtures("worker")
async def test_the_end_of_a_job_is_told_at_once_and_signed(services: Services, receiver: Receiver) -> None:
    job = await ran(services, receiver.url, "TEST_STEPS", file="a film", step=0.001)
    seen = time.monotonic()
    (call,) = await receiver.heard()
    assert call.at - seen < 3 * PROMPT_SECONDS
    assert call.signatures(SECRET.encode()) == [True]
    assert abs(int(call.headers["webhook-timestamp"]) - time.time()) < 30
    assert call.headers["content-type"] == "application/json"
    assert job.completed_at is not None
    (film,) = (await jobs.outputs_for([job.id]))[job.id]
    data = call.told["data"]
    assert (call.told["type"], call.told["timestamp"]) == ("job.completed", data["completedAt"])
    times = [datetime.fromisoformat(data.pop(name)) for name in ("createdAt", "startedAt", "completedAt")]
    assert times == [job.created_at, job.started_at, job.completed_at]
    assert data == {
        "job": str(job.id),
        "kind": "TEST_STEPS",
        "status": "COMPLETED",
        "progress": 100,
        "error": None,
        "subject": None,
        "cached": False,
        "retryOf": None,
        "outputs": [
            {
                "role": "video",
                "asset": str(film.asset.id),
                "url": f"https://starling.example/assets/{film.asset.id}/film.mp4",
                "filename": "film.mp4",
                "contentType": "video/mp4",
                "size": 6,
                "sha256": film.asset.sha256,
            }
        ],
    }
    (row,) = await over()
    assert (row["state"], row["attempt"], row["last_error"]) == ("DELIVERED", 1, None)
    assert str(row["id"]) == call.id
    await asyncio.sleep(0.2)
    assert len(receiver.calls) == 1


@pytest.mark.usefixtures("worker")
async def test_a_failure_is_told_with_its_reason(services: Services, receiver: Receiver) -> None:
    job = await ran(services, receiver.url, "TEST_FAILS", how="input")
    (call,) = await receiver.heard()
    assert call.told["type"] == "job.failed"
    assert call.told["data"]["error"] == job.error
    assert call.told["data"]["error"]["code"] == "BAD_USER_INPUT"
    assert call.told["data"]["outputs"] == []


@pytest.mark.usefixtures("worker")
async def test_a_job_that_is_tried_again_is_told_once(services: Services, receiver: Receiver) -> None:
    job = await submitted(services, "TEST_FAILS", options=told(receiver.url), how="disk", times=1)
    await until(job.id, lambda row: row.attempt == 1 and row.state == "PENDING")
    await sql.run("UPDATE jobs SET run_at = now(), queue_at = now()")
    await ended(job.id)
    (call,) = await receiver.heard()
    assert call.told["type"] == "job.completed"


@pytest.mark.usefixtures("worker")
async def test_cancels_are_told_of_running_and_of_waiting_jobs(
    services: Services, receiver: Receiver
) -> None:
    """The two slots are taken: the third job waits, and who cancels it is no worker."""
    viewer = await local_owner()
    slow = [await submitted(services, "TEST_STEPS", options=told(receiver.url), step=1.0) for _ in range(2)]
    for job in slow:
        await until(job.id, lambda row: row.state == "PROCESSING")
    waiting = await submitted(services, "TEST_NOOP", options=told(receiver.url))
    for number, job in enumerate([waiting, *slow], 1):
        await jobs.cancel(viewer, job.id, services=services)
        calls = await receiver.heard(number)
        assert (calls[-1].told["type"], calls[-1].job) == ("job.cancelled", str(job.id))


@pytest.mark.usefixtures("worker")
async def test_an_answer_of_the_cache_is_told_at_once(
    services: Services, receiver: Receiver, tmp_path: Path
) -> None:
    viewer = await local_owner()
    key = "c" * 64
    first = await submit(
        viewer,
        NewJob("TEST_STEPS", {"file": "x", "step": 0.001}, cache_key=key),
        services=services,
    )
    await ended(first.id)
    again = await submit(
        viewer,
        NewJob("TEST_STEPS", {"file": "x", "step": 0.001}, cache_key=key, options=told(receiver.url)),
        services=services,
    )
    assert again.cached
    began = time.monotonic()
    (call,) = await receiver.heard()
    assert call.at - began < 3 * PROMPT_SECONDS
    assert (call.job, call.told["data"]["cached"]) == (str(again.id), True)
    assert [output["role"] for output in call.told["data"]["outputs"]] == ["video"]


@pytest.mark.usefixtures("worker")
async def test_a_slow_receiver_holds_up_neither_others_nor_jobs(
    services: Services, receiver: Receiver
) -> None:
    async with Receiver.open("127.0.0.2") as other:
        receiver.answers = [hangs]
        for _ in range(12):
            await ran(services, receiver.url)
        await receiver.heard(2)
        began = time.monotonic()
        for _ in range(5):
            await ran(services, f"http://127.0.0.2:{other.port}/")
        assert time.monotonic() - began < 5.0
        await other.heard(5, 3 * PROMPT_SECONDS)
        assert receiver.most_at_once <= deliveries.MOST_A_HOST


@pytest.mark.usefixtures("worker")
async def test_many_ends_at_once_are_told_once_each(services: Services, receiver: Receiver) -> None:
    made = [await submitted(services, "TEST_NOOP", options=told(receiver.url)) for _ in range(60)]
    await receiver.heard(60, 20.0)
    await over(60)
    assert sorted(call.job for call in receiver.calls) == sorted(str(job.id) for job in made)
    assert receiver.most_at_once <= deliveries.MOST_A_HOST


async def test_without_redis_the_round_finds_it(
    services: Services, receiver: Receiver, redis_url: str
) -> None:
    """The nudge is dropped: nobody is woken, the look of each second finds the row."""
    async with worker_here(services, options(redis_url)):
        await asyncio.sleep(0.3)
        viewer = await local_owner()
        row = job_rows.JobRow("TEST_NOOP", viewer.id, {}, [], 3, callback_url=receiver.url)
        assert await job_rows.insert_completed(row, None) is not None
        (call,) = await receiver.heard(1, 3 * deliveries.LOOK_SECONDS)
    assert call.job == str(row.id)


async def test_what_ended_while_no_worker_lived_is_told_by_the_next(
    services: Services, receiver: Receiver, redis_url: str
) -> None:
    viewer = await local_owner()
    job = await submitted(services, "TEST_NOOP", options=told(receiver.url))
    await jobs.cancel(viewer, job.id, services=services)
    await jobs.delete(viewer, job.id, services=services)
    async with worker_here(services, options(redis_url)):
        (call,) = await receiver.heard()
    assert (call.told["type"], call.job) == ("job.cancelled", str(job.id))


async def test_a_worker_that_stops_puts_back_what_is_under_way(
    services: Services, receiver: Receiver, redis_url: str
) -> None:
    receiver.answers = [hangs, status(200)]
    async with worker_here(services, options(redis_url)):
        await ran(services, receiver.url)
        await receiver.heard()
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 5.0
    (row,) = await sql.rows("SELECT *, due_at <= now() AS is_due FROM webhook_deliveries")
    assert (row["state"], row["attempt"], row["is_due"]) == ("PENDING", 1, True)
    async with worker_here(services, options(redis_url)):
        await receiver.heard(2)
        await over()
    assert receiver.calls[0].id == receiver.calls[1].id


async def test_a_worker_without_a_secret_leaves_deliveries_alone(
    services: Services, receiver: Receiver, redis_url: str
) -> None:
    job = await submitted(services, "TEST_NOOP", options=told(receiver.url))
    async with worker_here(replace(services, webhooks=None), options(redis_url)):
        await ended(job.id)
        await asyncio.sleep(1.5)
    assert receiver.connections == 0
    assert await delivery_counts() == {"PENDING": 1, "DELIVERED": 0, "GIVEN_UP": 0}


async def test_the_daily_tidying_forgets_what_is_long_over(
    services: Services, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    viewer = await local_owner()
    for age in (1, 40):
        job = await submitted(services, "TEST_NOOP", options=told(receiver.url))
        await job_moves.cancel(job.id, viewer.id)
        await sql.run(
            "UPDATE webhook_deliveries SET due_at = now() - $1 * interval '1 day' WHERE job_id = $2",
            age,
            job.id,
        )
    await Rounds(Runner("w", services, {}, {}, 1), services).tidy()
    assert await delivery_counts() == {"PENDING": 1, "DELIVERED": 0, "GIVEN_UP": 0}
    assert "1 callback URLs were never told" in caplog.text
