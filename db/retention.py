"""Removing jobs that ended long ago, with all that is only about them, and letting go of the files they made.

A batch is one short transaction. It locks jobs and files and leaves alone what somebody else has locked just
now, so it never waits while it holds something; only then it asks who uses the files, so that a use is either
seen here or waits for this transaction and finds the file gone. A job goes whole or not at all: while
something uses a file that it made, its row stays too, and the next day looks again. The newest go first,
because what a job made is read by jobs that ended after it. A job whose webhook is not delivered
yet stays until it is, or is given up.

The bytes are not touched here. A file is let go of like one that its owner deletes: its row remembers that
until the bytes are collected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from tortoise.transactions import in_transaction

from db import sql
from db.asset_uses import in_use, used_ids

LAST_ID = UUID(int=2**128 - 1)
JOBS_A_BATCH = 200
EVENTS_A_BATCH = 20_000  # a long render has thousands of them
TRIES = 3


@dataclass(frozen=True)
class Place:
    """How far the expired jobs of one owner were looked at, from the newest on."""

    completed_at: datetime
    job_id: UUID = LAST_ID


@dataclass(frozen=True)
class Freed:
    """A file that was let go of."""

    key: str
    sha256: str
    size: int  # bytes


@dataclass(frozen=True)
class Batch:
    """What one transaction removed. `looked_at` counts the jobs that stay too; `place` is None at the end."""

    looked_at: int
    jobs: int = 0
    attempts: int = 0
    events: int = 0
    freed: Sequence[Freed] = ()
    place: Place | None = None


@dataclass
class _Made:
    """The files that the jobs of a batch made, whoever else may use them."""

    of_job: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))

    def ids(self) -> set[UUID]:
        return set().union(*self.of_job.values())


async def moment_before(days: int) -> datetime:
    """So many days ago, by the database's clock."""
    (row,) = await sql.rows("SELECT now() - $1 * interval '1 day' AS moment", days)
    moment: datetime = row["moment"]
    return moment


async def next_owner(after: UUID | None) -> UUID | None:
    """The owners of jobs one after the other; each step is one look into an index."""
    rows = await sql.rows(
        "SELECT owner_id FROM jobs WHERE owner_id > $1 ORDER BY owner_id LIMIT 1", after or UUID(int=0)
    )
    return rows[0]["owner_id"] if rows else None


async def remove_batch(owner_id: UUID, kinds: Sequence[str], place: Place, made_below: str) -> Batch:
    """Remove the next expired jobs behind a place, and let go of the files below `made_below` they made."""
    for left in reversed(range(TRIES)):
        try:
            async with in_transaction():
                return await _remove_batch(owner_id, kinds, place, made_below)
        except asyncpg.DeadlockDetectedError:  # whoever else locks in another order: it comes again
            if not left:
                raise
    raise AssertionError("unreachable")


_CALLED_BACK = (
    "NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.job_id = jobs.id AND d.state = 'PENDING')"
)
_EXPIRED = f"""
SELECT id, completed_at, version FROM jobs
WHERE owner_id = $1 AND kind = ANY($2::text[]) AND {_CALLED_BACK}
  AND completed_at <= $3::timestamptz AND (completed_at, id) < ($3::timestamptz, $4::uuid)
ORDER BY completed_at DESC, id DESC LIMIT $5 FOR UPDATE SKIP LOCKED"""  # noqa: S608


async def _remove_batch(owner_id: UUID, kinds: Sequence[str], place: Place, made_below: str) -> Batch:
    found = await sql.rows(_EXPIRED, owner_id, list(kinds), place.completed_at, place.job_id, JOBS_A_BATCH)
    rows = _few_enough(found)
    if not rows:
        return Batch(0)
    jobs = [row["id"] for row in rows]
    made = await _made(jobs, made_below)
    locked = await _lock(made.ids())
    going = await _unused(jobs, made, locked)
    counts = await _remove(going)
    freed = await _let_go(set().union(*(made.of_job[job] for job in going)))
    return Batch(
        looked_at=len(rows),
        jobs=counts["jobs"],
        attempts=counts["attempts"],
        events=counts["events"],
        freed=freed,
        place=Place(rows[-1]["completed_at"], rows[-1]["id"]),
    )


