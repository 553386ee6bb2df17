"""What workers have counted: each live one's in its own row, that of those gone added up by series.

A worker's counters go into its row with each sign of life. When its row goes (it signs out, or was killed and
is forgotten) they are added to `worker_totals` by the same statement, so the sum over both never falls and
counts nothing twice. What a killed worker counted since its last sign of life is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from db import sql

# In the order of the series: two folds at once cannot wait for each other.
_FOLDED = """folded AS (
  INSERT INTO worker_totals (series, value)
  SELECT key, sum(value::float8) FROM gone, jsonb_each_text(gone.tallies->'totals') GROUP BY key ORDER BY key
  ON CONFLICT (series) DO UPDATE SET value = worker_totals.value + excluded.value RETURNING series)
SELECT count(*) AS n FROM folded"""

_KEEP = """
WITH kept AS (
  UPDATE workers SET seen_at = now(), tallies = jsonb_build_object(
    'totals', $2::jsonb, 'running', $3::int, 'memory_bytes', $4::bigint, 'cpu_seconds', $5::float8)
  WHERE id = $1 RETURNING id)
SELECT id FROM kept"""


async def keep(worker: str, totals: str, *, running: int, memory_bytes: int, cpu_seconds: float) -> bool:
    """A sign of life with what the worker has counted so far (`domain.tallies.packed`).

    False where the worker has no row, or none any more: then its totals until now were added up already.
    """
    return bool(await sql.rows(_KEEP, worker, totals, running, memory_bytes, cpu_seconds))


_SIGN_OUT = f"""
WITH gone AS (
  DELETE FROM workers WHERE id = $1 RETURNING
    CASE WHEN $2::jsonb IS NULL THEN tallies ELSE jsonb_build_object('totals', $2::jsonb) END AS tallies),
{_FOLDED}"""  # noqa: S608 - constants of this file


async def sign_out(worker: str, totals: str | None = None) -> None:
    """Remove the worker's row; `totals` is what it counted in the end, else what it said last."""
    await sql.rows(_SIGN_OUT, worker, totals)


_FORGET = f"""
WITH gone AS (
  DELETE FROM workers WHERE seen_at < now() - $1 * interval '1 second' RETURNING tallies),
{_FOLDED}"""  # noqa: S608 - constants of this file


async def forget(unseen_seconds: float) -> None:
    """Remove the rows of workers that were killed."""
    await sql.rows(_FORGET, unseen_seconds)


@dataclass(frozen=True)
class WorkerRow:
    """A worker as its row tells of it; `unseen_seconds` since its last sign of life."""

    worker: str
    slots: int
    unseen_seconds: float
    totals: Mapping[str, float]
    running: int
    memory_bytes: int
    cpu_seconds: float


_READ = """
SELECT id, slots, extract(epoch FROM now() - seen_at)::float8 AS unseen, tallies::text AS tallies FROM workers
UNION ALL
SELECT NULL, 0, 0, jsonb_build_object('totals', jsonb_object_agg(series, value))::text FROM worker_totals"""


async def read() -> tuple[list[WorkerRow], Mapping[str, float]]:
    """The workers that have a row, and the totals of those gone, as of one moment."""
    workers: list[WorkerRow] = []
    gone: Mapping[str, float] = {}
    for row in await sql.rows(_READ):
        tallies: dict[str, Any] = orjson.loads(row["tallies"])
        totals = tallies.get("totals") or {}
        if row["id"] is None:
            gone = totals
            continue
        workers.append(
            WorkerRow(
                worker=row["id"],
                slots=row["slots"],
                unseen_seconds=row["unseen"],
                totals=totals,
                running=tallies.get("running", 0),
                memory_bytes=tallies.get("memory_bytes", 0),
                cpu_seconds=tallies.get("cpu_seconds", 0.0),
            )
        )
    return workers, gone
