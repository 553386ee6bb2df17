"""Telling the outside that a job ended: one delivery a job, and its moves, by the database's clock only.

The row is inserted by the statement that ends the job (`TOLD`, part of every such move), so it exists if
and only if the end was committed, and it holds what it has to say: it outlives its job. A claim raises
the attempt, which is the fence of the try, and puts the delivery off for a lease: what a killed worker held
is due again when that is over, and no statement of an older try finds its row any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.contrib.postgres.indexes import PostgreSQLIndex
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from db import sql
from db.assets import Asset


class WebhookDelivery(Model):
    """One call that says that one job ended. While a try is under way `due_at` is the end of its lease."""

    id = fields.UUIDField(primary_key=True)  # the same on each try: receivers tell repetitions by it
    job_id = fields.UUIDField()
    owner_id = fields.UUIDField()
    url = fields.TextField()
    host = fields.TextField()  # host and port as written: what must not take up all tries at once
    payload: Any = fields.JSONField()  # the job as it ended, but for its files
    state = fields.CharField(max_length=12, db_default="PENDING")
    attempt = fields.IntField(db_default=0)  # the fence: grows with each claim, never falls
    due_at = fields.DatetimeField()
    last_error = fields.CharField(max_length=100, null=True)  # a code, never what a receiver sent
    created_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "webhook_deliveries"
        constraints = (
            UniqueConstraint(fields=("job_id",), name="webhook_deliveries_one_a_job"),
            CheckConstraint(
                "state IN ('PENDING', 'DELIVERED', 'GIVEN_UP')", "webhook_deliveries_state_known"
            ),
            CheckConstraint(
                "(state = 'PENDING') = (ended_at IS NULL)", "webhook_deliveries_ended_has_a_time"
            ),
            CheckConstraint("attempt >= 0", "webhook_deliveries_attempts_in_range"),
        )
        indexes = (
            PostgreSQLIndex(
                fields=("due_at",), name="webhook_deliveries_due", condition={"state": "PENDING"}
            ),
            Index(fields=("ended_at",), name="webhook_deliveries_by_end"),
        )


_HOST = r"COALESCE(lower(substring(callback_url from '^[A-Za-z]+://(?:[^/?#]*@)?([^/?#@]*)')), '')"
_PAYLOAD = """jsonb_build_object(
    'job', id, 'kind', kind, 'status', state, 'progress', progress, 'error', error,
    'subject', CASE WHEN subject_type IS NOT NULL
      THEN jsonb_build_object('type', subject_type, 'id', subject_id) END,
    'cached', cached, 'retryOf', retry_of,
    'createdAt', created_at, 'startedAt', started_at, 'completedAt', completed_at)"""

# A part of every statement that can end a job; `moved` are the rows of jobs that the statement changed.
TOLD = f"""told AS (
  INSERT INTO webhook_deliveries (id, job_id, owner_id, url, host, payload, due_at, created_at)
  SELECT gen_random_uuid(), id, owner_id, callback_url, {_HOST}, {_PAYLOAD}, now(), now()
  FROM moved WHERE callback_url IS NOT NULL AND completed_at IS NOT NULL)"""  # noqa: S608

# A part of the statement that deletes jobs (`gone`): their files stay assets, so they can still be named.
KEPT = """kept AS (
  UPDATE webhook_deliveries d SET payload = d.payload || jsonb_build_object('outputs', COALESCE(
    (SELECT jsonb_agg(jsonb_build_object('role', o.role, 'asset', o.asset_id) ORDER BY o.id)
      FROM job_outputs o WHERE o.job_id = d.job_id), '[]'::jsonb))
  FROM gone WHERE d.job_id = gone.id AND d.state = 'PENDING')"""


@dataclass(frozen=True)
class Delivery:
    """A claimed delivery. `attempt` counts from 1; `claimed_at` is the database's time of the claim."""

    id: UUID
    job_id: UUID
    attempt: int
    url: str
    host: str
    payload: dict[str, Any]
    claimed_at: datetime


_CLAIM = """
WITH due AS (
  SELECT id FROM webhook_deliveries
  WHERE state = 'PENDING' AND due_at <= now() AND host <> ALL($1::text[])
  ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED),
claimed AS (
  UPDATE webhook_deliveries w SET attempt = attempt + 1, due_at = now() + $2 * interval '1 second'
  FROM due WHERE w.id = due.id AND state = 'PENDING' RETURNING w.*)
SELECT id, job_id, attempt, url, host, payload, now() AS claimed_at FROM claimed"""


