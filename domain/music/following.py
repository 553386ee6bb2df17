"""Hum to beat: the job of a piece that follows a recording.

What was hummed is heard by the worker; here the recording's length is looked at, and the words and arguments
are checked as for any piece. Tempo and key of the result are the hum's own unless words or arguments say one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

from db.assets import Asset
from db.jobs import Job
from domain import jobs
from domain.accounts import Viewer
from domain.errors import InvalidInput, Unavailable
from domain.jobs import MELODY_TO_MUSIC, JobOptions, NewJob
from domain.music.accepting import accepted
from domain.music.asked import NewPiece, request_of
from domain.music.providers import Provider, provider_named
from domain.particles.songs import song, store_song
from domain.ports import Services
from render.audio.humming.facts import HUMMING_VERSION, MAX_HUM_SECONDS, MIN_HUM_SECONDS
from render.media.facts import Probe
from render.ml.models import ModelChoice
from render.music.parameters import DEFAULT_BPM

FIELD = "audio_id"
SUBJECT = "Asset"


async def follow(
    viewer: Viewer, audio_id: UUID, piece: NewPiece, options: JobOptions | None = None, *, services: Services
) -> Job:
    """The job that hears the melody of an asset and makes a piece led by it; outputs as those of `generate`.

    The prompt may be empty. Raises NotFound, InvalidInput (no sound in it, too short, too long, an argument
    out of range), Unavailable (the provider follows no melody), and as `jobs.submit`.
    """
    asked = _asked(audio_id, piece, options or JobOptions())
    if earlier := await jobs.remembered(viewer, [asked], services=services):
        return earlier[0]
    audio = await song(viewer, audio_id, FIELD)
    return await follow_song(viewer, audio, piece, options, services=services)


async def follow_song(
    viewer: Viewer,
    audio: Asset,
    piece: NewPiece,
    options: JobOptions | None = None,
    *,
    field: str = FIELD,
    services: Services,
) -> Job:
    """The same of an asset with sound in it, which the client named by `field`."""
    provider = _follower(services)
    _check_length(audio.duration, field)
    model = services.models.melody if provider.is_trained else None
    asked = _asked(audio.id, piece, options or JobOptions())
    return await jobs.submit(viewer, _job(asked, audio, piece, provider, model), services=services)


async def store_hum(
    viewer: Viewer,
    staged: Path,
    filename: str,
    *,
    piece: NewPiece,
    field: str,
    sha256: str | None = None,
    services: Services,
) -> Asset:
    """A new asset of a staged recording, for `follow_song`: what that would refuse of the recording and the
    piece is refused before anything is kept. Raises as `particles.store_song` and `follow`.
    """
    request_of(piece, _follower(services), fewest_characters=0)

    def check(probe: Probe) -> None:
        _check_length(probe.duration, field)

    return await store_song(viewer, staged, filename, sha256=sha256, check=check, services=services)


def _follower(services: Services) -> Provider:
    provider = provider_named(services.music_provider)
    if provider.follower is None:
        raise Unavailable(f"The music provider {provider.name} follows no melody")
    return provider


def _check_length(seconds: float | None, field: str) -> None:
    """By what the file says of itself; the worker counts."""
    if seconds is not None and not MIN_HUM_SECONDS <= seconds <= MAX_HUM_SECONDS + 0.5:
        raise InvalidInput(
            field,
            f"{field} must be a recording of {MIN_HUM_SECONDS:g} to {MAX_HUM_SECONDS:g} seconds,"
            f" got {seconds:,.1f}",
        )


def _asked(audio_id: UUID, piece: NewPiece, options: JobOptions) -> NewJob:
    """All that an idempotency key stands for."""
    return NewJob(
        kind=MELODY_TO_MUSIC.name,
        params={},
        inputs=[audio_id],
        subject_type=SUBJECT,
        subject_id=audio_id,
        arguments={"audio_id": str(audio_id), **piece.said()},
        options=options,
    )


def _job(
    asked: NewJob, audio: Asset, piece: NewPiece, provider: Provider, model: ModelChoice | None
) -> NewJob:
    if provider.is_trained and piece.bpm == DEFAULT_BPM:
        piece = replace(piece, bpm=None)  # only a default: the words would contradict the hum
    said = {"bpm": piece.bpm, "key": (piece.key or "").strip() or None, "duration": piece.duration}
    request = {**request_of(piece, provider, fewest_characters=0), "asked": said}
    return accepted(
        asked,
        provider,
        model,
        request,
        params={"audio_id": str(audio.id)},
        depends_on={"humming": HUMMING_VERSION, "audio": audio.sha256},
    )
