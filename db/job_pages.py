"""The newest jobs of many subjects at once: a page for each in one query, their totals in another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tortoise.context import require_context

from db.job_moves import run_move
from db.jobs import Job

_PAGES = """
SELECT job.* FROM unnest($1::text[]) AS wanted (subject_id)
CROSS JOIN LATERAL (
  SELECT * FROM jobs
  WHERE owner_id = $2 AND subject_type = $3 AND subject_id = wanted.subject_id AND kind = ANY($4::text[])
    AND ($5::timestamptz IS NULL OR (created_at, id) < ($5::timestamptz, $6::uuid))
  ORDER BY created_at DESC, id DESC LIMIT $7) AS job"""

_TOTALS = """
SELECT subject_id, count(*) AS n FROM jobs
WHERE subject_id = ANY($1::text[]) AND owner_id = $2 AND subject_type = $3 AND kind = ANY($4::text[])
GROUP BY subject_id"""


async def pages_by_subject(
    owner_id: UUID,
    subject_type: str,
    subject_ids: Sequence[str],
    kinds: Sequence[str],
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> dict[str, list[Job]]:
    """At most `limit` jobs of each subject, newest first, strictly after the place given."""
    place, job_id = after or (None, None)
    found: dict[str, list[Job]] = {subject_id: [] for subject_id in subject_ids}
    arguments = [list(subject_ids), owner_id, subject_type, list(kinds), place, job_id, limit]
    for job in await run_move(_PAGES, arguments):
        found[str(job.subject_id)].append(job)
    return found


async def totals_by_subject(
    owner_id: UUID, subject_type: str, subject_ids: Sequence[str], kinds: Sequence[str]
) -> dict[str, int]:
    arguments = [list(subject_ids), owner_id, subject_type, list(kinds)]
    rows = await require_context().db().execute_query_dict(_TOTALS, arguments)
    return {row["subject_id"]: int(row["n"]) for row in rows}
