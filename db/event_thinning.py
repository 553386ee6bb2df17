"""Thinning the log of changes: of jobs that ended long ago only the first and the last change are kept.

One short statement after the other, however much there is. Each locks the jobs whose progress it removes and
leaves alone what somebody else has locked just now, so workers share the work, and none of them and no
retention waits for another while it holds something.
"""

from __future__ import annotations

from uuid import UUID

from db import sql
from db.retention import Place, next_owner

JOBS_A_BATCH = 200
EVENTS_A_BATCH = 20_000

_THIN_OUT = """
WITH old AS MATERIALIZED (
  SELECT id, completed_at, version FROM jobs
  WHERE owner_id = $1 AND completed_at <= $2::timestamptz AND (completed_at, id) < ($2::timestamptz, $3::uuid)
  ORDER BY completed_at DESC, id DESC LIMIT $4 FOR UPDATE SKIP LOCKED),
progress AS MATERIALIZED (
  SELECT e.position FROM old JOIN job_events e ON e.job_id = old.id
  WHERE e.state = 'PROCESSING' AND e.version < old.version LIMIT $5),
gone AS (DELETE FROM job_events USING progress WHERE job_events.position = progress.position RETURNING 1)
SELECT completed_at, id, (SELECT count(*) FROM gone) AS events FROM old ORDER BY completed_at, id LIMIT 1"""


async def thin_out(older_than_seconds: float) -> int:
    """Remove the progress of jobs that ended so long ago; how many changes it were."""
    (row,) = await sql.rows("SELECT now() - $1 * interval '1 second' AS moment", older_than_seconds)
    removed = 0
    owner = await next_owner(None)
    while owner is not None:
        removed += await _thin_out(owner, Place(row["moment"]))
        owner = await next_owner(owner)
    return removed


async def _thin_out(owner_id: UUID, place: Place) -> int:
    """Of the jobs of one owner that ended before a place, from the newest on."""
    removed = 0
    while True:
        found = await sql.rows(
            _THIN_OUT, owner_id, place.completed_at, place.job_id, JOBS_A_BATCH, EVENTS_A_BATCH
        )
        if not found:
            return removed
        (last,) = found
        removed += last["events"]
        if last["events"] < EVENTS_A_BATCH:  # else these jobs may have more of them
            place = Place(last["completed_at"], last["id"])
