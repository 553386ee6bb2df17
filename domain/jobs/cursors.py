"""Cursors of live updates: opaque to clients, and good only for the subscription that gave them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from db.job_events import Place
from domain.errors import InvalidInput

FIELD = "after"
MOST_OPEN = 10_000  # transactions at once; the database has fewer connections


def for_version(job_id: UUID, version: int) -> str:
    """One job: the version that was seen last."""
    return _encode(["job", str(job_id), version])


def version_of(cursor: str, job_id: UUID) -> int:
    """Raises InvalidInput for text that is no cursor of this job's updates."""
    match _decode(cursor):
        case ["job", str(given), int(version)] if given == str(job_id) and 0 < version < 2**62:
            return version
    raise _refused()


@dataclass(frozen=True)
class Reading:
    """How far all jobs were read: everything that `seen` holds, and what else is said here.

    First come the jobs that were unfinished at `seen`: while `taken_at`, the time of it, is set, they were
    read up to `behind`, a (created_at, id), or none yet. Then the log: while `until` is set, what that holds
    was read up to `position`, and nothing of what it does not hold.
    """

    seen: Place
    taken_at: datetime | None = None
    behind: tuple[datetime, UUID] | None = None
    until: Place | None = None
    position: int = 0

    def encode(self) -> str:
        taken_at = None if self.taken_at is None else self.taken_at.isoformat()
        behind = None if self.behind is None else [self.behind[0].isoformat(), str(self.behind[1])]
        until = None if self.until is None else _numbers(self.until)
        return _encode(["all", _numbers(self.seen), taken_at, behind, until, self.position])

    def is_of(self, now: Place) -> bool:
        """Whether a database that shows `now` can have given it: one brought back from a backup cannot."""
        return self.seen.xid <= now.xid and (self.until is None or self.until.xid <= now.xid)


def reading_of(cursor: str) -> Reading:
    """Raises InvalidInput for text that is no cursor of the updates of all jobs."""
    try:
        match _decode(cursor):
            case ["all", seen, taken_at, behind, until, int(position)] if 0 <= position < 2**63:
                return Reading(
                    seen=_place(seen),
                    taken_at=None if taken_at is None else _aware(taken_at),
                    behind=None if behind is None else _behind(behind),
                    until=None if until is None else _place(until),
                    position=position,
                )
    except (ValueError, TypeError, AttributeError) as error:
        raise _refused() from error
    raise _refused()


def _numbers(place: Place) -> list[int]:
    return [place.xid, *place.open]


def _place(given: Any) -> Place:
    if not isinstance(given, list) or not 0 < len(given) <= MOST_OPEN:
        raise ValueError("not a place")
    if not all(type(number) is int and 0 <= number < 2**63 for number in given):
        raise ValueError("not transaction numbers")
    xid, *open_ones = given
    if any(number > xid for number in open_ones):
        raise ValueError("open, and later than the last")  # its changes would come twice
    return Place(xid, tuple(open_ones))


def _behind(given: Any) -> tuple[datetime, UUID]:
    created_at, job_id = given
    return _aware(created_at), UUID(job_id)


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment


def _encode(parts: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode()


def _decode(cursor: str) -> Any:
    try:
        return orjson.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise _refused() from error


def _refused() -> InvalidInput:
    return InvalidInput(FIELD, f"{FIELD} is not a cursor of this subscription")
