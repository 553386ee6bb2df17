"""Deliveries as rows: claimed by one at a time, fenced by the try, due after a lease, longer than jobs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from db import job_moves, job_rows, sql, webhooks
from db.assets import Asset
from db.jobs import Job
from db.webhooks import WebhookDelivery
from domain import jobs
from domain.accounts import local_owner
from tests.support.delivery_rows import delivery_counts
from tests.support.job_kinds import NOOP
from tests.support.local_services import local_services
from tests.support.rows import an_output

pytestmark = pytest.mark.usefixtures("database")
URL = "https://hooks.example/told"


async def _job(url: str | None = URL, **given: object) -> Job:
    viewer = await local_owner()
    row = job_rows.JobRow(NOOP.name, viewer.id, {}, [], 3, callback_url=url, **given)  # type: ignore[arg-type]
    job = await job_rows.insert(row)
    assert job is not None
    return job


async def _cancelled(url: str | None = URL, **given: object) -> Job:
    job = await _job(url, **given)
    ended = await job_moves.cancel(job.id, job.owner_id)
    assert ended is not None
    return ended


async def _one() -> WebhookDelivery:
    (row,) = await WebhookDelivery.all()
    return row


async def test_a_result_of_the_cache_is_told_like_any_other_end() -> None:
    viewer = await local_owner()
    row = job_rows.JobRow(NOOP.name, viewer.id, {}, [], 3, callback_url=URL, subject_type="X", subject_id="y")
    job = await job_rows.insert_completed(row, {"a": 1})
    assert job is not None
    delivery = await _one()
    assert (delivery.job_id, delivery.payload["status"], delivery.payload["cached"]) == (
        job.id,
        "COMPLETED",
        True,
    )
    assert delivery.payload["subject"] == {"type": "X", "id": "y"}
    assert await job_rows.insert_completed(job_rows.JobRow(NOOP.name, viewer.id, {}, [], 3), None) is not None
    assert await WebhookDelivery.all().count() == 1


async def test_an_end_that_is_rolled_back_tells_nobody() -> None:
    job = await _job()
    with pytest.raises(RuntimeError):
        async with job_rows.IN_TRANSACTION():
            await job_moves.cancel(job.id, job.owner_id)
            raise RuntimeError
    assert await WebhookDelivery.all().count() == 0


async def test_the_database_refuses_a_second_delivery_of_a_job() -> None:
    await _cancelled()
    with pytest.raises(Exception, match="webhook_deliveries_one_a_job"):
        await sql.run(
            "INSERT INTO webhook_deliveries SELECT (json_populate_record(NULL::webhook_deliveries,"
            " (to_jsonb(w) || jsonb_build_object('id', gen_random_uuid()))::json)).*"
            " FROM webhook_deliveries w"
        )


async def test_an_odd_url_of_an_older_version_does_not_keep_a_job_from_ending() -> None:
    await _cancelled("http:///nonsense")
    assert (await _one()).host == ""


async def test_the_oldest_goes_first() -> None:
    ended = [await _cancelled() for _ in range(3)]
    claimed = [await webhooks.claim([], 30.0) for _ in ended]
    assert [delivery.job_id for delivery in claimed if delivery is not None] == [job.id for job in ended]


async def test_however_many_claim_at_once_each_delivery_is_claimed_once() -> None:
    ended = [await _cancelled() for _ in range(20)]
    claimed = await asyncio.gather(*(webhooks.claim([], 30.0) for _ in range(25)))
    found = [delivery for delivery in claimed if delivery is not None]
    assert sorted(delivery.job_id for delivery in found) == sorted(job.id for job in ended)
    assert {delivery.attempt for delivery in found} == {1}
    assert await webhooks.claim([], 30.0) is None


async def test_claims_leave_out_busy_hosts() -> None:
    await _cancelled("https://slow.example/")
    fast = await _cancelled("https://fast.example/")
    delivery = await webhooks.claim(["slow.example"], 30.0)
    assert delivery is not None
    assert delivery.job_id == fast.id
    assert await webhooks.claim(["slow.example"], 30.0) is None


async def test_a_try_whose_lease_is_over_is_anothers() -> None:
    await _cancelled()
    first = await webhooks.claim([], 0.0)
    second = await webhooks.claim([], 30.0)
    assert first is not None
    assert second is not None
    assert (second.id, second.attempt) == (first.id, 2)
    assert not await webhooks.put_off(first.id, first.attempt, 0.0, "HTTP_500")
    assert not await webhooks.give_up(first.id, first.attempt, "HTTP_410")
    assert not await webhooks.delivered(first.id, first.attempt)
    assert (await _one()).state == "PENDING"
    assert await webhooks.delivered(second.id, second.attempt)
    assert not await webhooks.delivered(second.id, second.attempt)
    assert await delivery_counts() == {"PENDING": 0, "DELIVERED": 1, "GIVEN_UP": 0}


async def test_what_was_put_off_is_due_later() -> None:
    await _cancelled()
    delivery = await webhooks.claim([], 30.0)
    assert delivery is not None
    assert await webhooks.put_off(delivery.id, 1, 60.0, "HTTP_500")
    assert await webhooks.claim([], 30.0) is None
    (row,) = await sql.rows("SELECT due_at - now() AS wait, last_error FROM webhook_deliveries")
    assert 30.0 < row["wait"].total_seconds() <= 60.0
    assert row["last_error"] == "HTTP_500"


async def test_what_was_given_up_is_never_due_again() -> None:
    await _cancelled()
    delivery = await webhooks.claim([], 0.0)
    assert delivery is not None
    assert await webhooks.give_up(delivery.id, 1, "HTTP_410")
    assert await webhooks.claim([], 0.0) is None
    row = await _one()
    assert (row.state, row.last_error, row.ended_at is not None) == ("GIVEN_UP", "HTTP_410", True)


async def test_a_delivery_outlives_its_job_and_still_names_the_files(tmp_path: Path) -> None:
    viewer = await local_owner()
    job = await _cancelled()
    film = await an_output(job, viewer)
    gone = await an_output(job, viewer, "preview")
    before = await webhooks.claim([], 0.0)
    assert before is not None
    assert [role for role, _ in await webhooks.files_of(before)] == ["video", "preview"]
    await jobs.delete(viewer, job.id, services=local_services(tmp_path))
    await Asset.filter(id=gone.id).delete()
    after = await webhooks.claim([], 0.0)
    assert after is not None
    assert await _files(after) == [("video", film.id)]
    assert await sql.rows("SELECT 1 FROM job_outputs") == []


async def _files(delivery: webhooks.Delivery) -> list[tuple[str, UUID]]:
    return [(role, asset.id) for role, asset in await webhooks.files_of(delivery)]


@pytest.mark.parametrize("state", ["DELIVERED", "GIVEN_UP", "PENDING"])
async def test_what_is_long_over_is_forgotten(state: str) -> None:
    for age in (29, 31):
        job = await _cancelled()
        await sql.run(
            "UPDATE webhook_deliveries SET state = $1::text, due_at = now() - $2 * interval '1 day',"
            " ended_at = CASE WHEN $1::text <> 'PENDING' THEN now() - $2 * interval '1 day' END"
            " WHERE job_id = $3",
            state,
            age,
            job.id,
        )
    assert await webhooks.forget(30 * 86_400.0) == (1 if state == "PENDING" else 0)
    assert (await delivery_counts())[state] == 1


async def test_however_much_is_forgotten_no_statement_removes_more_than_a_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhooks, "ROWS_A_BATCH", 2)
    for number in range(9):
        job = await _cancelled()
        if number % 3:
            await sql.run(
                "UPDATE webhook_deliveries SET state = 'DELIVERED', ended_at = due_at WHERE job_id = $1",
                job.id,
            )
    await sql.run(
        "UPDATE webhook_deliveries SET due_at = due_at - interval '31 days',"
        " ended_at = ended_at - interval '31 days'"
    )
    ask, removed = sql.rows, list[int]()

    async def rows(statement: str, *values: object) -> list[dict[str, int]]:
        found = await ask(statement, *values)
        removed.extend(row["all"] for row in found)
        return found

    monkeypatch.setattr(sql, "rows", rows)
    assert await webhooks.forget(30 * 86_400.0) == 3
    assert (sum(removed), max(removed)) == (9, 4)
    assert await WebhookDelivery.all().count() == 0


@pytest.mark.parametrize("values", [("_PENDING",), ("_FORGET", 30 * 86_400.0, 5_000), ("_CLAIM", [], 30.0)])
async def test_a_month_of_deliveries_is_never_read_whole(values: tuple[Any, ...]) -> None:
    statement, *given = values
    await sql.run(
        "INSERT INTO webhook_deliveries (id, job_id, owner_id, url, host, payload, state, due_at, created_at,"
        " ended_at) SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'http://x', 'x', '{}',"
        " 'DELIVERED', t, t, t FROM (SELECT now() - n * interval '1 minute' AS t"
        " FROM generate_series(1, 20000) n) times"
    )
    await _cancelled()
    await sql.run("ANALYZE webhook_deliveries")
    explained = await sql.rows(f"EXPLAIN {getattr(webhooks, statement)}", *given)
    plan = "\n".join(row["QUERY PLAN"] for row in explained)
    assert "webhook_deliveries_due" in plan
    assert "Seq Scan" not in plan, plan


async def test_an_old_delivery_that_ended_lately_is_kept() -> None:
    await _cancelled()
    await sql.run(
        "UPDATE webhook_deliveries SET created_at = now() - interval '90 days',"
        " due_at = now() - interval '90 days', state = 'DELIVERED', ended_at = now()"
    )
    assert await webhooks.forget(30 * 86_400.0) == 0
    assert await WebhookDelivery.all().count() == 1


@pytest.mark.parametrize(
    "change",
    [
        "state = 'LOST'",
        "state = 'DELIVERED'",
        "ended_at = now()",
        "attempt = -1",
    ],
)
async def test_the_database_refuses_impossible_deliveries(change: str) -> None:
    await _cancelled()
    with pytest.raises(Exception, match="violates check constraint"):
        await sql.run(f"UPDATE webhook_deliveries SET {change}")


async def test_a_job_without_a_callback_url_writes_nothing() -> None:
    await _cancelled(None)
    assert await WebhookDelivery.all().count() == 0
    assert await delivery_counts() == {"PENDING": 0, "DELIVERED": 0, "GIVEN_UP": 0}
