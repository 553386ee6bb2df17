"""The figures that docs/jobs.md promises: they are those of the program, and nobody waits for ever."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from db import job_moves, job_rows, sql
from domain.jobs import Kind, Priority, protocol, stages
from tests.support.processes import ROOT
from workers.heart import MARGIN_SECONDS
from workers.process import GRACE_SECONDS
from workers.rounds import SIGN_OF_LIFE_SECONDS

KIND, OWNER = "TEST_FIGURES", uuid4()
STAGES = stages.fresh(Kind(KIND, stages=("only",)))
STEP_SECONDS = 10.0  # one job comes and one is claimed


def test_the_page_says_the_figures_of_the_program() -> None:
    page = (ROOT / "docs" / "jobs.md").read_text()
    table = dict(line.strip("| ").split(" | ", 1) for line in page.splitlines() if line.startswith("| "))
    p = protocol
    said = {
        "lease, extended by each heartbeat": f"{p.LEASE_SECONDS:g} s",
        "progress written at most / a bare heartbeat when nothing moves": (
            f"every {p.REPORT_SECONDS:g} s / {p.QUIET_BEAT_SECONDS:g} s"
        ),
        "sweep, reap, sign of life": (
            f"{p.SWEEP_SECONDS:g} s, {p.REAP_SECONDS:g} s, {SIGN_OF_LIFE_SECONDS:g} s"
        ),
        "a worker gives a run up when the database does not answer for": (
            f"{p.LEASE_SECONDS - MARGIN_SECONDS:g} s"
        ),
        "attempts, wait between them": (
            f"{p.JobRow().max_attempts}; "
            f"min({p.RETRY_CAP_SECONDS:g} s, {p.RETRY_BASE_SECONDS:g} s * 2^attempt), "
            "less up to half of it by jitter"
        ),
        "crashes until `WORKER_LOST`; waits": f"{p.MAX_CRASHES}; none, then {p.CRASH_DELAY_SECONDS:g} s",
        "drain": f"{GRACE_SECONDS:g} s of grace, then release",
    }
    assert {name: table.get(name) for name in said} == said


@pytest.mark.parametrize(
    ("priority", "levels"), [(Priority.LOW, 2), (Priority.NORMAL, 1)], ids=lambda value: str(value)
)
async def test_a_job_among_a_steady_stream_of_high_ones_runs(
    database: object, priority: Priority, levels: int
) -> None:
    """Each time that one is claimed another of HIGH comes, and one more was there before: the queue never
    empties. A level of priority is worth five minutes of waiting, and no more."""
    async with job_rows.IN_TRANSACTION():
        patient = await _submit(priority)
        await _submit(Priority.HIGH)
        waited = 0.0
        while (claimed := await job_moves.claim("w", [KIND], protocol.LEASE_SECONDS)) is not None:
            if claimed.id == patient:
                break
            await job_moves.complete(claimed.id, claimed.epoch, result=None, cost_usd=0.0)
            await _submit(Priority.HIGH)
            await _pass(STEP_SECONDS)
            waited += STEP_SECONDS
            assert waited < 3600.0, "it waits for ever"
    assert levels * protocol.AGEING_SECONDS - STEP_SECONDS <= waited
    assert waited <= levels * protocol.AGEING_SECONDS + 2 * STEP_SECONDS


async def _submit(priority: Priority) -> UUID:
    job = await job_rows.insert(job_rows.JobRow(KIND, OWNER, {}, STAGES, 3, priority=int(priority)))
    assert job is not None
    return job.id


async def _pass(seconds: float) -> None:
    """The database's clock stands still in a transaction: the rows move into the past instead."""
    await sql.run(
        "UPDATE jobs SET run_at = run_at - $1::interval, queue_at = queue_at - $1::interval",
        timedelta(seconds=seconds),
    )
