"""Reading the log of changes.

Of one job it is read by version. Of all jobs there is no number to read by: a sequence has gaps that fill
later, when a slower transaction commits, and a reader that waits for the slowest is silenced by any session
of the whole cluster that sits in an open transaction. So a place in the log says what was seen, as a snapshot
does: every transaction up to a number, but for those that were open then. What comes next is what the
place does not hold and the database shows. It is in the order of `position`, which is that of the versions
of each job: a writer takes its position while it holds the row, and gives the row away when it commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db import sql
from db.job_rows import Condition
from db.jobs import JobEvent

_SLOWEST_TRANSACTION = "interval '10 minutes'"
MOST_UNSEEN = 500_000  # changes of an owner behind a cursor: some 3 s to look through for the first of them


@dataclass(frozen=True)
class Place:
    """What was seen: the changes of each transaction up to `xid`, it included, but for those in `open`."""

    xid: int
    open: tuple[int, ...] = ()

    @classmethod
    def of_snapshot(cls, text: str) -> Place:
        """All that a snapshot (`xmin:xmax:open,open`) sees."""
        _, xmax, open_ones = text.split(":")
        return cls(int(xmax) - 1, tuple(int(xid) for xid in open_ones.split(",") if xid))

    def holds(self, xid: int) -> bool:
        return xid <= self.xid and xid not in self.open

    def covers(self, other: Place) -> bool:
        """Whether it holds all that the other does."""
        return other.xid <= self.xid and all(
            number in other.open for number in self.open if number <= other.xid
        )

    def after(self, changes: Sequence[Change], now: Place) -> Place:
        """Where a reader is who has seen everything that `now` holds, and that is these changes.

        It goes no further than the last of them, so that all who have seen the same are at the same place.
        """
        xid = max([self.xid, *(change.xid for change in changes)])
        return Place(xid, tuple(number for number in now.open if number <= xid))


@dataclass(frozen=True)
class Change:
    """One event. `created_at` is its job's."""

    xid: int
    position: int
    job_id: UUID
    created_at: datetime
    version: int
    state: str
    progress: float
    stage: str | None
    message: str | None
    at: datetime


@dataclass(frozen=True)
class Found:
    """Changes in order; `now` is all that the database showed, and `is_all` that these are all of it."""

    changes: list[Change]
    now: Place
    is_all: bool


_AFTER_VERSION = "SELECT * FROM job_events WHERE job_id = $1 AND version > $2 ORDER BY version LIMIT $3"


async def after_version(job_id: UUID, version: int, limit: int) -> list[JobEvent]:
    """The changes of one job above a version, in order."""
    return await sql.objects(JobEvent, _AFTER_VERSION, job_id, version, limit)


_NOW = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


async def present() -> tuple[Place, datetime]:
    """What the database shows now, and its clock."""
    (row,) = await sql.rows("SELECT pg_current_snapshot()::text AS snapshot, now() AS now")
    return Place.of_snapshot(row["snapshot"]), row["now"]


_WANTED = """j.owner_id = $1 AND j.kind = ANY($2::text[])
  AND ($3::text[] IS NULL OR e.state = ANY($3))
  AND ($4::text IS NULL OR j.subject_type = $4) AND ($5::text IS NULL OR j.subject_id = $5)
  AND ($6::timestamptz IS NULL OR j.created_at >= $6) AND ($7::timestamptz IS NULL OR j.created_at < $7)"""


def _wanted(condition: Condition) -> list[Any]:
    states = None if condition.states is None else list(condition.states)
    values = [condition.owner_id, list(condition.kinds), states, condition.subject_type, condition.subject_id]
    return [*values, condition.created_after, condition.created_before]


# A transaction number that this cluster has not reached yet is from before a backup was brought back.
_UNFINISHED = f"""
SELECT e.*, j.created_at FROM jobs j JOIN LATERAL (
    SELECT * FROM job_events
    WHERE job_id = j.id AND (xid <= $8 AND NOT xid = ANY($9::bigint[]) OR xid >= {_NOW})
    ORDER BY version DESC LIMIT 1) e ON true
WHERE {_WANTED} AND e.state IN ('PENDING', 'PROCESSING')
  AND (j.completed_at IS NULL OR j.completed_at > $10::timestamptz - {_SLOWEST_TRANSACTION})
  AND ($11::timestamptz IS NULL OR (j.created_at, j.id) > ($11, $12::uuid))
ORDER BY j.created_at, j.id LIMIT $13"""  # noqa: S608


async def unfinished_at(
    place: Place, at: datetime, condition: Condition, behind: tuple[datetime, UUID] | None, limit: int
) -> list[Change]:
    """The jobs that had not ended at a place, as they were there, oldest first, behind (created_at, id)."""
    created_at, job_id = behind or (None, None)
    values = [*_wanted(condition), place.xid, list(place.open), at, created_at, job_id, limit]
    return [_change(row) for row in await sql.rows(_UNFINISHED, *values)]


# One by one: to read all jobs at once for the few that changed is what a planner likes who knows no values.
_ITS_JOB = "CROSS JOIN LATERAL (SELECT * FROM jobs WHERE id = e.job_id OFFSET 0) j"

