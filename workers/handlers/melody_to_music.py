"""MELODY_TO_MUSIC: hear a hummed melody and make a piece that it leads, in a child; hand over its files.

Files are written below the run's scratch folder alone, so a failure or a cancel leaves nothing.
"""

from __future__ import annotations

import time
from uuid import UUID

from db import particles as rows
from domain import music
from domain.errors import NotFound, Unavailable
from render.music.made import Made
from workers.handlers.music_generate import output, result
from workers.models import model_of
from workers.run import Run, Settlement


async def melody_to_music(run: Run) -> Settlement:
    provider = music.provider_named(run.params["provider"])
    if provider.follower is None:
        raise Unavailable(f"The music provider {provider.name} follows no melody")
    model = model_of(run)
    await run.stage("compose", "listening to the melody")
    audio = await rows.song_row(UUID(run.params["audio_id"]))
    if audio is None:
        raise NotFound("Audio file not found")
    folder = run.scratch / "piece"
    folder.mkdir(exist_ok=True)
    began = time.monotonic()
    async with run.services.files.local(audio.key) as melody:
        asked = (run.params["request"], str(melody), str(folder))
        made: Made = await run.child(
            provider.follower, *(asked if model is None else (model, *asked)), pool=provider.pool
        )
    seconds = time.monotonic() - began
    await run.stage("publish", "storing the piece")
    return Settlement(
        result(run, made, folder, seconds), [output(run, role, made, folder) for role in made.roles]
    )
