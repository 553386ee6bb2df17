"""The folder of one run on this machine: made by its claim, gone with its end.

A process that is killed leaves its folder behind. Whichever worker shares the disk removes it with its
daily round: once it is a day old and no run of that epoch goes on.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from db import job_rows
from db.jobs import Job

FOLDER = "jobs"
ABANDONED_SECONDS = 86_400.0


def folder_of(job: Job, scratch: Path) -> Path:
    """Every claim has its own, so that a stale run and a new one never meet."""
    return scratch / FOLDER / f"{job.id}-{job.epoch}"


async def discard_abandoned(scratch: Path) -> int:
    """How many folders were removed."""
    old = await asyncio.to_thread(_old_folders, scratch / FOLDER)
    jobs = await job_rows.by_ids(list({job_id for job_id, _ in old.values()}))
    removed = 0
    for path, (job_id, epoch) in old.items():
        job = jobs.get(job_id)
        if job is None or job.state != "PROCESSING" or job.epoch != epoch:
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
            removed += 1
    return removed


def _old_folders(folder: Path) -> dict[Path, tuple[UUID, int]]:
    """(job, epoch) of those that `folder_of` has named, long ago."""
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        job_id, _, epoch = path.name.rpartition("-")
        with suppress(ValueError, FileNotFoundError):
            named = UUID(job_id), int(epoch)
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                found[path] = named
    return found