def _few_enough(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """As many as have a batch of events between them (no job has more events than versions), at least one."""
    chosen: list[Mapping[str, Any]] = []
    events = 0
    for row in rows:
        events += row["version"]
        if chosen and events > EVENTS_A_BATCH:
            break
        chosen.append(row)
    return chosen


_MADE = """
SELECT o.job_id, o.asset_id FROM job_outputs o JOIN assets a ON a.id = o.asset_id
WHERE o.job_id = ANY($1::uuid[]) AND a.deleted_at IS NULL AND starts_with(a.key, $2)"""


async def _made(jobs: Sequence[UUID], made_below: str) -> _Made:
    made = _Made()
    for row in await sql.rows(_MADE, list(jobs), made_below):
        made.of_job[row["job_id"]].add(row["asset_id"])
    return made


_LOCK = """
SELECT id FROM assets WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL
ORDER BY id FOR UPDATE SKIP LOCKED"""


async def _lock(ids: Collection[UUID]) -> set[UUID]:
    return {row["id"] for row in await sql.rows(_LOCK, list(ids))} if ids else set()


async def _unused(jobs: Collection[UUID], made: _Made, locked: set[UUID]) -> list[UUID]:
    """The jobs whose files are all ours and used by nothing, but perhaps by jobs that go with them."""
    used = await in_use(locked)
    readers = await _readers(locked)
    going = set(jobs)

    def is_held(asset_id: UUID) -> bool:
        return asset_id not in locked or asset_id in used or bool(readers[asset_id] - going)

    while held := {job for job in going if any(is_held(asset_id) for asset_id in made.of_job[job])}:
        going -= held
    return [job for job in jobs if job in going]


async def _readers(ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """The jobs that have read the files: as long as their rows stay, they can be run again."""
    readers: dict[UUID, set[UUID]] = defaultdict(set)
    rows = await sql.rows(
        "SELECT asset_id, job_id FROM job_inputs WHERE asset_id = ANY($1::uuid[])", list(ids)
    )
    for row in rows:
        readers[row["asset_id"]].add(row["job_id"])
    return readers


_REMOVE = """
WITH gone AS (DELETE FROM jobs WHERE id = ANY($1::uuid[]) AND completed_at IS NOT NULL RETURNING id),
  events AS (DELETE FROM job_events USING gone WHERE job_id = gone.id RETURNING 1),
  attempts AS (DELETE FROM job_attempts USING gone WHERE job_id = gone.id RETURNING 1),
  inputs AS (DELETE FROM job_inputs USING gone WHERE job_id = gone.id),
  outputs AS (DELETE FROM job_outputs USING gone WHERE job_id = gone.id)
SELECT (SELECT count(*) FROM gone) AS jobs, (SELECT count(*) FROM attempts) AS attempts,
  (SELECT count(*) FROM events) AS events"""


async def _remove(jobs: Sequence[UUID]) -> dict[str, int]:
    (row,) = await sql.rows(_REMOVE, list(jobs))
    return {name: int(count) for name, count in row.items()}


_LET_GO = """
WITH freed AS (
  UPDATE assets SET deleted_at = now() WHERE id = ANY($1::uuid[])
    AND NOT EXISTS (SELECT 1 FROM job_outputs WHERE asset_id = assets.id) RETURNING key, sha256, size)
SELECT * FROM freed"""


async def _let_go(ids: Collection[UUID]) -> list[Freed]:
    """But for those that a job which stays has made as well."""
    return [Freed(**row) for row in await sql.rows(_LET_GO, list(ids))] if ids else []


@dataclass(frozen=True)
class Forecast:
    """What would go now; `held` are jobs old enough that stay because of a file."""

    jobs: int
    attempts: int
    events: int
    files: int
    bytes: int
    held: int


_FORECAST = """
WITH RECURSIVE expired AS MATERIALIZED (
  SELECT id FROM jobs WHERE completed_at < $1::timestamptz AND kind = ANY($2::text[]) AND {called_back}),
made AS MATERIALIZED (
  SELECT expired.id AS job_id, a.id AS asset_id, a.key, a.size
  FROM expired JOIN job_outputs o ON o.job_id = expired.id JOIN assets a ON a.id = o.asset_id
  WHERE a.deleted_at IS NULL AND starts_with(a.key, $3)),
used AS MATERIALIZED (
  SELECT asset_id FROM ({used}) AS uses
  UNION ALL
  SELECT i.asset_id FROM job_inputs i LEFT JOIN expired ON expired.id = i.job_id WHERE expired.id IS NULL),
held AS (
  SELECT made.job_id FROM made JOIN used ON used.asset_id = made.asset_id
  UNION
  SELECT made.job_id FROM held JOIN job_inputs i ON i.job_id = held.job_id
    JOIN made ON made.asset_id = i.asset_id),
gone AS MATERIALIZED (
  SELECT expired.id FROM expired LEFT JOIN held ON held.job_id = expired.id WHERE held.job_id IS NULL),
freed AS MATERIALIZED (
  SELECT DISTINCT made.asset_id, made.key, made.size FROM made JOIN gone ON gone.id = made.job_id
  WHERE NOT EXISTS (SELECT 1 FROM job_outputs o LEFT JOIN gone g ON g.id = o.job_id
    WHERE o.asset_id = made.asset_id AND g.id IS NULL)),
emptied AS (
  SELECT DISTINCT key, size FROM freed WHERE NOT EXISTS (
    SELECT 1 FROM assets a LEFT JOIN freed f ON f.asset_id = a.id
    WHERE a.key = freed.key AND f.asset_id IS NULL AND (a.deleted_at IS NULL OR a.id IN ({keeping}))))
SELECT (SELECT count(*) FROM gone) AS jobs,
  (SELECT count(*) FROM job_attempts a JOIN gone ON gone.id = a.job_id) AS attempts,
  (SELECT count(*) FROM job_events e JOIN gone ON gone.id = e.job_id) AS events,
  (SELECT count(*) FROM freed) AS files,
  (SELECT coalesce(sum(size), 0)::bigint FROM emptied) AS bytes,
  (SELECT count(*) FROM held) AS held"""


async def forecast(before: datetime, kinds: Sequence[str], made_below: str) -> Forecast:
    """What removing every batch would come to, in one reading that changes and locks nothing."""
    keeping = used_ids(only_keeping_deleted=True)
    statement = _FORECAST.format(called_back=_CALLED_BACK, used=used_ids(), keeping=keeping)
    (row,) = await sql.rows(statement, before, list(kinds), made_below)
    return Forecast(**{name: int(count) for name, count in row.items()})
