"""What a track is as music: tempo, beats, bars, key, loudness. Heard once for its content, whoever asks.

Who asks for an analysis waits for the job that makes it, up to a minute; the job goes on after that, and its
answer is there for the next who asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import aclosing
from typing import Any
from uuid import UUID

from db import audio_analyses as rows
from db.assets import Asset
from db.audio_analyses import AudioAnalysis
from db.jobs import Job
from domain import jobs
from domain.accounts import Viewer
from domain.errors import (
    Cancelled,
    InvalidInput,
    StarlingError,
    StorageFull,
    TimedOut,
    Unavailable,
    UnsupportedMedia,
    WorkerLost,
)
from domain.jobs import AUDIO_ANALYZE, JobFilter, JobOptions, NewJob, Priority
from domain.particles.songs import song, song_named
from domain.ports import Services
from render.audio.version import ANALYSIS_VERSION

SUBJECT = "Asset"
FIELD = "audio_id"
PATIENCE_SECONDS = 60.0
_LIVE = ("PENDING", "PROCESSING")
_LOOKED_AT = 20  # jobs of one song, newest first: one that is live is among them
_REFUSALS = {kind.code: kind for kind in (Cancelled, StorageFull, Unavailable, UnsupportedMedia, WorkerLost)}


async def analyze(
    viewer: Viewer, audio_id: UUID, *, services: Services, patience: float = PATIENCE_SECONDS
) -> AudioAnalysis:
    """The analysis of an asset with sound in it: at once if it was made before, else when its job has ended.

    Raises NotFound, InvalidInput (no sound, damaged), what else the job failed with, and TimedOut naming the
    job after `patience` seconds.
    """
    return await _analyzed(viewer, await song(viewer, audio_id, FIELD), FIELD, services, patience)


async def analyze_named(viewer: Viewer, text: str, field: str, *, services: Services) -> AudioAnalysis:
    """The same of what a client means by a path, URL, key, id or file name."""
    audio = await song_named(viewer, text, field)
    return await _analyzed(viewer, audio, field, services, PATIENCE_SECONDS)


async def by_contents(hashes: Collection[str]) -> dict[str, AudioAnalysis]:
    """The analyses that there are, by content hash."""
    return await rows.of_contents(hashes, ANALYSIS_VERSION) if hashes else {}


async def keep(sha256: str, facts: dict[str, Any]) -> None:
    await rows.keep(sha256, ANALYSIS_VERSION, facts)


async def _analyzed(
    viewer: Viewer, audio: Asset, field: str, services: Services, patience: float
) -> AudioAnalysis:
    found = (await by_contents([audio.sha256])).get(audio.sha256)
    if found is not None:
        return found
    job = await _job(viewer, audio, services)
    try:
        async with asyncio.timeout(patience) as limit:
            ended = await _ended(viewer, job.id, services)
    except TimeoutError as error:
        if not limit.expired():  # that was the database's, or another's
            raise
        raise TimedOut(
            f"{audio.filename[:100]} is still being listened to; ask again in a moment", job_id=str(job.id)
        ) from error
    if ended.state != "COMPLETED":
        raise _refusal(ended, field)
    found = (await by_contents([audio.sha256])).get(audio.sha256)
    if found is None:
        raise Cancelled("The audio was deleted while it was listened to", field=field, job_id=str(job.id))
    return found


async def _job(viewer: Viewer, audio: Asset, services: Services) -> Job:
    """The job that listens to it just now, or a new one: somebody waits for it, so it goes before others.

    Of those who ask at the same moment one makes the job and all get it: they have seen the same job end
    last, and that is what the idempotency key says.
    """
    wanted = JobFilter(kind=(AUDIO_ANALYZE.name,), subject_id=str(audio.id))
    earlier = (await jobs.page(viewer, wanted, first=_LOOKED_AT, is_counted=False)).rows
    for job in earlier:
        if job.state in _LIVE:
            return job
    last = str(earlier[0].id) if earlier else "none"
    new = NewJob(
        kind=AUDIO_ANALYZE.name,
        params={"audio_id": str(audio.id), "sha256": audio.sha256},
        inputs=[audio.id],
        subject_type=SUBJECT,
        subject_id=audio.id,
        options=JobOptions(priority=Priority.HIGH, idempotency_key=f"analysis of {audio.id} after {last}"),
    )
    return await jobs.submit(viewer, new, services=services)


async def _ended(viewer: Viewer, job_id: UUID, services: Services) -> Job:
    async with aclosing(jobs.watch(viewer, job_id, None, services=services)) as updates:
        async for update in updates:
            if update.status in jobs.ENDED:
                return update.job
    raise Cancelled("The analysis was deleted", job_id=str(job_id))


def _refusal(job: Job, field: str) -> StarlingError:
    """Why there is no analysis, as the job says it."""
    error = job.error or {}
    code, message = error.get("code", ""), error.get("message", "The analysis was cancelled")
    if code == InvalidInput.code:
        return InvalidInput(field, message)
    return _REFUSALS.get(code or Cancelled.code, StarlingError)(message, field=field, job_id=str(job.id))
