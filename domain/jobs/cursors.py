"""Cursors of live updates: opaque to clients, and good only for the subscription that gave them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from db.job_events import Change, Moment, Place
from domain.errors import InvalidInput

FIELD = "after"


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
    """How far all jobs were read.

    While `behind` is set, the jobs unfinished at `moment` are read up to that (created_at, id), or none yet
    where it is the start; afterwards `place` is how far the log was. `moment` is kept while the log may hold
    changes that it has seen.
    """

    place: Place
    moment: Moment | None = None
    in_snapshot: bool = False
    behind: tuple[datetime, UUID] | None = None

    def encode(self) -> str:
        moment = None if self.moment is None else [self.moment.snapshot, self.moment.taken_at.isoformat()]
        behind = None if self.behind is None else [self.behind[0].isoformat(), str(self.behind[1])]
        return _encode(["all", self.place.xid, self.place.position, moment, self.in_snapshot, behind])

    def past(self, change: Change) -> Reading:
        """After one more change of the log."""
        keep = self.moment is not None and change.place.xid < self.moment.xmax
        return Reading(change.place, self.moment if keep else None)


def reading_of(cursor: str) -> Reading:
    """Raises InvalidInput for text that is no cursor of the updates of all jobs."""
    try:
        match _decode(cursor):
            case ["all", int(xid), int(position), moment, bool(in_snapshot), behind] if (
                0 <= xid < 2**63 and 0 <= position < 2**63 and (moment or not in_snapshot)
            ):
                return Reading(Place(xid, position), _moment(moment), in_snapshot, _behind(behind))
    except (ValueError, TypeError) as error:
        raise _refused() from error
    raise _refused()


def _moment(given: Any) -> Moment | None:
    if given is None:
        return None
    snapshot, taken_at = given
    xmin, xmax, open_ones = snapshot.split(":")
    numbers = [int(xmin), int(xmax), *(int(xid) for xid in open_ones.split(",") if xid)]
    if not all(0 < number < 2**63 for number in numbers) or sorted(numbers[2:]) != numbers[2:]:
        raise ValueError("not a snapshot")
    if numbers[0] > numbers[1] or any(not numbers[0] <= number < numbers[1] for number in numbers[2:]):
        raise ValueError("not a snapshot")
    return Moment(snapshot, _aware(taken_at))


def _behind(given: Any) -> tuple[datetime, UUID] | None:
    if given is None:
        return None
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
