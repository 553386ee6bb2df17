"""PARTICLE_RENDER: listen to the song (once for its content), draw and encode the film, hand it over.

Everything comes from the job's params, so a system or a song that was changed or deleted meanwhile changes
nothing. The child that listens is never the one that encodes: each holds in memory what it needs alone.
Files are written below the run's scratch folder alone, so a failure or a cancel leaves nothing.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

from db import particles as rows
from db.assets import Asset
from domain.assets import features_key
from domain.errors import NotFound
from domain.particles import DEAF
from domain.ports import Files
from render.video.film_spec import FilmFacts, FilmSpec
from workers.run import NewOutput, Run, Settlement
from workers.tallies import rendered

LISTEN = "render.audio.listen:listen"
RENDER = "render.video.particles:render_film"
PROVIDER = "starling-particles"


async def particle_render(run: Run) -> Settlement:
    async with AsyncExitStack() as held:
        song = await _song(run)
        song_path = None if song is None else await _local(run.services.files, song.key, held)
        heard = None if _is_deaf(run) else song
        await run.stage("features", "nothing to listen to" if heard is None else "listening to the song")
        features = None if heard is None else await _features(run, heard, song_path, held)
        await run.stage("render", "drawing the first frames")
        facts: FilmFacts = await run.child(RENDER, _spec(run, song, song_path, features))
        rendered(run.services.tallies, run.job.kind, facts.frames, facts.seconds)
        await run.stage("publish", "storing the film")
    return Settlement(_result(run, facts), [_output(run, facts)])


async def _song(run: Run) -> Asset | None:
    """The song's row, deleted or not: the job's inputs keep its bytes."""
    audio_id = run.params["audio_id"]
    if audio_id is None:
        return None
    song = await rows.song_row(UUID(audio_id))
    if song is None:
        raise NotFound("Audio file not found")
    return song


async def _features(run: Run, song: Asset, song_path: str | None, held: AsyncExitStack) -> str:
    files, key = run.services.files, features_key(song.sha256)
    if await files.exists(key):
        return await _local(files, key, held)
    made = run.scratch / "features.npz"
    await run.child(LISTEN, song_path, str(made), pool="features")
    await files.put(key, made)
    return await _local(files, key, held)


async def _local(files: Files, key: str, held: AsyncExitStack) -> str:
    return str(await held.enter_async_context(files.local(key)))


def _spec(run: Run, song: Asset | None, song_path: str | None, features: str | None) -> FilmSpec:
    return FilmSpec(
        kind=run.params["particle_type"],
        config=run.params["config"],
        out=str(_film(run)),
        features_path=features,
        audio_path=song_path,
        quality=run.params["quality"],
        start_time=run.params["start_time"],
        end_time=run.params["end_time"],
        audio_duration=None if song is None else song.duration,
    )


def _film(run: Run) -> Path:
    return run.scratch / "film.mp4"


def _is_deaf(run: Run) -> bool:
    return run.params["particle_type"] in DEAF


def _result(run: Run, facts: FilmFacts) -> dict[str, Any]:
    """`seconds` is what drawing and encoding took; `times_real_time` is the film's length over that."""
    return {
        "provider": PROVIDER,
        "frames": facts.frames,
        "fps": run.params["config"]["fps"],
        "duration": facts.duration,
        "width": facts.width,
        "height": facts.height,
        "size": facts.size,
        "seconds": round(facts.seconds, 3),
        "times_real_time": round(facts.duration / max(facts.seconds, 1e-3), 2),
    }


def _output(run: Run, facts: FilmFacts) -> NewOutput:
    return NewOutput(
        "video",
        _film(run),
        run.params["filename"],
        "video/mp4",
        "VIDEO",
        duration=facts.duration,
        width=facts.width,
        height=facts.height,
        sample_rate=facts.sample_rate,
        channels=facts.channels,
    )
