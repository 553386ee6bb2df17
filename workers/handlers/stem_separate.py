"""STEM_SEPARATE: part a song into four files, in a child that reports each window, and hand them over.

Files are written below the run's scratch folder alone, so a failure or a cancel leaves nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from db import particles as rows
from domain.errors import NotFound
from render.audio.separation.facts import Separated
from render.audio.separation.version import STEMS
from render.ml.models import ModelChoice
from workers.models import model_of
from workers.run import NewOutput, Run, Settlement

SEPARATE = "render.audio.separation.stems:separate"
SEPARATE_BY_MODEL = "render.ml.demucs:separate"
PROVIDER = "starling-separator"


async def stem_separate(run: Run) -> Settlement:
    model = model_of(run)
    await run.stage("separate", "listening to the song")
    song = await rows.song_row(UUID(run.params["audio_id"]))
    if song is None:
        raise NotFound("Audio file not found")
    places = {stem: run.scratch / f"{stem}.flac" for stem in STEMS}
    async with run.services.files.local(song.key) as path:
        outs = {stem: str(place) for stem, place in places.items()}
        made: Separated
        if model is None:
            made = await run.child(SEPARATE, str(path), outs, pool="features")
        else:
            made = await run.child(SEPARATE_BY_MODEL, model, str(path), outs, pool=model.provider)
    await run.stage("publish", "storing the stems")
    return Settlement(
        _result(made, model), [_output(run, stem, place, made) for stem, place in places.items()]
    )


def _result(made: Separated, model: ModelChoice | None) -> dict[str, Any]:
    """`seconds` is what the work took; `times_real_time` is the song's length over that."""
    return {
        "provider": PROVIDER if model is None else model.provider,
        "stems": list(STEMS),
        "duration": made.duration,
        "sample_rate": made.sample_rate,
        "channels": made.channels,
        "size": made.size,
        "seconds": round(made.seconds, 3),
        "times_real_time": round(made.duration / max(made.seconds, 1e-3), 2),
        **made.facts,
    }


def _output(run: Run, stem: str, place: Path, made: Separated) -> NewOutput:
    return NewOutput(
        stem,
        place,
        run.params["filenames"][stem],
        "audio/flac",
        "AUDIO",
        duration=made.duration,
        sample_rate=made.sample_rate,
        channels=made.channels,
    )