async def claim(busy_hosts: Sequence[str], lease_seconds: float) -> Delivery | None:
    """Take the delivery that is due the longest, but for those of some hosts."""
    found = await sql.rows(_CLAIM, list(busy_hosts), lease_seconds)
    if not found:
        return None
    (row,) = found
    return Delivery(**{**row, "payload": orjson.loads(row["payload"])})


_OURS = "WHERE id = $1 AND state = 'PENDING' AND attempt = $2"
_DELIVERED = f"""
WITH moved AS (
  UPDATE webhook_deliveries SET state = 'DELIVERED', ended_at = now(), last_error = NULL {_OURS} RETURNING id)
SELECT id FROM moved"""  # noqa: S608
_PUT_OFF = f"""
WITH moved AS (
  UPDATE webhook_deliveries SET due_at = now() + $3 * interval '1 second',
    last_error = COALESCE($4, last_error) {_OURS} RETURNING id)
SELECT id FROM moved"""  # noqa: S608
_GIVEN_UP = f"""
WITH moved AS (
  UPDATE webhook_deliveries SET state = 'GIVEN_UP', ended_at = now(), last_error = $3 {_OURS} RETURNING id)
SELECT id FROM moved"""  # noqa: S608


async def delivered(delivery_id: UUID, attempt: int) -> bool:
    """False: the try is not ours any more."""
    return bool(await sql.rows(_DELIVERED, delivery_id, attempt))


async def put_off(delivery_id: UUID, attempt: int, delay_seconds: float, error: str | None = None) -> bool:
    """Due again after the delay. False: the try is not ours any more."""
    return bool(await sql.rows(_PUT_OFF, delivery_id, attempt, delay_seconds, error))


async def give_up(delivery_id: UUID, attempt: int, error: str) -> bool:
    """Never tried again. False: the try is not ours any more."""
    return bool(await sql.rows(_GIVEN_UP, delivery_id, attempt, error))


async def files_of(delivery: Delivery) -> list[tuple[str, Asset]]:
    """(role, asset) of what the job made and is still there, whether or not the job is."""
    named = delivery.payload.get("outputs")
    if named is None:
        links = await sql.rows(
            "SELECT role, asset_id FROM job_outputs WHERE job_id = $1 ORDER BY id", delivery.job_id
        )
        wanted = [(row["role"], row["asset_id"]) for row in links]
    else:
        wanted = [(entry["role"], UUID(entry["asset"])) for entry in named]
    if not wanted:
        return []
    assets = await Asset.filter(deleted_at__isnull=True).in_bulk([id for _, id in wanted], "id")
    return [(role, assets[id]) for role, id in wanted if id in assets]


_PENDING = "SELECT count(*) AS n FROM webhook_deliveries WHERE state = 'PENDING'"


async def pending() -> int:
    """How many ends nobody was told of yet, those under way included; by an index, however many were told."""
    (row,) = await sql.rows(_PENDING)
    return int(row["n"])


ROWS_A_BATCH = 5_000
_FORGET = """
WITH ended AS (
  SELECT id FROM webhook_deliveries WHERE ended_at < now() - $1 * interval '1 second'
  ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED),
untold AS (
  SELECT id FROM webhook_deliveries WHERE state = 'PENDING' AND due_at < now() - $1 * interval '1 second'
  ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED),
gone AS (
  DELETE FROM webhook_deliveries w USING (SELECT id FROM ended UNION ALL SELECT id FROM untold) old
  WHERE w.id = old.id RETURNING w.state)
SELECT count(*) AS all, count(*) FILTER (WHERE state = 'PENDING') AS untold FROM gone"""


async def forget(keep_seconds: float) -> int:
    """Remove what ended, or was due and not tried, that long ago; how many of them nobody was told.

    In short statements: a flood of a month ago must not run into the time limit of one.
    """
    untold = 0
    while True:
        (row,) = await sql.rows(_FORGET, keep_seconds, ROWS_A_BATCH)
        if not row["all"]:
            return untold
        untold += int(row["untold"])
