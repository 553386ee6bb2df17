"""What must hold of the rows and files of all jobs whenever everything is quiet, whatever happened before."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from db import sql

QUIET_SECONDS = 60.0

# Each query returns the rows that break the rule.
BROKEN = {
    "a running job's lease has not lapsed": """
        SELECT id FROM jobs WHERE state = 'PROCESSING' AND lease_until < now()""",
    "an ended job holds no lease and no worker's flag": """
        SELECT id FROM jobs WHERE completed_at IS NOT NULL AND lease_until IS NOT NULL""",
    "attempts stay within their number": "SELECT id FROM jobs WHERE attempt > max_attempts OR attempt < 0",
    "a job is completed at most once": """
        SELECT job_id FROM job_attempts WHERE outcome = 'COMPLETED' GROUP BY job_id HAVING count(*) > 1""",
    "an attempt that was left has an outcome": """
        SELECT a.job_id FROM job_attempts a JOIN jobs j ON j.id = a.job_id
        WHERE a.outcome IS NULL AND NOT (j.state = 'PROCESSING' AND j.epoch = a.epoch)""",
    "each epoch is one attempt": """
        SELECT j.id FROM jobs j
        WHERE j.epoch <> (SELECT count(*) FROM job_attempts a WHERE a.job_id = j.id)""",
    "versions have no gap and reach the row's": """
        SELECT j.id FROM jobs j LEFT JOIN job_events e ON e.job_id = j.id GROUP BY j.id
        HAVING count(e.*) <> j.version OR min(e.version) <> 1 OR max(e.version) <> j.version""",
    "a job ends once, with its last event": """
        SELECT e.job_id FROM job_events e JOIN jobs j ON j.id = e.job_id
        WHERE e.state IN ('COMPLETED', 'FAILED', 'CANCELLED') AND e.version <> j.version""",
    "an ended job's last event is its end": """
        SELECT j.id FROM jobs j JOIN job_events e ON e.job_id = j.id AND e.version = j.version
        WHERE j.state <> e.state""",
    "epoch and progress never go back": """
        SELECT job_id FROM (
          SELECT job_id, (epoch, progress) AS here,
            lag((epoch, progress)) OVER (PARTITION BY job_id ORDER BY version) AS before
          FROM job_events) steps
        WHERE here < before""",
    "only a completed job has outputs": """
        SELECT o.job_id FROM job_outputs o JOIN jobs j ON j.id = o.job_id WHERE j.state <> 'COMPLETED'""",
    "what a job made is there": """
        SELECT o.job_id FROM job_outputs o LEFT JOIN assets a ON a.id = o.asset_id WHERE a.id IS NULL""",
    "whoever wants to be told of an end is to be told of it once": """
        SELECT j.id FROM jobs j LEFT JOIN webhook_deliveries w ON w.job_id = j.id GROUP BY j.id
        HAVING count(w.*) <> (j.callback_url IS NOT NULL AND j.completed_at IS NOT NULL)::int""",
}


async def check(files: Path | None = None, *, may_wait: bool = False) -> None:
    """Wait until nothing runs, and nothing waits unless it `may_wait`; then hold every rule.

    `files` is the folder of the stored files: what the rows name must be there, whole.
    Raises AssertionError.
    """
    await quiet(may_wait=may_wait)
    for rule, query in BROKEN.items():
        broken = await sql.rows(query)
        assert broken == [], f"broken: {rule}: {[dict(row) for row in broken[:5]]}"
    if files is not None:
        await _check_files(files)


async def quiet(seconds: float = QUIET_SECONDS, *, may_wait: bool = False) -> None:
    """Until every job has ended; with `may_wait` until none runs."""
    states = ["PROCESSING"] if may_wait else ["PENDING", "PROCESSING"]
    began = time.monotonic()
    while left := await sql.rows("SELECT id, state FROM jobs WHERE state = ANY($1::text[])", states):
        assert time.monotonic() - began < seconds, f"not quiet: {len(left)} jobs, {dict(left[0])}"
        await asyncio.sleep(0.05)


async def _check_files(folder: Path) -> None:
    rows = await sql.rows("SELECT key, size FROM assets WHERE deleted_at IS NULL")
    named = {row["key"]: row["size"] for row in rows}
    for key, size in named.items():
        path = folder / key
        assert path.is_file(), f"a row names {key}, which is not there"
        assert path.stat().st_size == size, f"{key} is not whole"
