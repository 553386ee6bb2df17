"""Ended jobs in the database, each with its stages and two outputs, as a worker leaves them."""

from __future__ import annotations

from db import job_moves
from db.jobs import Job
from domain.accounts import local_owner
from domain.assets import NewAsset
from domain.jobs import NewJob, outputs, submit_many
from domain.jobs.kinds import PARTICLE_RENDER
from domain.ports import Services

LEASE_SECONDS = 600.0


async def store(count: int, services: Services) -> None:
    """No worker takes part: this process claims them."""
    batch = [NewJob(PARTICLE_RENDER.name, {}) for _ in range(count)]
    await submit_many(await local_owner(), batch, services=services)
    for number in range(count):
        job = await job_moves.claim("bench", [PARTICLE_RENDER.name], LEASE_SECONDS)
        if job is None:
            raise RuntimeError("nothing to claim")
        await _end(job, number)


async def _end(job: Job, number: int) -> None:
    made = [
        ("video", _file(job, "VIDEO", f"film {number}.mp4", "video/mp4", duration=180.25)),
        ("preview", _file(job, "IMAGE", f"preview {number}.jpg", "image/jpeg", duration=None)),
    ]
    await outputs.keep(job.id, job.owner_id, made)
    await job_moves.complete(job.id, job.epoch, result={"frames": 5400}, cost_usd=0.25)


def _file(job: Job, kind: str, filename: str, content_type: str, duration: float | None) -> NewAsset:
    return NewAsset(
        kind=kind,
        filename=filename,
        content_type=content_type,
        size=40_000_000,
        sha256=job.id.hex * 2,
        key=f"renders/{job.id}/{filename}",
        duration=duration,
        width=1920,
        height=1080,
    )
