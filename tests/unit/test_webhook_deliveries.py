"""The whole way, with a real worker in this process and a real receiver: who is told what, and when."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.logs import JsonLines
from app.webhooks import HttpCaller
from db import job_moves, job_rows, sql, webhooks
from db.jobs import Job
from domain import jobs
from domain.accounts import local_owner
from domain.jobs import JobOptions, NewJob, submit
from domain.ports import Services, Webhooks
from domain.webhooks import TRIES, key_of, tries
from tests.support.delivery_rows import delivery_counts
from tests.support.job_world import ended, job_services, options, submitted, until, worker_here
from tests.support.receiver import SECRET, Behaviour, Receiver, after, hangs, resets, status
from workers import deliveries
from workers.deliveries import Deliveries
from workers.rounds import Rounds
from workers.runner import Runner

pytestmark = pytest.mark.usefixtures("database")
PROMPT_SECONDS = 1.0


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver.open() as opened:
        yield opened


@pytest.fixture
async def services(database: object, redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with HttpCaller(allow_private=True) as caller, job_services(redis_url, tmp_path) as opened:
        yield replace(
            opened,
            webhooks=Webhooks(caller, (key_of(SECRET),), allow_private=True),
            public_url="https://starling.example",
        )


@pytest.fixture
async def worker(services: Services, redis_url: str) -> AsyncIterator[None]:
    async with worker_here(services, options(redis_url)):
        yield


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other within tenths of a second."""
    monkeypatch.setattr(tries, "FIRST_DELAY_SECONDS", 0.05)
    monkeypatch.setattr(deliveries, "LOOK_SECONDS", 0.05)


def told(url: str) -> JobOptions:
    return JobOptions(callback_url=url)


async def over(number: int = 1, seconds: float = 20.0) -> list[dict[str, Any]]:
    """The rows, once so many deliveries are over."""
    async with asyncio.timeout(seconds):
        while True:
            rows = await sql.rows("SELECT * FROM webhook_deliveries WHERE state <> 'PENDING'")
            if len(rows) >= number:
                return rows
            await asyncio.sleep(0.02)


async def ran(services: Services, url: str, kind: str = "TEST_NOOP", **params: Any) -> Job:
    """A job with this callback URL that has ended."""
    job = await submitted(services, kind, options=told(url), **params)
    return await ended(job.id)


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


@pytest.mark.usefixtures("hasty", "worker")
async def test_a_failed_try_is_made_again_under_the_same_id_and_a_new_signature(
    services: Services, receiver: Receiver
) -> None:
    receiver.answers = [status(500), resets, status(302, "location: /"), after(1.1, status(404)), status(200)]
    await ran(services, receiver.url)
    calls = await receiver.heard(5)
    (row,) = await over()
    assert (row["state"], row["attempt"]) == ("DELIVERED", 5)
    assert {call.id for call in calls} == {str(row["id"])}
    assert {call.body for call in calls} == {calls[0].body}
    assert all(call.signatures(SECRET.encode()) == [True] for call in calls)
    assert len({call.headers["webhook-timestamp"] for call in calls}) > 1


@pytest.mark.usefixtures("hasty", "worker")
async def test_after_the_last_try_it_is_given_up(
    services: Services, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tries, "MAX_ATTEMPTS", 3)
    receiver.answers = [status(500, body=b"the receiver's own words")]
    job = await ran(services, receiver.url)
    (row,) = await over()
    assert (row["state"], row["attempt"], row["last_error"]) == ("GIVEN_UP", 3, "HTTP_500")
    assert len(receiver.calls) == 3
    assert f"webhook of job {job.id}: given up (HTTP_500), try 3" in caplog.text
    assert "own words" not in caplog.text


async def test_what_no_worker_survives_is_given_up_too(services: Services, receiver: Receiver) -> None:
    """Each of them died in the middle of its try, so none could say that it was the last."""
    assert services.webhooks is not None
    viewer = await local_owner()
    job = await submitted(services, "TEST_NOOP", options=told(receiver.url))
    await job_moves.cancel(job.id, viewer.id)
    for _ in range(tries.MAX_ATTEMPTS):
        assert await webhooks.claim([], 0.0) is not None
    beyond = await webhooks.claim([], 30.0)
    assert beyond is not None
    await tries.deliver(beyond, services, services.webhooks)
    assert receiver.connections == 0
    (row,) = await over()
    assert (row["state"], row["last_error"]) == ("GIVEN_UP", "WORKERS_LOST")


@pytest.mark.usefixtures("worker")
async def test_a_receiver_that_is_gone_for_good_is_left_alone(services: Services, receiver: Receiver) -> None:
    receiver.answers = [status(410)]
    await ran(services, receiver.url)
    (row,) = await over()
    assert (row["state"], row["attempt"], row["last_error"]) == ("GIVEN_UP", 1, "HTTP_410")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("asked", "seconds"), [("120", 120.0), ("100000", 3600.0)])
async def test_a_receiver_that_asks_for_time_gets_it(
    services: Services, receiver: Receiver, asked: str, seconds: float
) -> None:
    receiver.answers = [status(503, f"retry-after: {asked}")]
    await ran(services, receiver.url)
    await receiver.heard()
    async with asyncio.timeout(20):
        while not (rows := await sql.rows(_PUT_OFF)):
            await asyncio.sleep(0.02)
    (row,) = rows
    assert abs(row["wait"].total_seconds() - seconds) < 10


