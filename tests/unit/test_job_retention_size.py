"""A hundred thousand old jobs go in short statements, by an index, in little memory."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from tortoise.context import TortoiseContext

from db import retention, sql
from domain import jobs
from domain.accounts import local_owner
from domain.jobs import Pruned
from tests.support.local_services import local_services

JOBS, FILES = 100_000, 2_000
STATEMENT_SECONDS = 1.0
MEMORY_BYTES = 20_000_000

_FILL: tuple[str, ...] = (
    """INSERT INTO jobs (id, kind, owner_id, params, stages, state, run_at, queue_at, created_at, updated_at,
         completed_at, version)
       SELECT gen_random_uuid(), 'PARTICLE_RENDER', $1, '{}', '[]', 'COMPLETED', t, t, t, t, t, 4
       FROM (SELECT now() - interval '31 days' - n * interval '1 second' AS t
             FROM generate_series(1, $2::int) n) times""",
    """INSERT INTO job_events (xid, job_id, owner_id, version, epoch, state, progress, at)
       SELECT 1, id, owner_id, n, 1, 'PROCESSING', 0, now() FROM jobs, generate_series(1, 4) n""",
    """INSERT INTO job_attempts (job_id, epoch, attempt, worker, started_at) SELECT id, 1, 1, 'w', now()
       FROM jobs""",
    """INSERT INTO assets (id, owner_id, kind, filename, content_type, size, sha256, key, created_at)
       SELECT id, owner_id, 'VIDEO', id || '.mp4', 'video/mp4', 10, replace(id::text, '-', '') || 'x',
         'renders/' || id || '/1/0.mp4', now() FROM jobs LIMIT $1::int""",
    "INSERT INTO job_outputs (job_id, asset_id, role) SELECT id, id, 'video' FROM assets",
)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_hundred_thousand_jobs_go_in_short_statements(
    database: TortoiseContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    viewer, services = await local_owner(), local_services(tmp_path / "home")
    given: list[list[Any]] = [[viewer.id, JOBS], [], [], [FILES], []]
    for statement, values in zip(_FILL, given, strict=True):
        await sql.run(statement, *values)
    await sql.run("ANALYZE")
    began = time.monotonic()
    foreseen = await jobs.prunable(30)
    forecast_seconds = time.monotonic() - began
    assert foreseen == Pruned(JOBS, JOBS, 4 * JOBS, FILES, 10 * FILES, 0)

    plan = await sql.rows(
        f"EXPLAIN {retention._EXPIRED}",
        viewer.id,
        ["PARTICLE_RENDER"],
        await retention.moment_before(30),
        retention.LAST_ID,
        retention.JOBS_A_BATCH,
    )
    assert any("jobs_by_end" in row["QUERY PLAN"] for row in plan), plan

    seconds = timed_statements(monkeypatch)
    whole, began = Pruned(), time.monotonic()
    tracemalloc.start()
    async for part in jobs.pruned_in_parts(30, services=services):
        whole += part
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    took = time.monotonic() - began
    assert whole == foreseen
    assert max(seconds) < 3 * STATEMENT_SECONDS
    assert peak < MEMORY_BYTES
    with capsys.disabled():
        print(
            f"\n{JOBS:,} old jobs with {4 * JOBS:,} events and {FILES:,} files: {took:.1f} s,"
            f" {len(seconds):,} statements, median {sorted(seconds)[len(seconds) // 2] * 1000:.1f} ms,"
            f" slowest {max(seconds) * 1000:.0f} ms, {peak / 1e6:.1f} MB;"
            f" foreseen in {forecast_seconds:.2f} s"
        )


def timed_statements(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each named statement took from now on, in seconds."""
    seconds: list[float] = []
    ask = sql.rows

    async def rows(statement: str, *values: Any) -> list[dict[str, Any]]:
        began = time.monotonic()
        found = await ask(statement, *values)
        seconds.append(time.monotonic() - began)
        return found

    monkeypatch.setattr(sql, "rows", rows)
    return seconds