# Both ends of the range, so that it is read by its index whatever the planner knows of the values.
_UNSEEN = f"""unseen AS MATERIALIZED (
  SELECT * FROM job_events WHERE xid > $8 AND xid < {_NOW} AND owner_id = $1
  UNION ALL SELECT * FROM job_events WHERE xid = ANY($9::bigint[]) AND owner_id = $1)"""  # noqa: S608

_AFTER = f"""
WITH {_UNSEEN}, wanted AS (
  SELECT e.*, j.created_at FROM unseen e {_ITS_JOB}
  WHERE {_WANTED} ORDER BY e.position LIMIT $10)
SELECT pg_current_snapshot()::text AS snapshot, wanted.* FROM (SELECT 1) one LEFT JOIN wanted ON true
ORDER BY wanted.position"""  # noqa: S608

_NEWEST_AFTER = f"""
WITH {_UNSEEN}, newest AS (
  SELECT DISTINCT ON (e.job_id) e.*, j.created_at FROM unseen e {_ITS_JOB}
  WHERE {_WANTED} AND (e.position > $11 OR e.xid > $12 OR e.xid = ANY($13::bigint[]))
  ORDER BY e.job_id, e.position DESC),
wanted AS (SELECT * FROM newest ORDER BY position LIMIT $10)
SELECT pg_current_snapshot()::text AS snapshot, wanted.* FROM (SELECT 1) one LEFT JOIN wanted ON true
ORDER BY wanted.position"""  # noqa: S608


_IS_TOO_FAR = f"""
SELECT count(*) > $4 AS is_too_far FROM (
  SELECT 1 FROM (
    SELECT owner_id FROM job_events WHERE xid > $2 AND xid < {_NOW}
    UNION ALL SELECT owner_id FROM job_events WHERE xid = ANY($3::bigint[])) e
  WHERE owner_id = $1 LIMIT $4::bigint + 1) unseen"""  # noqa: S608


async def is_too_far(place: Place, owner_id: UUID) -> bool:
    """Whether more of an owner's changes came after a place than `MOST_UNSEEN`."""
    (row,) = await sql.rows(_IS_TOO_FAR, owner_id, place.xid, list(place.open), MOST_UNSEEN)
    return bool(row["is_too_far"])


async def after_place(place: Place, condition: Condition, limit: int) -> Found:
    """The changes of the owner's jobs that a place does not hold."""
    values = [*_wanted(condition), place.xid, list(place.open), limit]
    return _found(await sql.rows(_AFTER, *values), limit)


async def newest_after(
    place: Place, until: Place | None, position: int, condition: Condition, limit: int
) -> Found:
    """Of each job the newest change that a place does not hold, nor `until` up to a position."""
    values = [*_wanted(condition), place.xid, list(place.open), limit, position]
    rows = await sql.rows(_NEWEST_AFTER, *values, (until or place).xid, list((until or place).open))
    return _found(rows, limit)


def _found(rows: list[dict[str, Any]], limit: int) -> Found:
    changes = [_change(row) for row in rows if row["position"] is not None]
    return Found(changes, Place.of_snapshot(rows[0]["snapshot"]), is_all=len(changes) < limit)


_BETWEEN = f"""
SELECT e.*, j.created_at FROM job_events e {_ITS_JOB}
WHERE {_WANTED} AND e.owner_id = $1 AND e.position > $10
  AND (e.xid > $8 OR e.xid = ANY($9::bigint[])) AND e.xid <= $11 AND NOT e.xid = ANY($12::bigint[])
ORDER BY e.position LIMIT $13"""  # noqa: S608


async def between(
    place: Place, until: Place, position: int, condition: Condition, limit: int
) -> list[Change]:
    """What `until` holds and the place does not, behind a position."""
    values = [*_wanted(condition), place.xid, list(place.open), position]
    rows = await sql.rows(_BETWEEN, *values, until.xid, list(until.open), limit)
    return [_change(row) for row in rows]


def _change(row: dict[str, Any]) -> Change:
    return Change(
        xid=row["xid"],
        position=row["position"],
        job_id=row["job_id"],
        created_at=row["created_at"],
        version=row["version"],
        state=row["state"],
        progress=row["progress"],
        stage=row["stage"],
        message=row["message"],
        at=row["at"],
    )


ADOPTED_A_BATCH = 20_000
_ADOPT = f"""
WITH restored AS (
  SELECT position FROM job_events WHERE xid >= {_NOW} ORDER BY xid LIMIT $1 FOR UPDATE SKIP LOCKED),
adopted AS (
  UPDATE job_events e SET xid = 0 FROM restored WHERE e.position = restored.position RETURNING 1)
SELECT count(*) AS n FROM adopted"""  # noqa: S608


async def adopt_restored() -> None:
    """Changes that another cluster wrote, before a backup was brought here: seen by everybody.

    Their transaction numbers would become this cluster's own some day, and the changes new again. In short
    statements: a backup may hold more than one of them can change within its time limit.
    """
    while (await sql.rows(_ADOPT, ADOPTED_A_BATCH))[0]["n"]:
        pass