_PUT_OFF = "SELECT due_at - now() AS wait FROM webhook_deliveries WHERE last_error IS NOT NULL"


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


async def test_a_try_that_was_anothers_by_then_changes_nothing(
    services: Services, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker that slept over its lease has told; the row is what the other try makes of it."""
    assert services.webhooks is not None
    viewer = await local_owner()
    job = await submitted(services, "TEST_NOOP", options=told(receiver.url))
    await job_moves.cancel(job.id, viewer.id)
    late = await webhooks.claim([], 0.0)
    other = await webhooks.claim([], 30.0)
    assert late is not None
    assert other is not None
    with caplog.at_level(logging.INFO):
        await tries.deliver(late, services, services.webhooks)
    assert "another's by then" in caplog.text
    assert await delivery_counts() == {"PENDING": 1, "DELIVERED": 0, "GIVEN_UP": 0}
    await tries.deliver(other, services, services.webhooks)
    assert await delivery_counts() == {"PENDING": 0, "DELIVERED": 1, "GIVEN_UP": 0}
    assert receiver.calls[0].id == receiver.calls[1].id


@pytest.mark.usefixtures("hasty", "worker")
@pytest.mark.parametrize("behaviour", [status(200), status(500), resets])
async def test_nothing_secret_is_logged_or_kept_of_a_failure(
    services: Services, receiver: Receiver, caplog: pytest.LogCaptureFixture, behaviour: Behaviour
) -> None:
    for name in ("httpx", "httpcore"):  # as `app.logs` has it, whatever the level of the rest
        caplog.set_level(logging.WARNING, name)
    receiver.answers = [behaviour]
    secret = "hunter2"
    url = f"http://bird:{secret}@127.0.0.1:{receiver.port}/{secret}?token={secret}"
    with caplog.at_level(logging.DEBUG):
        job = await ran(services, url)
        calls = await receiver.heard()
        await asyncio.sleep(0.3)
    said = "\n".join(
        f"{record.getMessage()} {record.__dict__}"
        for record in caplog.records
        if record.name.split(".")[0] in ("app", "db", "domain", "workers", "httpx", "httpcore")
    )
    assert str(job.id) in said
    assert secret not in said
    assert SECRET not in said
    assert calls[0].headers["webhook-signature"] not in said
    (row,) = await sql.rows("SELECT host, last_error FROM webhook_deliveries")
    assert secret not in str(row)


@pytest.mark.usefixtures("hasty", "worker")
async def test_every_line_of_a_try_names_its_job_and_each_try_is_counted(
    services: Services, receiver: Receiver
) -> None:
    written, about = io.StringIO(), logging.getLogger("domain.webhooks.tries")
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    about.addHandler(handler)
    receiver.answers = [status(500), status(500), status(410)]
    try:
        job = await ran(services, receiver.url)
        await over()
        await until_tried(services, 3)
    finally:
        about.removeHandler(handler)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["job_id"] for line in lines] == [str(job.id)] * 3
    found = services.tallies.totals()
    assert found[TRIES.name, "failed"] == 2
    assert found[TRIES.name, "given_up"] == 1
    assert (TRIES.name, "delivered") not in found


async def until_tried(services: Services, times: int) -> None:
    """A try is counted and told after its row says how it went."""
    async with asyncio.timeout(20):
        while sum(n for series, n in services.tallies.totals().items() if series[0] == TRIES.name) < times:
            await asyncio.sleep(0.02)


async def test_a_fault_of_ours_in_a_try_is_told_with_its_place_and_holds_up_no_other(
    services: Services, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert services.webhooks is not None
    viewer = await local_owner()
    spoilt, good = [await submitted(services, "TEST_NOOP", options=told(receiver.url)) for _ in range(2)]
    for job in (spoilt, good):
        await job_moves.cancel(job.id, viewer.id)
    await sql.run("UPDATE webhook_deliveries SET payload = '{}' WHERE job_id = $1", spoilt.id)
    monkeypatch.setattr(deliveries, "MOST_AT_ONCE", 1)
    going = Deliveries(services, services.webhooks)
    await going.look()
    (call,) = await receiver.heard()
    await over()
    await going.close()
    assert call.job == str(good.id)
    assert "comes again after its lease: 'job'" in caplog.text
    assert "KeyError" in caplog.text
    assert (await delivery_counts())["PENDING"] == 1


async def test_a_database_that_hiccups_costs_a_second(
    services: Services, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that fails is logged and comes again."""
    assert services.webhooks is not None
    failures = iter([OSError("no database"), OSError("no database")])
    claim = webhooks.claim

    async def shaky(busy: list[str], lease: float) -> webhooks.Delivery | None:
        if (error := next(failures, None)) is not None:
            raise error
        return await claim(busy, lease)

    monkeypatch.setattr(webhooks, "claim", shaky)
    monkeypatch.setattr(deliveries, "LOOK_SECONDS", 0.05)
    viewer = await local_owner()
    job = await submitted(services, "TEST_NOOP", options=told(receiver.url))
    await job_moves.cancel(job.id, viewer.id)
    going = Deliveries(services, services.webhooks)
    task = asyncio.create_task(going.go())
    await receiver.heard()
    await over()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await going.close()


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
