"""From a system to a render job: all that the picture depends on is resolved here and travels in the job.

A render keeps going when its system or its song is changed or deleted meanwhile: the params hold the whole
config, the inputs hold the song's bytes. Renders of the same content are one: the cache key is a hash of all
that the film is made of, and of nothing else (not the file name, not the system).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from db.assets import Asset
from db.jobs import Job
from db.particles import ParticleSystem
from domain import jobs
from domain.accounts import Viewer
from domain.jobs import JobOptions, NewJob
from domain.particles.cut import Cut, film_cut
from domain.particles.filenames import film_filename
from domain.particles.songs import song, song_of
from domain.particles.systems import config_of, get
from domain.ports import Services
from render.audio.version import FEATURES_VERSION
from render.particles.config import PICTURE_VERSION, ParticleType, to_json

KIND = "PARTICLE_RENDER"
SUBJECT = "ParticleSystem"
DEAF = frozenset({ParticleType.ZEN, ParticleType.NO_MUSIC})
"""Types that take nothing from the audio: it is their sound track, never their picture."""


class Quality(StrEnum):
    DRAFT = "DRAFT"
    STANDARD = "STANDARD"
    HIGH = "HIGH"


@dataclass(frozen=True)
class RenderRequest:
    """What a client may say. Times are seconds of the film; `filename` is made safe, not refused."""

    filename: str | None = None
    audio_id: UUID | None = None
    quality: Quality = Quality.STANDARD
    start_time: float | None = None
    end_time: float | None = None


async def render(
    viewer: Viewer,
    system_id: UUID,
    request: RenderRequest | None = None,
    options: JobOptions | None = None,
    *,
    services: Services,
) -> Job:
    """The job that makes the film; one that is already made is answered at once, completed.

    Raises NotFound (system, audio) and InvalidInput (times outside the film, an audio without sound).
    """
    asked = request or RenderRequest()
    system = await get(viewer, system_id)
    if asked.audio_id is not None:
        audio: Asset | None = await song(viewer, asked.audio_id)
    else:
        audio = await song_of(viewer, system)
    cut = film_cut(config_of(system), audio, asked.start_time, asked.end_time)
    new = NewJob(
        kind=KIND,
        params=_params(system, asked, audio, cut),
        inputs=[] if audio is None else [audio.id],
        subject_type=SUBJECT,
        subject_id=system.id,
        cache_key=_cache_key(system, asked.quality, audio, cut),
        arguments=_said(system_id, asked),
        options=options or JobOptions(),
    )
    return await jobs.submit(viewer, new, services=services)


def content_hash(parts: dict[str, Any]) -> str:
    """sha256 of canonical JSON: the same content has the same hash, whatever the order of its keys."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _params(system: ParticleSystem, asked: RenderRequest, audio: Asset | None, cut: Cut) -> dict[str, Any]:
    return {
        "system_id": str(system.id),
        "particle_type": system.particle_type,
        "config": to_json(config_of(system)),
        "audio_id": None if audio is None else str(audio.id),
        "quality": asked.quality.value,
        "start_time": cut.start,
        "end_time": cut.end,
        "filename": film_filename(asked.filename, fallback=f"particles_{system.id}"),
    }


def _said(system_id: UUID, asked: RenderRequest) -> dict[str, Any]:
    """What an idempotency key stands for: the client's own words, not what the system was at the time."""
    audio_id = None if asked.audio_id is None else str(asked.audio_id)
    return {**asdict(asked), "audio_id": audio_id, "system_id": str(system_id)}


def _cache_key(system: ParticleSystem, quality: Quality, audio: Asset | None, cut: Cut) -> str:
    return content_hash(
        {
            "kind": KIND,
            "picture": PICTURE_VERSION,
            "features": FEATURES_VERSION,
            "type": system.particle_type,
            "config": to_json(config_of(system)),
            "audio": None if audio is None else audio.sha256,
            "quality": quality.value,
            "start": cut.start,
            "end": cut.end,
        }
    )
