"""What becomes of a try that is not taken: again, later, or never, and what is said of it."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import asyncpg
import pytest

from app.logs import JsonLines
from db import job_moves, sql, webhooks
from domain.accounts import local_owner
from domain.ports import Services
from domain.webhooks import TRIES, tries
from tests.support.callbacks import over, ran, told
from tests.support.delivery_rows import delivery_counts
from tests.support.job_world import submitted
from tests.support.receiver import SECRET, Behaviour, Receiver, after, resets, status
from workers import deliveries
from workers.deliveries import Deliveries

pytestmark = pytest.mark.usefixtures("database")
_WAITING = """SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'webhook_deliveries'::regclass
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_PUT_OFF = "SELECT due_at - now() AS wait FROM webhook_deliveries WHERE last_error IS NOT NULL"


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
    await until_tried(services, 3)
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
        await until_tried(services, 1)
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
    told_again = [record for record in caplog.records if "comes again" in record.message]
    assert [vars(record).get("job_id") for record in told_again] == [str(spoilt.id)]
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


@pytest.mark.parametrize("times", [1, 2])
async def test_what_was_claimed_as_its_worker_was_told_to_stop_is_due_at_once(
    services: Services, receiver: Receiver, database_url: str, times: int
) -> None:
    assert services.webhooks is not None
    job = await submitted(services, "TEST_NOOP", options=told(receiver.url))
    await job_moves.cancel(job.id, (await local_owner()).id)
    looked = Deliveries(services, services.webhooks)
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        await connection.execute("LOCK TABLE webhook_deliveries IN EXCLUSIVE MODE")
        going = asyncio.create_task(looked.go())
        while not await connection.fetchval(_WAITING):
            await asyncio.sleep(0.01)
        for _ in range(times):
            going.cancel()
            for _ in range(3):
                await asyncio.sleep(0)  # it knows, and the claim is under way still
    await asyncio.gather(going, return_exceptions=True)
    await connection.close()
    await looked.close()
    assert receiver.connections == 0
    (row,) = await sql.rows("SELECT state, attempt, due_at <= now() AS is_due FROM webhook_deliveries")
    assert (row["state"], row["attempt"], row["is_due"]) == ("PENDING", 1, True)


async def test_a_lane_that_is_cancelled_before_it_began_puts_back_what_was_claimed(
    services: Services, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "MOST_AT_ONCE", 1)
    assert services.webhooks is not None
    job = await submitted(services, "TEST_NOOP", options=told(receiver.url))
    await job_moves.cancel(job.id, (await local_owner()).id)
    looked = Deliveries(services, services.webhooks)
    await looked.look()
    (lane,) = looked._lanes
    lane.cancel()
    await asyncio.gather(lane, return_exceptions=True)
    await looked.close()
    assert receiver.connections == 0
    (row,) = await sql.rows("SELECT state, attempt, due_at <= now() AS is_due FROM webhook_deliveries")
    assert (row["state"], row["attempt"], row["is_due"]) == ("PENDING", 1, True)
