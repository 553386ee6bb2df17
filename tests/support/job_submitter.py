"""A process of its own that submits jobs: `python -m tests.support.job_submitter EFFECTS JOBS PAUSE [KEY]`.

It prints one line of JSON: the ids, and what its clock says.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from app.settings import Settings
from app.wiring import open_services
from domain.jobs import JobOptions
from tests.support import job_kinds
from tests.support.job_world import submitted
from tests.support.processes import ROOT


@dataclass(frozen=True)
class Said:
    """What the process said: the jobs it made, and its clock (Unix seconds)."""

    jobs: list[str]
    clock: float


async def submitting(
    given: Mapping[str, str], effects: Path, *, jobs: int, pause_seconds: float = 0.0, key: str = ""
) -> Said:
    """Run it to its end. With a key every job is the same one."""
    command = ["-m", "tests.support.job_submitter", str(effects), str(jobs), str(pause_seconds), key]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, env=given, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return Said(**orjson.loads(said))


async def main(effects: str, jobs: int, pause_seconds: float, key: str) -> Said:
    made = []
    async with open_services(Settings.from_environ(os.environ)) as services:
        for _ in range(jobs):
            options = JobOptions(idempotency_key=key or None)
            job = await submitted(services, job_kinds.NOOP.name, effects=effects, options=options)
            made.append(str(job.id))
            await asyncio.sleep(pause_seconds)
    return Said(made, time.time())


if __name__ == "__main__":
    _, place, count, pause, shared_key = sys.argv
    answer = asyncio.run(main(place, int(count), float(pause), shared_key))
    sys.stdout.buffer.write(orjson.dumps(asdict(answer)))
