"""Reading the log of changes.

Its order over all jobs is (xid, position), read below the horizon: the oldest transaction that is still
open. A sequence number alone has gaps that fill later, when a slower transaction commits; below the horizon
nothing can appear any more. A first reading is a snapshot of the database (`pg_snapshot`): the state of each
job at it is the newest change that it sees, however much later one asks, and what follows is every change
that it does not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db import sql
from db.job_rows import Condition
from db.jobs import JobEvent

LAST_POSITION = 2**63 - 1
_SLOWEST_TRANSACTION = "interval '10 minutes'"


@dataclass(frozen=True, order=True)
class Place:
    """A place in the log: everything up to it, it included, was read."""

    xid: int
    position: int


@dataclass(frozen=True)
class Change:
    """One event. `created_at` is its job's."""

    place: Place
    job_id: UUID
    created_at: datetime
    version: int
    state: str
    progress: float
    stage: str | None
    message: str | None
    at: datetime


async def after_version(job_id: UUID, version: int, limit: int) -> list[JobEvent]:
    """The changes of one job above a version, in order."""
    return await JobEvent.filter(job_id=job_id, version__gt=version).order_by("version").limit(limit)


async def newest(job_id: UUID, version: int) -> list[JobEvent]:
    """The last change of one job, if it is above the version."""
    return await JobEvent.filter(job_id=job_id, version__gt=version).order_by("-version").limit(1)


@dataclass(frozen=True)
class Moment:
    """A snapshot of the database, as text, the time of it, and its bounds in transaction numbers."""

    snapshot: str
    taken_at: datetime

    @property
    def xmin(self) -> int:
        return int(self.snapshot.split(":")[0])

    @property
    def xmax(self) -> int:
        return int(self.snapshot.split(":")[1])


async def present_moment() -> Moment:
    (row,) = await sql.rows("SELECT pg_current_snapshot()::text AS snapshot, now() AS taken_at")
    return Moment(row["snapshot"], row["taken_at"])


_WANTED = """j.owner_id = $1 AND j.kind = ANY($2::text[])
  AND ($3::text[] IS NULL OR e.state = ANY($3))
  AND ($4::text IS NULL OR j.subject_type = $4) AND ($5::text IS NULL OR j.subject_id = $5)
  AND ($6::timestamptz IS NULL OR j.created_at >= $6) AND ($7::timestamptz IS NULL OR j.created_at < $7)"""


def _wanted(condition: Condition) -> list[Any]:
    states = None if condition.states is None else list(condition.states)
    values = [condition.owner_id, list(condition.kinds), states, condition.subject_type, condition.subject_id]
    return [*values, condition.created_after, condition.created_before]


_UNFINISHED_AT = f"""
SELECT e.*, j.created_at FROM jobs j JOIN LATERAL (
    SELECT * FROM job_events
    WHERE job_id = j.id AND pg_visible_in_snapshot(xid::text::xid8, $8::text::pg_snapshot)
    ORDER BY version DESC LIMIT 1) e ON true
WHERE {_WANTED} AND e.state IN ('PENDING', 'PROCESSING')
  AND (j.completed_at IS NULL OR j.completed_at > $9::timestamptz - {_SLOWEST_TRANSACTION})
  AND ($10::timestamptz IS NULL OR (j.created_at, j.id) > ($10, $11::uuid))
ORDER BY j.created_at, j.id LIMIT $12"""  # noqa: S608


async def unfinished_at(
    moment: Moment, condition: Condition, behind: tuple[datetime, UUID] | None, limit: int
) -> list[Change]:
    """The jobs that had not ended at a moment, as they were then, oldest first, behind (created_at, id)."""
    created_at, job_id = behind or (None, None)
    values = [*_wanted(condition), moment.snapshot, moment.taken_at, created_at, job_id, limit]
    return [_change(row) for row in await sql.rows(_UNFINISHED_AT, *values)]


_AFTER = f"""
SELECT e.*, j.created_at FROM job_events e JOIN jobs j ON j.id = e.job_id
WHERE {_WANTED} AND (e.xid, e.position) > ($8, $9)
  AND e.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
  AND ($10::text IS NULL OR NOT pg_visible_in_snapshot(e.xid::text::xid8, $10::text::pg_snapshot))
  AND NOT EXISTS (SELECT 1 FROM job_events l WHERE l.job_id = e.job_id AND l.version > e.version
    AND (l.xid, l.position) < (e.xid, e.position))
ORDER BY e.xid, e.position LIMIT $11"""  # noqa: S608


async def after_place(
    place: Place, condition: Condition, limit: int, *, unseen_by: Moment | None = None
) -> list[Change]:
    """The changes of the owner's jobs behind a place, in order, but for those that `unseen_by` has seen.

    Two writers of one job may have taken their transaction numbers the other way round than its row: a
    change that the log places behind a later version of its job is left out, so versions never fall.
    """
    snapshot = None if unseen_by is None else unseen_by.snapshot
    values = [*_wanted(condition), place.xid, place.position, snapshot, limit]
    return [_change(row) for row in await sql.rows(_AFTER, *values)]


def _change(row: dict[str, Any]) -> Change:
    return Change(
        place=Place(row["xid"], row["position"]),
        job_id=row["job_id"],
        created_at=row["created_at"],
        version=row["version"],
        state=row["state"],
        progress=row["progress"],
        stage=row["stage"],
        message=row["message"],
        at=row["at"],
    )


_BEYOND = """
SELECT EXISTS (SELECT 1 FROM job_events
  WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint) AS beyond"""


async def waits_for_a_transaction() -> bool:
    """Whether a change was written that lies behind the horizon still."""
    (row,) = await sql.rows(_BEYOND)
    return bool(row["beyond"])


_THIN_OUT = """
WITH gone AS (
  DELETE FROM job_events e USING jobs j
  WHERE j.id = e.job_id AND j.completed_at < now() - $1 * interval '1 second'
    AND e.state = 'PROCESSING' AND e.version < j.version RETURNING 1)
SELECT count(*) AS n FROM gone"""


async def thin_out(older_than_seconds: float) -> int:
    """Remove the progress of jobs that ended so long ago; the first and the last change of each stay."""
    (row,) = await sql.rows(_THIN_OUT, older_than_seconds)
    return int(row["n"])
