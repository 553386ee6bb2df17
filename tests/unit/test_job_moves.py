"""The moves in SQL, held against the pure protocol: the same row and the same move give the same row.

The table is every state in which a job can be, and every move with and without the right epoch. The
database's clock stands still for a test by having it all in one transaction.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from db import job_moves, sql
from db.job_rows import IN_TRANSACTION
from db.jobs import Job
from domain.jobs import protocol
from domain.jobs.protocol import JobRow
from tests.support.protocol_rows import seen

pytestmark = pytest.mark.usefixtures("database")
OWNER = uuid4()
KIND = "TEST_MOVES"
STAGES = [
    {
        "name": name,
        "status": status,
        "progress": 0.0,
        "message": None,
        "started_at": None,
        "completed_at": None,
        "error": None,
    }
    for name, status in (("one", "COMPLETED"), ("two", "PROCESSING"), ("three", "PENDING"))
]

WAITING = JobRow(run_at=-1.0, attempt=1, crashes=1, epoch=3, progress=40.0, version=7)
RUNNING = replace(WAITING, state="PROCESSING", attempt=2, epoch=4, lease_until=20.0, progress=30.0)
ROWS = {
    "fresh": JobRow(run_at=-1.0),
    "waiting": WAITING,
    "waiting for later": replace(WAITING, run_at=50.0),
    "running": RUNNING,
    "running for the first time": replace(RUNNING, attempt=1, crashes=0),
    "running for the last time": replace(RUNNING, attempt=3),
    "running after two crashes": replace(RUNNING, crashes=2),
    "lapsed": replace(RUNNING, lease_until=-1.0),
    "lapsed after two crashes": replace(RUNNING, lease_until=-1.0, crashes=2),
    "to be cancelled": replace(RUNNING, cancel_requested=True),
    "to be cancelled, lapsed": replace(RUNNING, cancel_requested=True, lease_until=-1.0, crashes=2),
    "completed": replace(RUNNING, state="COMPLETED", lease_until=None, progress=100.0),
    "failed": replace(RUNNING, state="FAILED", lease_until=None, error="INTERNAL"),
    "cancelled": replace(RUNNING, state="CANCELLED", lease_until=None, cancel_requested=True),
}


_INSERT = """
INSERT INTO jobs (id, kind, owner_id, params, stages, state, priority, run_at, queue_at, attempt,
  max_attempts, crashes, epoch, lease_until, cancel_requested_at, progress, version, error,
  created_at, updated_at, completed_at, callback_url)
