"""What workers count, told apart by kind, and runs by how they ended.

| outcome | the run |
|---|---|
| completed, failed, cancelled | ended its job |
| retried | raised; the job runs again after its wait |
| released | was given back by a worker that stops |
| crashed | lost its child process; the job runs again, or has failed for good |
| lost | found that its lease had gone to another, or could not reach the database until it lapsed |
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from db.jobs import Job
from domain.tallies import Counter, Histogram, Tallies
from domain.webhooks import TRIES

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_FRAMES = (1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 60.0, 90.0, 120.0, 180.0, 240.0, 360.0)

RUN_SECONDS = Histogram(
    "starling_job_duration_seconds",
    "How long runs took, from claim to end",
    ("kind", "outcome"),
    _SECONDS,
)
WAIT_SECONDS = Histogram(
    "starling_job_wait_seconds", "How long due jobs waited until a worker claimed them", ("kind",), _SECONDS
)
ENDED = Counter("starling_jobs_ended_total", "Jobs that workers brought to their end", ("kind", "outcome"))
RETRIES = Counter("starling_job_retries_total", "Runs that failed and run again", ("kind",))
RELEASES = Counter("starling_job_releases_total", "Runs given back by a worker that stops", ("kind",))
CRASHES = Counter(
    "starling_job_crashes_total",
    "Runs lost with their process: the child that did the work, or the worker (its lease lapsed)",
    ("kind", "process"),
)
LEASES_LOST = Counter("starling_job_leases_lost_total", "Runs whose lease went to another", ("kind",))
FRAMES_PER_SECOND = Histogram(
    "starling_render_frames_per_second", "Frames drawn and encoded a second, by render", ("kind",), _FRAMES
)
FRAMES = Counter("starling_render_frames_total", "Frames drawn and encoded", ("kind",))
BELLS_RUNG = Counter("starling_bells_rung_total", "Bells that told workers of due jobs")
BELLS_FAILED = Counter("starling_bells_failed_total", "Calls of the doorbell that Redis did not take")
ROUNDS_FAILED = Counter("starling_worker_rounds_failed_total", "Rounds of workers that failed", ("round",))

FAMILIES = (
    RUN_SECONDS,
    WAIT_SECONDS,
    ENDED,
    RETRIES,
    RELEASES,
    CRASHES,
    LEASES_LOST,
    FRAMES_PER_SECOND,
    FRAMES,
    BELLS_RUNG,
    BELLS_FAILED,
    ROUNDS_FAILED,
)
_ENDS = {"COMPLETED": "completed", "FAILED": "failed", "CANCELLED": "cancelled"}


def begin(tallies: Tallies, kinds: Sequence[str]) -> None:
    """What alerts watch begins at 0: Prometheus sees no increase in a series that begins with its first 1."""
    for kind in kinds:
        tallies.add(ENDED, kind, "failed", amount=0)
        tallies.add(LEASES_LOST, kind, amount=0)
        for process in ("child", "worker"):
            tallies.add(CRASHES, kind, process, amount=0)
    tallies.add(TRIES, "given_up", amount=0)


def claimed(tallies: Tallies, job: Job) -> None:
    """A due job was claimed. Both times are the database's.

    One that was given back (by a crash or a stop) keeps its place, so since when it waits again is not known:
    it has been claimed more often than it has made attempts, and is left out.
    """
    if job.started_at is not None and job.epoch == job.attempt:
        waited = (job.started_at - job.run_at).total_seconds()
        tallies.observe(WAIT_SECONDS, max(0.0, waited), job.kind)


def ran(tallies: Tallies, job: Job, seconds: float, *, else_outcome: str) -> None:
    """A run was settled as `job` says; `else_outcome` is what it came to where the job is not at its end."""
    outcome = _ENDS.get(job.state, else_outcome)
    tallies.observe(RUN_SECONDS, seconds, job.kind, "crashed" if else_outcome == "crashed" else outcome)
    if job.state in _ENDS:
        tallies.add(ENDED, job.kind, outcome)
    if else_outcome == "crashed":
        tallies.add(CRASHES, job.kind, "child")
    elif outcome == "retried":
        tallies.add(RETRIES, job.kind)
    elif outcome == "released":
        tallies.add(RELEASES, job.kind)


def lost(tallies: Tallies, kind: str, seconds: float) -> None:
    """A run ended without a say in what becomes of its job."""
    tallies.observe(RUN_SECONDS, seconds, kind, "lost")
    tallies.add(LEASES_LOST, kind)


def reaped(tallies: Tallies, jobs: Sequence[Job]) -> None:
    """The leases of these had lapsed."""
    for job in jobs:
        tallies.add(CRASHES, job.kind, "worker")
        if job.state in _ENDS:
            tallies.add(ENDED, job.kind, _ENDS[job.state])


def rendered(tallies: Tallies, kind: str, frames: int, seconds: float) -> None:
    """A film was drawn and encoded."""
    tallies.add(FRAMES, kind, amount=frames)
    tallies.observe(FRAMES_PER_SECOND, frames / max(seconds, 1e-3), kind)


@dataclass(frozen=True)
class ProcessFigures:
    """Of a worker and its children together: resident memory, and processor time since it began."""

    memory_bytes: int
    cpu_seconds: float


def process_figures() -> ProcessFigures:
    """Those of this process; blocking for some milliseconds."""
    me = psutil.Process()
    times = me.cpu_times()
    memory = me.memory_info().rss
    cpu = times.user + times.system + times.children_user + times.children_system
    for child in me.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            times = child.cpu_times()
            cpu += times.user + times.system
            memory += child.memory_info().rss
    return ProcessFigures(memory, cpu)
