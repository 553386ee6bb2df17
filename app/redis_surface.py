"""The documented Redis surface of jobs, for consumers outside: a hash for each job and two channels.

`job:<id>` holds `id`, `status` and `data` (JSON) for 24 hours. `job_status_updates` and
`job_progress_updates` carry one JSON object a change, always with every key. The vocabulary is that of the
documented service: states in lower case, progress a whole number, and a cancelled job is a failed one whose
message is "Cancelled".

Several processes write, in any order: who submits a job may come later than the worker that has it. So a
change goes in only where its version is newer than what is there, in one step of Redis. That version has a
key of its own, `job_version:<id>`, because the fields of the hash are documented.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Self
from uuid import UUID

import orjson

STATUS_CHANNEL = "job_status_updates"
PROGRESS_CHANNEL = "job_progress_updates"
KEPT_SECONDS = 24 * 3600
MOST_UNSENT = 10_000  # jobs, of some 2 KB each; as many as one owner may have waiting
AT_ONCE = 100  # of those in one lot: it has to arrive in time

_PUT_IF_NEWER = """
local held = redis.call('GET', KEYS[2])
if held and tonumber(held) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'id', ARGV[3], 'status', ARGV[4], 'data', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
redis.call('PUBLISH', ARGV[6], ARGV[7])
return 1
"""


@dataclass(frozen=True)
class Change:
    """One change of a job, in the words of the surface."""

    job_id: UUID
    version: int
    status: str
    data: bytes
    channel: str
    message: bytes

    @classmethod
    def of(cls, job: Any, stage: str | None, change: str) -> Self:
        """`change` is status or progress."""
        return cls(
            job_id=job.id,
            version=job.version,
            status=status_of(job),
            data=orjson.dumps(data(job)),
            channel=STATUS_CHANNEL if change == "status" else PROGRESS_CHANNEL,
            message=orjson.dumps(message(job, stage)),
        )

    def add_to(self, pipeline: Any) -> None:
        """One command: the hash and the channel are told, or neither where something newer was."""
        keys = f"job:{self.job_id}", f"job_version:{self.job_id}"
        held = str(self.job_id), self.status, self.data
        pipeline.eval(_PUT_IF_NEWER, 2, *keys, self.version, KEPT_SECONDS, *held, self.channel, self.message)


class Unsent:
    """The newest change of each job that Redis has not taken; beyond `most` jobs the oldest go.

    Each has its own time at which it is due again, so one that is refused for ever puts no other off. Times
    are those of any one clock; who keeps changes gives no earlier time than for those before.
    """

    def __init__(self, most: int = MOST_UNSENT) -> None:
        self._most = most
        self._kept: dict[UUID, tuple[float, Change]] = {}  # the first is due first

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def due_at(self) -> float:
        """When the first is due; infinite where there is none."""
        return next((due_at for due_at, _ in self._kept.values()), math.inf)

    def keep(self, changes: Iterable[Change], due_at: float) -> None:
        for change in changes:
            _, held = self._kept.get(change.job_id, (0.0, None))
            if held is None or held.version < change.version:
                self._kept.pop(change.job_id, None)  # what is newer goes to the end
                self._kept[change.job_id] = due_at, change
        while len(self) > self._most:
            del self._kept[next(iter(self._kept))]

    def take(self, most: int, now: float) -> list[Change]:
        """Those that are due, the first of them first; they are kept no more."""
        due = [change for due_at, change in islice(self._kept.values(), most) if due_at <= now]
        for change in due:
            del self._kept[change.job_id]
        return due

    def make_due(self, due_at: float) -> None:
        """All of them are due at that time."""
        self._kept = {job_id: (due_at, change) for job_id, (_, change) in self._kept.items()}


def message(job: Any, stage: str | None) -> dict[str, Any]:
    """What both channels carry."""
    return {
        "job_id": str(job.id),
        "stage": stage,
        "progress": int(job.progress),
        "status": status_of(job),
        "message": _message(job),
        "timestamp": _time(job.updated_at),
    }


def data(job: Any) -> dict[str, Any]:
    """The job as the hash holds it."""
    return {
        "job_id": str(job.id),
        "kind": job.kind,
        "status": status_of(job),
        "progress": int(job.progress),
        "message": _message(job),
        "params": job.params,
        "result": job.result,
        "error": None if job.error is None else job.error["message"],
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "updated_at": _time(job.updated_at),
        "completed_at": _time(job.completed_at),
    }


def status_of(job: Any) -> str:
    """pending, processing, completed or failed."""
    return "failed" if job.state == "CANCELLED" else str(job.state).lower()


def _message(job: Any) -> str | None:
    if job.state == "CANCELLED":
        return "Cancelled"
    if job.error is not None:
        return str(job.error["message"])
    return None if job.message is None else str(job.message)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
