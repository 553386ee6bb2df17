"""The protocol of a job as pure functions over one row: what each move requires and what it makes.

PENDING ──claim──> PROCESSING ──complete──> COMPLETED
   │ ^                │ │ │
   │ └─fail (again)───┘ │ └──fail─────────> FAILED
   │   crash, release ──┘
   └──cancel──> CANCELLED <──stop, or any way out of PROCESSING once a cancel was asked for

Every move returns the new row, or None where it is not the mover's to make: the state is another, or
the epoch is not the mover's own. The epoch is the fence: it grows with each claim and never falls,
whereas the attempt is given back by release and crash and so cannot tell two claims apart. A row that
has ended never changes. Times are seconds of one clock, the database's. `db.job_moves` does the same
in SQL, and the tests hold both against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

LEASE_SECONDS = 30.0
QUIET_BEAT_SECONDS = 10.0  # a heartbeat is due when nothing was reported for this long
REPORT_SECONDS = 0.25  # progress is written at most this often
REAP_SECONDS = 5.0
SWEEP_SECONDS = 1.0
MAX_CRASHES = 3
CRASH_DELAY_SECONDS = 10.0  # from the second crash on
RETRY_BASE_SECONDS = 2.0
RETRY_CAP_SECONDS = 300.0
AGEING_SECONDS = 300.0  # how long a job waits to be worth one more level of priority

ENDED = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


@dataclass(frozen=True)
class JobRow:
    """The part of a job's row that the protocol is about."""

    state: str = "PENDING"
    priority: int = 1
    run_at: float = 0.0
    attempt: int = 0
    max_attempts: int = 3
    crashes: int = 0
    epoch: int = 0
    lease_until: float | None = None
    cancel_requested: bool = False
    progress: float = 0.0
    version: int = 1
    error: str | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def queue_at(self) -> float:
        """The order of claims: the earliest first."""
        return self.run_at - self.priority * AGEING_SECONDS


def impossible(row: JobRow) -> str | None:
    """Why this row cannot be, or None. The database refuses the same."""
    if (row.state == "PROCESSING") != (row.lease_until is not None):
        return "a lease belongs to PROCESSING and only to it"
    if (row.state == "FAILED") != (row.error is not None):
        return "an error belongs to FAILED and only to it"
    if not 0 <= row.attempt <= row.max_attempts:
        return "attempts are out of range"
    if not 0.0 <= row.progress <= 100.0:
        return "progress is out of range"
    return None


def backoff_seconds(attempt: int, jitter: float) -> float:
    """How long a failed attempt waits: min(cap, base * 2^attempt), less up to half of it by jitter (0..1)."""
    return min(RETRY_CAP_SECONDS, RETRY_BASE_SECONDS * 2.0 ** min(attempt, 30)) * (1.0 - jitter / 2.0)


def claim(row: JobRow, now: float) -> JobRow | None:
    if row.state != "PENDING" or row.run_at > now:
        return None
    return replace(
        row,
        state="PROCESSING",
        epoch=row.epoch + 1,
        attempt=row.attempt + 1,
        lease_until=now + LEASE_SECONDS,
        progress=0.0,
        version=row.version + 1,
    )


def _mine(row: JobRow, epoch: int) -> bool:
    return row.state == "PROCESSING" and row.epoch == epoch


def beat(row: JobRow, epoch: int, now: float) -> JobRow | None:
    return replace(row, lease_until=now + LEASE_SECONDS) if _mine(row, epoch) else None


def report(row: JobRow, epoch: int, progress: float, now: float) -> JobRow | None:
    if not _mine(row, epoch):
        return None
    return replace(
        row,
        lease_until=now + LEASE_SECONDS,
        progress=max(row.progress, progress),
        version=row.version + 1,
    )


def complete(row: JobRow, epoch: int) -> JobRow | None:
    if not _mine(row, epoch):
        return None
    return replace(row, state="COMPLETED", lease_until=None, progress=100.0, version=row.version + 1)


def _leave(row: JobRow, state: str, **changes: object) -> JobRow:
    """Out of PROCESSING without a result. A job that is to be cancelled goes nowhere else."""
    left = replace(row, state=state, lease_until=None, version=row.version + 1, **changes)  # type: ignore[arg-type]
    if row.cancel_requested:
        return replace(left, state="CANCELLED", error=None)
    return left


def fail(
    row: JobRow, epoch: int, code: str, may_retry: bool, delay_seconds: float, now: float
) -> JobRow | None:
    if not _mine(row, epoch):
        return None
    if may_retry and row.attempt < row.max_attempts:
        return _leave(row, "PENDING", run_at=now + delay_seconds)
    return _leave(row, "FAILED", run_at=now + delay_seconds, error=code)


def _crash(row: JobRow, now: float) -> JobRow:
    """A first crash runs again at once, in its old place of the queue; a later one after a while, the last
    one fails."""
    crashes = row.crashes + 1
    run_at = row.run_at if row.crashes == 0 else now + CRASH_DELAY_SECONDS
    if crashes >= MAX_CRASHES:
        return _leave(
            row, "FAILED", crashes=crashes, attempt=row.attempt - 1, run_at=run_at, error="WORKER_LOST"
        )
    return _leave(row, "PENDING", crashes=crashes, attempt=row.attempt - 1, run_at=run_at)


def crash(row: JobRow, epoch: int, now: float) -> JobRow | None:
    """Told by the worker, whose child died."""
    return _crash(row, now) if _mine(row, epoch) else None


def reap(row: JobRow, now: float) -> JobRow | None:
    """Told by the clock: the lease has lapsed."""
    if row.state != "PROCESSING" or row.lease_until is None or row.lease_until >= now:
        return None
    return _crash(row, now)


def release(row: JobRow, epoch: int) -> JobRow | None:
    """It keeps its place of the queue: that its worker was stopped is no fault of the job."""
    if not _mine(row, epoch):
        return None
    return _leave(row, "PENDING", attempt=row.attempt - 1)


def stop(row: JobRow, epoch: int) -> JobRow | None:
    if not _mine(row, epoch) or not row.cancel_requested:
        return None
    return _leave(row, "CANCELLED")


def cancel(row: JobRow) -> JobRow | None:
    """A waiting job at once; a running one is asked to stop."""
    if row.state == "PENDING":
        return replace(row, state="CANCELLED", cancel_requested=True, version=row.version + 1)
    if row.state == "PROCESSING" and not row.cancel_requested:
        return replace(row, cancel_requested=True, version=row.version + 1)
    return None
