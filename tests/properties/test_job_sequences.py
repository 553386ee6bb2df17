"""P18: sequences of moves, played against the pure protocol and against the database side by side.

`tests/unit/test_job_moves.py` holds every single move; here they follow each other in every order, by workers
that hold stale claims, over several jobs. A sequence is one transaction, in which the database's clock stands
still: time passes by moving the rows into the past.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from db import job_moves, job_rows, sql
from db.jobs import Job
from domain.jobs import protocol
from domain.jobs.protocol import JobRow
from tests.support.figures import Figures
from tests.support.protocol_rows import seen

pytestmark = [pytest.mark.promise("P18"), pytest.mark.usefixtures("database")]

KIND, OWNER = "TEST_SEQUENCES", uuid4()
SEQUENCES, STEPS, MOST_JOBS = 60, 60, 12
STAGES = [
    {
        "name": "only",
        "status": "PENDING",
        "progress": 0.0,
        "message": None,
        "started_at": None,
        "completed_at": None,
        "error": None,
    }
]


@dataclass
class Pair:
    """The rows as the protocol has them; their times are seconds after the database's clock."""

    rng: random.Random
    rows: dict[UUID, JobRow] = field(default_factory=dict)
    keys: dict[str, UUID] = field(default_factory=dict)
    claims: list[tuple[UUID, int]] = field(default_factory=list)
    moved: int = 0  # how many moves were somebody's to make

    async def step(self) -> None:
        ways = [self.submit, self.claim] * 4 + [self.tick, self.reap, self.cancel, self.retry]
        ways += [self.report, self.beat, self.complete, self.fail, self.crash, self.release, self.stop]
        await self.rng.choice(ways)()

    # moves without a claim

    async def submit(self) -> None:
        if len(self.rows) < MOST_JOBS:
            key = self.rng.choice([None, "a", "b"])
            job = await self._insert(idempotency_key=key, priority=self.rng.randrange(3))
            assert (job is None) == (key in self.keys), f"the key {key}"
            if job is not None and key is not None:
                self.keys[key] = job.id

    async def retry(self) -> None:
        ended = [job_id for job_id, row in self.rows.items() if row.ended]
        if ended and len(self.rows) < MOST_JOBS:
            await self._insert(retry_of=self.rng.choice(ended), priority=1)

    async def _insert(self, **given: Any) -> Job | None:
        new = job_rows.JobRow(
            KIND, OWNER, {}, [dict(stage) for stage in STAGES], 3, callback_url="http://told", **given
        )
        job = await job_rows.insert(new)
        if job is not None:
            self.rows[job.id] = JobRow(priority=new.priority)
            await self.tick(round(self.rng.uniform(0.001, 0.9), 3))  # no two of one age
        return job

    async def tick(self, seconds: float | None = None) -> None:
        gone = self.rng.choice([0.5, 5.0, 31.0, 400.0]) if seconds is None else seconds
        await sql.run(
            """UPDATE jobs SET run_at = run_at - $1::interval, queue_at = queue_at - $1::interval,
            lease_until = lease_until - $1::interval""",
            timedelta(seconds=gone),
        )
        for job_id, row in self.rows.items():
            lease = None if row.lease_until is None else row.lease_until - gone
            self.rows[job_id] = replace(row, run_at=row.run_at - gone, lease_until=lease)

    async def claim(self) -> None:
        due = [row.queue_at for row in self.rows.values() if protocol.claim(row, 0.0)]
        job = await job_moves.claim("w", [KIND], protocol.LEASE_SECONDS)
        if job is None:
            assert due == []
            return
        # Two that crashed in one instant have one place; half a millisecond is the noise of floats.
        assert self.rows[job.id].queue_at < min(due) + 0.0005, "another was due before"
        self._make(job.id, protocol.claim(self.rows[job.id], 0.0))
        self.claims.append((job.id, job.epoch))

    async def reap(self) -> None:
        jobs = await job_moves.reap(
            max_crashes=protocol.MAX_CRASHES, delay_seconds=protocol.CRASH_DELAY_SECONDS
        )
        lapsed = {job_id: row for job_id, old in self.rows.items() if (row := protocol.reap(old, 0.0))}
        assert {job.id for job in jobs} == set(lapsed)
        for job_id, row in lapsed.items():
            self._make(job_id, row)

    async def cancel(self) -> None:
        if self.rows and self.rng.random() < 0.4:
            job_id = self.rng.choice(list(self.rows))
            moved = await job_moves.cancel(job_id, OWNER)
            self._agreed(job_id, moved, protocol.cancel(self.rows[job_id]))

    # moves by a claim

    def _held(self) -> tuple[UUID, int]:
        """A claim, mostly one that counts; of nobody's job if there is none yet."""
        if not self.claims:
            return uuid4(), 1
        counting = [
            (job_id, epoch)
            for job_id, epoch in self.claims
            if self.rows[job_id].state == "PROCESSING" and self.rows[job_id].epoch == epoch
        ]
        return self.rng.choice(counting if counting and self.rng.random() < 0.8 else self.claims)

    def _row(self, job_id: UUID) -> JobRow:
        return self.rows.get(job_id, JobRow())

    async def report(self) -> None:
        job_id, epoch = self._held()
        progress = self.rng.uniform(0.0, 100.0)
        moved = await job_moves.report(
            job_id,
            epoch,
            protocol.LEASE_SECONDS,
            progress=progress,
            message="on",
            stages=STAGES,
            eta_seconds=None,
        )
        self._agreed(job_id, moved, protocol.report(self._row(job_id), epoch, progress, 0.0))

    async def beat(self) -> None:
        job_id, epoch = self._held()
        flag = await job_moves.beat(job_id, epoch, protocol.LEASE_SECONDS)
        row = protocol.beat(self._row(job_id), epoch, 0.0)
        self._agreed(job_id, flag, row)
        assert row is None or flag == row.cancel_requested

    async def complete(self) -> None:
        job_id, epoch = self._held()
        if self.rng.random() < 0.5:
            moved = await job_moves.complete(job_id, epoch, result={}, cost_usd=0.0)
            self._agreed(job_id, moved, protocol.complete(self._row(job_id), epoch))

    async def fail(self) -> None:
        job_id, epoch = self._held()
        may_retry, delay = self.rng.random() < 0.8, round(self.rng.uniform(1.0, 20.0), 3)
        moved = await job_moves.fail(
            job_id, epoch, code="INTERNAL", message="it failed", may_retry=may_retry, delay_seconds=delay
        )
        row = protocol.fail(self._row(job_id), epoch, "INTERNAL", may_retry, delay, 0.0)
        self._agreed(job_id, moved, row)

    async def crash(self) -> None:
        job_id, epoch = self._held()
        moved = await job_moves.crash(
            job_id, epoch, max_crashes=protocol.MAX_CRASHES, delay_seconds=protocol.CRASH_DELAY_SECONDS
        )
        self._agreed(job_id, moved, protocol.crash(self._row(job_id), epoch, 0.0))

    async def release(self) -> None:
        job_id, epoch = self._held()
        moved = await job_moves.release(job_id, epoch)
        self._agreed(job_id, moved, protocol.release(self._row(job_id), epoch))

    async def stop(self) -> None:
        job_id, epoch = self._held()
        self._agreed(job_id, await job_moves.stop(job_id, epoch), protocol.stop(self._row(job_id), epoch))

    def _agreed(self, job_id: UUID, moved: object, row: JobRow | None) -> None:
        assert (moved is None) == (row is None), (self.rows.get(job_id), row)
        if row is not None:
            self._make(job_id, row)

    def _make(self, job_id: UUID, row: JobRow | None) -> None:
        assert row is not None
        self.rows[job_id] = row
        self.moved += 1

    # what the database has

    async def check(self) -> None:
        now = await sql.now()
        jobs = await Job.all()
        assert {job.id for job in jobs} == set(self.rows)
        for job in jobs:
            assert rounded(seen(job, now)) == rounded(self.rows[job.id])

    async def check_around(self) -> None:
        """Each version is in the log, each epoch is an attempt, each end was told once."""
        rows = await sql.rows(
            """SELECT j.id, j.version, j.epoch, j.completed_at IS NOT NULL AS ended,
              (SELECT count(*) FROM job_events e WHERE e.job_id = j.id) AS events,
              (SELECT count(DISTINCT version) FROM job_events e WHERE e.job_id = j.id
                AND e.version BETWEEN 1 AND j.version) AS versions,
              (SELECT count(*) FROM job_attempts a WHERE a.job_id = j.id) AS attempts,
              (SELECT count(*) FROM job_attempts a WHERE a.job_id = j.id AND a.outcome IS NULL) AS open,
              (SELECT count(*) FROM webhook_deliveries d WHERE d.job_id = j.id) AS told
            FROM jobs j"""
        )
        for row in rows:
            assert row["events"] == row["versions"] == row["version"], dict(row)
            assert row["attempts"] == row["epoch"], dict(row)
            assert row["open"] == (self.rows[row["id"]].state == "PROCESSING"), dict(row)
            assert row["told"] == row["ended"], dict(row)


def rounded(row: JobRow) -> JobRow:
    """All times here are whole milliseconds; what is left out is the noise of floats."""
    lease = None if row.lease_until is None else round(row.lease_until, 4) + 0.0
    return replace(row, run_at=round(row.run_at, 4) + 0.0, lease_until=lease, progress=round(row.progress, 6))


@pytest.mark.slow
async def test_sequences_of_moves_come_out_alike(rng: random.Random, figures: Figures) -> None:
    began, moved = time.monotonic(), 0
    for _ in range(SEQUENCES):
        pair = Pair(rng)
        async with job_rows.IN_TRANSACTION():
            for _ in range(STEPS):
                await pair.step()
                await pair.check()
            await pair.check_around()
            for table in ("jobs", "job_events", "job_attempts", "webhook_deliveries"):
                await sql.run(f"DELETE FROM {table}")
        moved += pair.moved
    assert moved > SEQUENCES * STEPS / 4, "most moves were nobody's to make"
    figures.note("P18", "moves that SQL and the protocol made alike", moved)
    figures.note("P18", "seconds for these moves", time.monotonic() - began, "s")
