"""Reading and inserting jobs. What changes a waiting or running job is in `db.job_moves`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from tortoise.expressions import Q
from tortoise.transactions import in_transaction

from db import sql
from db.job_moves import LOGGED, run_move
from db.jobs import Job, JobAttempt, JobInput
from db.webhooks import KEPT, TOLD

IN_TRANSACTION = in_transaction  # `async with IN_TRANSACTION():` all or nothing


@dataclass(frozen=True)
class JobRow:
    """What an insert needs. An idempotency key that is taken makes it insert nothing."""

    kind: str
    owner_id: UUID
    params: dict[str, Any]
    stages: list[dict[str, Any]]
    max_attempts: int
    priority: int = 1
    cache_key: str | None = None
    idempotency_key: str | None = None
    idempotency_index: int = 0
    arguments_hash: str | None = None
    subject_type: str | None = None
    subject_id: str | None = None
    callback_url: str | None = None
    retry_of: UUID | None = None
    from_stage: str | None = None
    inputs: Sequence[UUID] = ()
    id: UUID = field(default_factory=uuid4)


_COLUMNS = """id, kind, owner_id, params, stages, max_attempts, priority, cache_key, idempotency_key,
  idempotency_index, arguments_hash, subject_type, subject_id, callback_url, retry_of, from_stage"""
_VALUES = "$1, $2, $3, $4::jsonb, $5::jsonb, $6, $7::smallint, $8, $9, $10, $11, $12, $13, $14, $15, $16"
_TIMES = "now() - $7::smallint * interval '5 minutes', now(), now(), now(), now()"
_ONCE = """ON CONFLICT (owner_id, idempotency_key, idempotency_index) WHERE idempotency_key IS NOT NULL
  DO NOTHING RETURNING *"""

_INSERT = f"""
WITH moved AS (
  INSERT INTO jobs ({_COLUMNS}, queue_at, run_at, dispatched_at, created_at, updated_at)
  VALUES ({_VALUES}, {_TIMES}) {_ONCE}),
{LOGGED}
SELECT * FROM moved"""  # noqa: S608

_INSERT_COMPLETED = f"""
WITH moved AS (
  INSERT INTO jobs ({_COLUMNS}, queue_at, run_at, dispatched_at, created_at, updated_at,
    state, cached, progress, completed_at, result)
  VALUES ({_VALUES}, {_TIMES}, 'COMPLETED', true, 100, now(), $17::jsonb) {_ONCE}),
{LOGGED},
{TOLD}
SELECT * FROM moved"""  # noqa: S608


def _values(row: JobRow) -> list[Any]:
    return [
        row.id,
        row.kind,
        row.owner_id,
        orjson.dumps(row.params).decode(),
        orjson.dumps(row.stages).decode(),
        row.max_attempts,
        row.priority,
        row.cache_key,
        row.idempotency_key,
        row.idempotency_index,
        row.arguments_hash,
        row.subject_type,
        row.subject_id,
        row.callback_url,
        row.retry_of,
        row.from_stage,
    ]


async def insert(row: JobRow) -> Job | None:
    """A new PENDING job; None where its idempotency key is taken."""
    inserted = await run_move(_INSERT, _values(row))
    return await _with_inputs(inserted, row)


async def insert_completed(row: JobRow, result: dict[str, Any] | None) -> Job | None:
    """A job that is answered from an earlier identical one; None where its idempotency key is taken."""
    text = None if result is None else orjson.dumps(result).decode()
    inserted = await run_move(_INSERT_COMPLETED, [*_values(row), text])
    return await _with_inputs(inserted, row)


async def _with_inputs(inserted: list[Job], row: JobRow) -> Job | None:
    if not inserted:
        return None
    if row.inputs:
        await JobInput.bulk_create([JobInput(job_id=row.id, asset_id=asset_id) for asset_id in row.inputs])
    return inserted[0]


async def by_idempotency_key(owner_id: UUID, key: str) -> list[Job]:
    """The jobs of one key, in the order of their batch."""
    return await Job.filter(owner_id=owner_id, idempotency_key=key).order_by("idempotency_index")


_PENDING_UP_TO = """SELECT count(*) AS n FROM
  (SELECT 1 FROM jobs WHERE owner_id = $1 AND state = 'PENDING' LIMIT $2) AS waiting"""


async def pending_up_to(owner_id: UUID, limit: int) -> int:
    """How many jobs of the owner wait, counted no further than the limit."""
    (row,) = await sql.rows(_PENDING_UP_TO, owner_id, limit)
    return int(row["n"])


_FIND = "SELECT * FROM jobs WHERE id = $1 AND owner_id = $2 AND kind = ANY($3::text[])"


async def find(owner_id: UUID, job_id: UUID, kinds: Sequence[str]) -> Job | None:
    found = await sql.objects(Job, _FIND, job_id, owner_id, list(kinds))
    return found[0] if found else None


async def by_ids(job_ids: Sequence[UUID]) -> dict[UUID, Job]:
    return await Job.in_bulk(list(job_ids), "id") if job_ids else {}


@dataclass(frozen=True)
class Left:
    """A job as it is now, and whether the attempt that is asked about was its end."""

    job: Job
    was_ended: bool


async def left_by(job_id: UUID, epoch: int, outcomes: Sequence[str]) -> Left | None:
    """What the attempt of this claim left, if it came to one of these (`job_attempts.outcome`).

    None also where the job was deleted since: its attempts went with it.
    """
    attempt = await JobAttempt.get_or_none(job_id=job_id, epoch=epoch, outcome__in=list(outcomes))
    job = await Job.get_or_none(id=job_id)
    if attempt is None or job is None:
        return None
    # A move that ends both gives both its time. A job that was given back ends later, maybe in this epoch.
    return Left(job, was_ended=job.completed_at == attempt.ended_at)


@dataclass(frozen=True)
class Condition:
    """A named WHERE clause over jobs: kinds and owner always, the rest where it is given."""

    owner_id: UUID
    kinds: Sequence[str]
    states: Sequence[str] | None = None
    subject_type: str | None = None
    subject_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def filters(self) -> dict[str, Any]:
        given = {
            "state__in": None if self.states is None else list(self.states),
            "subject_type": self.subject_type,
            "subject_id": self.subject_id,
            "created_at__gte": self.created_after,
            "created_at__lt": self.created_before,
        }
        chosen = {name: value for name, value in given.items() if value is not None}
        return {"owner_id": self.owner_id, "kind__in": list(self.kinds), **chosen}


async def page(condition: Condition, after: tuple[datetime, UUID] | None, limit: int) -> list[Job]:
    """Newest first, strictly after the place given."""
    rows = Job.filter(**condition.filters())
    if after is not None:
        created_at, job_id = after
        rows = rows.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, id__lt=job_id))
    return await rows.order_by("-created_at", "-id").limit(limit)


async def count(condition: Condition) -> int:
    return await Job.filter(**condition.filters()).count()


_COUNTS = """
SELECT state, count(*) AS n FROM jobs WHERE owner_id = $1 AND kind = ANY($2::text[]) GROUP BY state"""


async def counts_by_state(owner_id: UUID, kinds: Sequence[str]) -> dict[str, int]:
    return {row["state"]: int(row["n"]) for row in await sql.rows(_COUNTS, owner_id, list(kinds))}


_NEWEST_RETRIES = """
SELECT DISTINCT ON (retry_of) retry_of, id FROM jobs WHERE retry_of = ANY($1::uuid[])
ORDER BY retry_of, created_at DESC, id DESC"""


async def newest_retries(job_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """For each job that was retried by hand, the newest retry."""
    if not job_ids:
        return {}
    return {row["retry_of"]: row["id"] for row in await sql.rows(_NEWEST_RETRIES, list(job_ids))}


async def held_inputs_of(job_id: UUID) -> list[UUID] | None:
    """The inputs of a job that is not removed before the open transaction ends; None where it is gone."""
    if not await sql.rows("SELECT id FROM jobs WHERE id = $1 FOR SHARE", job_id):
        return None
    return [row.asset_id for row in await JobInput.filter(job_id=job_id).order_by("id")]


_DELETE = f"""
WITH gone AS (DELETE FROM jobs WHERE id = $1 AND owner_id = $2 AND completed_at IS NOT NULL RETURNING id),
  events AS (DELETE FROM job_events USING gone WHERE job_id = gone.id),
  attempts AS (DELETE FROM job_attempts USING gone WHERE job_id = gone.id),
  inputs AS (DELETE FROM job_inputs USING gone WHERE job_id = gone.id),
  outputs AS (DELETE FROM job_outputs USING gone WHERE job_id = gone.id),
  {KEPT}
SELECT id FROM gone"""  # noqa: S608


async def delete_ended(job_id: UUID, owner_id: UUID) -> bool:
    """Remove an ended job with all that is only about it; False where it is not there or not ended."""
    return bool(await sql.rows(_DELETE, job_id, owner_id))
