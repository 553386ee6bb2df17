"""Parting a song into its stems: the job, and what its files are called.

Stems depend on the song's bytes and on who parts it, so the same song is parted once, whoever asks.
"""

from __future__ import annotations

from uuid import UUID

from db.assets import Asset
from db.jobs import Job
from domain import jobs, models
from domain.accounts import Viewer
from domain.assets.names import MAX_NAME_CHARACTERS, split_name
from domain.jobs import STEM_SEPARATE, JobOptions, NewJob
from domain.particles.films import content_hash
from domain.particles.songs import song, song_named
from domain.ports import Services
from render.audio.separation.version import SEPARATION_VERSION, STEMS

SUBJECT = "Asset"
FIELD = "audio_id"
ENDING = ".flac"


async def separate(
    viewer: Viewer, audio_id: UUID, options: JobOptions | None = None, *, services: Services
) -> Job:
    """The job that parts an asset with sound in it; completed at once where that was done before.

    Its outputs have the roles of `STEMS`. Raises NotFound, InvalidInput (no sound in it), and as
    `jobs.submit`.
    """
    return await _submitted(viewer, await song(viewer, audio_id, FIELD), options or JobOptions(), services)


async def separate_named(viewer: Viewer, text: str, field: str, *, services: Services) -> Job:
    """The same of what a client means by a path, URL, key, id or file name."""
    return await _submitted(viewer, await song_named(viewer, text, field), JobOptions(), services)


async def _submitted(viewer: Viewer, audio: Asset, options: JobOptions, services: Services) -> Job:
    model = services.models.stems
    content = {"kind": STEM_SEPARATE.name, "separation": SEPARATION_VERSION, "audio": audio.sha256}
    new = NewJob(
        kind=STEM_SEPARATE.name,
        params={
            "audio_id": str(audio.id),
            "filenames": {stem: _filename(audio, stem) for stem in STEMS},
            **({} if model is None else {"provider": model.provider}),
            **models.params_of(model),
        },
        inputs=[audio.id],
        subject_type=SUBJECT,
        subject_id=audio.id,
        cache_key=content_hash({**content, **models.depended_on(model)}),
        arguments={"audio_id": str(audio.id)},
        options=options,
    )
    return await jobs.submit(viewer, new, services=services)


def _filename(audio: Asset, stem: str) -> str:
    """`song_drums.flac` of `song.mp3`, at most as long as a name may be."""
    ending = f"_{stem}{ENDING}"
    return split_name(audio.filename)[0][: MAX_NAME_CHARACTERS - len(ending)] + ending
