"""The queue in figures, for `/metrics`: how much waits, runs and has waited for how long, by kind."""

from __future__ import annotations

from dataclasses import dataclass

from db import sql

# Each half reads one partial index (`jobs_due`, `jobs_leased`), so ended jobs cost nothing.
_FIGURES = """
SELECT kind, count(*) FILTER (WHERE run_at <= now()) AS due,
  count(*) FILTER (WHERE run_at > now()) AS delayed,
  COALESCE(extract(epoch FROM now() - min(run_at) FILTER (WHERE run_at <= now())), 0)::float8 AS oldest,
  0 AS processing
FROM jobs WHERE state = 'PENDING' GROUP BY kind
UNION ALL
SELECT kind, 0, 0, 0, count(*) FROM jobs WHERE state = 'PROCESSING' GROUP BY kind"""


@dataclass
class KindFigures:
    """Of one kind: jobs that a worker could take now, that wait for their time, that run; the oldest due one
    has waited for `oldest_due_seconds`."""

    due: int = 0
    delayed: int = 0
    processing: int = 0
    oldest_due_seconds: float = 0.0


async def queue_figures() -> dict[str, KindFigures]:
    """By kind, for those that have a job that has not ended."""
    found: dict[str, KindFigures] = {}
    for row in await sql.rows(_FIGURES):
        figures = found.setdefault(row["kind"], KindFigures())
        figures.due += row["due"]
        figures.delayed += row["delayed"]
        figures.processing += row["processing"]
        figures.oldest_due_seconds = max(figures.oldest_due_seconds, row["oldest"])
    return found
