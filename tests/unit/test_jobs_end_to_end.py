"""A job from submit to settle, over the real database, the real Redis and a real worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.accounts import local_owner
from domain.jobs import outputs_for, watch
from tests.support.job_world import ended, job_services, options, submitted, worker_here

pytestmark = pytest.mark.usefixtures("database")


async def test_a_job_runs_from_bell_to_settlement(redis_url: str, tmp_path: Path) -> None:
    async with job_services(redis_url, tmp_path) as services:
        job = await submitted(services, "TEST_STEPS", file="a film")
        watching = watch(await local_owner(), job.id, services=services)
        updates = [await anext(watching)]  # before a worker hears the bell
        async with worker_here(services, options(redis_url)):
            updates += [update async for update in watching]
            done = await ended(job.id)
    assert done.state == "COMPLETED"
    assert done.result == {"ok": True}
    (output,) = (await outputs_for([job.id]))[job.id]
    assert (output.role, output.asset.filename) == ("video", "film.mp4")
    assert output.asset.key == f"renders/{job.id}/1/0.txt"
    assert (tmp_path / "files" / output.asset.key).read_text() == "a film"
    assert (updates[0].status, updates[-1].status) == ("PENDING", "COMPLETED")
    assert [update.job.version for update in updates] == sorted(update.job.version for update in updates)
    progress = [update.progress for update in updates]
    assert progress == sorted(progress) and progress[-1] == 100.0
    assert list((tmp_path / "scratch" / "jobs").iterdir()) == []