VALUES ($1, $2, $3, '{}', $4::jsonb, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17::jsonb,
  $18, $18, $19, $20)"""


async def _insert(row: JobRow, now: datetime, callback_url: str | None = None) -> UUID:
    """A row in this state; its times are seconds after `now`."""
    job_id = uuid4()

    def moment(seconds: float | None) -> datetime | None:
        return None if seconds is None else now + timedelta(seconds=seconds)

    identity = [job_id, KIND, OWNER, json.dumps(STAGES), row.state, row.priority]
    queue = [moment(row.run_at), moment(row.queue_at), row.attempt, row.max_attempts, row.crashes, row.epoch]
    claim = [
        moment(row.lease_until),
        moment(-2.0) if row.cancel_requested else None,
        row.progress,
        row.version,
    ]
    error = None if row.error is None else json.dumps({"code": row.error, "message": "it failed"})
    times = [moment(-9.0), moment(-1.0) if row.ended else None]
    await sql.run(_INSERT, *identity, *queue, *claim, error, *times, callback_url)
    return job_id


async def _beaten(job_id: UUID, epoch: int) -> Job | None:
    if await job_moves.beat(job_id, epoch, protocol.LEASE_SECONDS) is None:
        return None
    return await Job.get(id=job_id)


async def _reaped(job_id: UUID) -> Job | None:
    jobs = await job_moves.reap(max_crashes=protocol.MAX_CRASHES, delay_seconds=protocol.CRASH_DELAY_SECONDS)
    return next((job for job in jobs if job.id == job_id), None)


async def _report(job_id: UUID, epoch: int, progress: float) -> Job | None:
    return await job_moves.report(
        job_id,
        epoch,
        protocol.LEASE_SECONDS,
        progress=progress,
        message="on",
        stages=STAGES,
        eta_seconds=1.5,
    )


async def _fail(job_id: UUID, epoch: int, may_retry: bool) -> Job | None:
    return await job_moves.fail(
        job_id, epoch, code="INTERNAL", message="it failed", may_retry=may_retry, delay_seconds=8.0
    )


async def _crash(job_id: UUID, epoch: int) -> Job | None:
    return await job_moves.crash(
        job_id, epoch, max_crashes=protocol.MAX_CRASHES, delay_seconds=protocol.CRASH_DELAY_SECONDS
    )


MOVES: dict[str, tuple[Any, Any]] = {
    "claim": (
        lambda job_id, epoch: job_moves.claim("w", [KIND], protocol.LEASE_SECONDS),
        lambda row, epoch: protocol.claim(row, 0.0),
    ),
    "beat": (_beaten, lambda row, epoch: protocol.beat(row, epoch, 0.0)),
    "report more": (
        lambda job_id, epoch: _report(job_id, epoch, 60.0),
        lambda row, epoch: protocol.report(row, epoch, 60.0, 0.0),
    ),
    "report less": (
        lambda job_id, epoch: _report(job_id, epoch, 10.0),
        lambda row, epoch: protocol.report(row, epoch, 10.0, 0.0),
    ),
    "complete": (
        lambda job_id, epoch: job_moves.complete(job_id, epoch, result={"a": 1}, cost_usd=0.0),
        lambda row, epoch: protocol.complete(row, epoch),
    ),
    "fail for good": (
        lambda job_id, epoch: _fail(job_id, epoch, False),
        lambda row, epoch: protocol.fail(row, epoch, "INTERNAL", False, 8.0, 0.0),
    ),
    "fail for now": (
        lambda job_id, epoch: _fail(job_id, epoch, True),
        lambda row, epoch: protocol.fail(row, epoch, "INTERNAL", True, 8.0, 0.0),
    ),
    "crash": (_crash, lambda row, epoch: protocol.crash(row, epoch, 0.0)),
    "reap": (lambda job_id, epoch: _reaped(job_id), lambda row, epoch: protocol.reap(row, 0.0)),
    "release": (
        lambda job_id, epoch: job_moves.release(job_id, epoch),
        lambda row, epoch: protocol.release(row, epoch),
    ),
    "stop": (
        lambda job_id, epoch: job_moves.stop(job_id, epoch),
        lambda row, epoch: protocol.stop(row, epoch),
    ),
    "cancel": (
        lambda job_id, epoch: job_moves.cancel(job_id, OWNER),
        lambda row, epoch: protocol.cancel(row),
    ),
}
LOGGED = set(MOVES) - {"beat"}


@pytest.mark.parametrize("move", MOVES)
async def test_a_move_in_sql_is_the_move_of_the_protocol(move: str) -> None:
    in_sql, pure = MOVES[move]
    for name, row in ROWS.items():
        for epoch in (row.epoch, row.epoch - 1):
            async with IN_TRANSACTION():
                (clock,) = await sql.rows("SELECT now() AS now")
                now = clock["now"]
                job_id = await _insert(row, now)
                expected = pure(row, epoch)
                moved = await in_sql(job_id, epoch)
                after = await Job.get(id=job_id)
                place = f"{move} of a {name} job with epoch {epoch}"
                if expected is None:
                    assert moved is None, place
                    assert seen(after, now) == row, place
                else:
                    assert moved is not None, place
                    assert seen(after, now) == expected, place
                    assert protocol.impossible(expected) is None, place
                    assert abs((after.queue_at - now).total_seconds() - expected.queue_at) < 1e-3, place
                assert await _is_logged(job_id) == (expected is not None and move in LOGGED), place
                await sql.run("DELETE FROM jobs")


async def _is_logged(job_id: UUID) -> bool:
    """Whether the last version of the job is in the log as the row is."""
    events = await sql.rows(
        """SELECT e.* FROM job_events e JOIN jobs j ON j.id = e.job_id AND j.version = e.version
        AND j.state = e.state AND j.epoch = e.epoch AND j.progress = e.progress
        AND j.updated_at = e.at WHERE j.id = $1""",
        job_id,
    )
    return len(events) == 1


@pytest.mark.parametrize("move", MOVES)
async def test_what_ends_a_job_writes_one_delivery_and_nothing_else_does(move: str) -> None:
    """Of every state, by the right epoch and by a stale one, with a callback URL and without."""
    in_sql, pure = MOVES[move]
    has_ended_some = False
    for name, row in ROWS.items():
        for epoch in (row.epoch, row.epoch - 1):
            for callback_url in (None, "https://bird:secret@Hooks.Example:443/told?token=1"):
                async with IN_TRANSACTION():
                    (clock,) = await sql.rows("SELECT now() AS now")
                    job_id = await _insert(row, clock["now"], callback_url)
                    expected = pure(row, epoch)
                    moved = await in_sql(job_id, epoch)
                    rows = await sql.rows("SELECT * FROM webhook_deliveries")
                    ends = expected is not None and expected.ended and not row.ended
                    place = f"{move} of a {name} job with epoch {epoch}"
                    assert [entry["job_id"] for entry in rows] == [job_id] * (
                        ends and callback_url is not None
                    ), place
                    for entry in rows:
                        assert moved is not None
                        _check_delivery(entry, moved)
                        has_ended_some = True
                    await sql.run("DELETE FROM jobs")
                    await sql.run("DELETE FROM webhook_deliveries")
    assert has_ended_some == (move not in ("claim", "beat", "report more", "report less"))


def _check_delivery(entry: dict[str, Any], job: Job) -> None:
    payload = json.loads(entry["payload"])
    assert (entry["url"], entry["host"]) == (job.callback_url, "hooks.example:443")
    assert (entry["state"], entry["attempt"], entry["ended_at"]) == ("PENDING", 0, None)
    assert entry["due_at"] == entry["created_at"] == job.completed_at
    assert (payload["job"], payload["status"], payload["error"]) == (str(job.id), job.state, job.error)
    assert datetime.fromisoformat(payload["completedAt"]) == job.completed_at


async def test_each_claim_is_an_attempt_with_an_end() -> None:
    async with IN_TRANSACTION():
        (clock,) = await sql.rows("SELECT now() AS now")
        job_id = await _insert(ROWS["fresh"], clock["now"])
        for end in ("release", "crash", "fail for now"):
            job = await job_moves.claim("w", [KIND], 30.0)
            assert job is not None
            assert await MOVES[end][0](job_id, job.epoch) is not None
            await sql.run("UPDATE jobs SET run_at = now(), queue_at = now()")
        job = await job_moves.claim("w", [KIND], 30.0)
        assert job is not None
        await job_moves.complete(job_id, job.epoch, result=None, cost_usd=0.0)
        rows = await sql.rows("SELECT epoch, attempt, outcome, ended_at FROM job_attempts ORDER BY epoch")
    assert [(row["epoch"], row["attempt"], row["outcome"]) for row in rows] == [
        (1, 1, "RELEASED"),
        (2, 1, "LOST"),
        (3, 1, "RETRIED"),
        (4, 2, "COMPLETED"),
    ]
    assert all(row["ended_at"] is not None for row in rows)


async def test_claims_go_by_priority_and_age() -> None:
    (clock,) = await sql.rows("SELECT now() AS now")
    now = clock["now"]
    ids = {
        "low, eleven minutes old": await _insert(JobRow(priority=0, run_at=-660.0), now),
        "high": await _insert(JobRow(priority=2, run_at=-1.0), now),
        "normal, older": await _insert(JobRow(priority=1, run_at=-20.0), now),
        "normal": await _insert(JobRow(priority=1, run_at=-10.0), now),
        "low": await _insert(JobRow(priority=0, run_at=-30.0), now),
        "high, but later": await _insert(JobRow(priority=2, run_at=3600.0), now),
    }
    names = {job_id: name for name, job_id in ids.items()}
    order = []
    while (job := await job_moves.claim("w", [KIND], 30.0)) is not None:
        order.append(names[job.id])
    assert order == ["low, eleven minutes old", "high", "normal, older", "normal", "low"]


async def test_a_worker_leaves_kinds_alone_that_it_does_not_have() -> None:
    (clock,) = await sql.rows("SELECT now() AS now")
    job_id = await _insert(JobRow(run_at=-1.0), clock["now"])
    assert await job_moves.claim("w", ["ANOTHER"], 30.0) is None
    assert (await Job.get(id=job_id)).state == "PENDING"


async def test_what_runs_shares_the_jobs_fate() -> None:
    (clock,) = await sql.rows("SELECT now() AS now")
    for move, statuses in (
        ("fail for good", ["COMPLETED", "FAILED", "PENDING"]),
        ("fail for now", ["COMPLETED", "PENDING", "PENDING"]),
        ("complete", ["COMPLETED", "COMPLETED", "COMPLETED"]),
        ("release", ["COMPLETED", "PENDING", "PENDING"]),
    ):
        job_id = await _insert(RUNNING, clock["now"])
        job = await MOVES[move][0](job_id, RUNNING.epoch)
        assert [stage["status"] for stage in job.stages] == statuses, move
    job_id = await _insert(replace(RUNNING, cancel_requested=True), clock["now"])
    stopped = await job_moves.stop(job_id, RUNNING.epoch)
    assert stopped is not None
    assert [stage["status"] for stage in stopped.stages] == ["COMPLETED", "CANCELLED", "PENDING"]
    job_id = await _insert(RUNNING, clock["now"])
    failed = await _fail(job_id, RUNNING.epoch, False)
    assert failed is not None
    assert failed.stages[1]["error"] == {"code": "INTERNAL", "message": "it failed"}
    assert datetime.fromisoformat(failed.stages[1]["completed_at"]).tzinfo is not None


@pytest.mark.parametrize(
    "change",
    [
        "lease_until = NULL",
        "state = 'PENDING'",
        "state = 'COMPLETED', lease_until = NULL",
        "state = 'FAILED', lease_until = NULL, completed_at = now()",
        "progress = 101",
        "attempt = 4",
        "attempt = -1",
        "state = 'LOST'",
        "priority = 3",
    ],
)
async def test_the_database_refuses_impossible_rows(change: str) -> None:
    (clock,) = await sql.rows("SELECT now() AS now")
    await _insert(RUNNING, clock["now"])
    with pytest.raises(Exception, match="violates check constraint"):
        await sql.run(f"UPDATE jobs SET {change}")
