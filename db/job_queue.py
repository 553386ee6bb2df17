"""What waits to be claimed: the sweep's reading of the queue, and the workers that could claim."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import orjson

from db import sql

_UNRUNG = """
WITH unrung AS (
  SELECT id FROM jobs WHERE state = 'PENDING' AND run_at <= now() AND kind = ANY($1::text[])
    AND (dispatched_at IS NULL OR dispatched_at < now() - $2 * interval '1 second')
  ORDER BY queue_at LIMIT $3 FOR UPDATE SKIP LOCKED),
rung AS (
  UPDATE jobs SET dispatched_at = now() FROM unrung
  WHERE jobs.id = unrung.id AND state = 'PENDING' RETURNING jobs.id)
SELECT id FROM rung"""


async def take_unrung(kinds: Sequence[str], quiet_seconds: float, limit: int) -> list[UUID]:
    """Due jobs for which nobody rang within `quiet_seconds`; they count as rung now."""
    return [row["id"] for row in await sql.rows(_UNRUNG, list(kinds), quiet_seconds, limit)]


_SIGN_IN = """
INSERT INTO workers (id, kinds, slots, started_at, seen_at) VALUES ($1, $2::jsonb, $3, now(), now())
ON CONFLICT (id) DO UPDATE SET seen_at = now()"""


async def sign_in(worker: str, kinds: Sequence[str], slots: int) -> None:
    """Register a live worker, or say that it still lives."""
    await sql.run(_SIGN_IN, worker, orjson.dumps(sorted(kinds)).decode(), slots)


async def live_workers(seen_within_seconds: float) -> int:
    found = await sql.rows(
        "SELECT count(*) AS n FROM workers WHERE seen_at > now() - $1 * interval '1 second'",
        seen_within_seconds,
    )
    return int(found[0]["n"])


_ASKED_TO_STOP = "SELECT id FROM jobs WHERE id = ANY($1::uuid[]) AND cancel_requested_at IS NOT NULL"


async def asked_to_stop(job_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the jobs for which a cancel was asked."""
    return [row["id"] for row in await sql.rows(_ASKED_TO_STOP, list(job_ids))] if job_ids else []


_CLAIMED_BY = """
SELECT id, epoch FROM jobs WHERE state = 'PROCESSING' AND worker = $1
  AND started_at < now() - $2 * interval '1 second'"""


async def claimed_by(worker: str, older_than_seconds: float) -> list[tuple[UUID, int]]:
    """(job, epoch) of what a worker holds by its claims, but for the newest."""
    return [(row["id"], row["epoch"]) for row in await sql.rows(_CLAIMED_BY, worker, older_than_seconds)]
