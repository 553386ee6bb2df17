"""MELODY_TO_MUSIC: hear a hummed melody and make a piece that it leads, in a child; hand over its files."""

from __future__ import annotations

from uuid import UUID

from db import particles as rows
from domain import music
from domain.errors import NotFound, Unavailable
from workers.handlers.pieces import piece
from workers.run import Run, Settlement


async def melody_to_music(run: Run) -> Settlement:
    provider = music.provider_named(run.params["provider"])
    if provider.follower is None:
        raise Unavailable(f"The music provider {provider.name} follows no melody")
    await run.stage("compose", "listening to the melody")
    audio = await rows.song_row(UUID(run.params["audio_id"]))
    if audio is None:
        raise NotFound("Audio file not found")
    async with run.services.files.local(audio.key) as melody:
        return await piece(run, provider, provider.follower, str(melody))
