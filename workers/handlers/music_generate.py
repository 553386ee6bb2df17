"""MUSIC_GENERATE: make a piece in a child, hand over its files, and commit it where that was asked for.

Which maker makes it is in the params, so a setting that was changed meanwhile changes nothing. Files are
written below the run's scratch folder alone, so a failure or a cancel leaves nothing; the commit is a row of
the settlement, so it is there exactly when the result is.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from domain import music
from render.music.made import AUDIO, MIDI, PREVIEW, STEMS, TYPES, Made, place
from workers.models import model_of
from workers.run import NewOutput, Run, Settlement


async def music_generate(run: Run) -> Settlement:
    provider = music.provider_named(run.params["provider"])
    model = model_of(run)
    await run.stage("compose", "waiting for the composer")
    folder = run.scratch / "piece"
    folder.mkdir(exist_ok=True)
    began = time.monotonic()
    asked = (run.params["request"], str(folder))
    made: Made = await run.child(
        provider.maker, *(asked if model is None else (model, *asked)), pool=provider.pool
    )
    seconds = time.monotonic() - began
    await run.stage("publish", "storing the piece")
    return Settlement(
        result(run, made, folder, seconds),
        [output(run, role, made, folder) for role in made.roles],
        rows=None if run.params["commit"] is None else music.commit_piece,
        topics=music.topics_of(run.params),
    )


def result(run: Run, made: Made, folder: Path, seconds: float) -> dict[str, Any]:
    """`seconds` is what the work took; `times_real_time` is the length of the piece over that."""
    return {
        "provider": made.provider,
        **run.params["request"],
        "duration": made.duration,
        "sample_rate": made.sample_rate,
        "channels": made.channels,
        "stems": [role for role in made.roles if role in STEMS],
        "loudness_lufs": made.lufs,
        "true_peak_dbtp": made.true_peak_dbtp,
        "size": sum(place(folder, role).stat().st_size for role in made.roles),
        "seconds": round(seconds, 3),
        "times_real_time": round(made.duration / max(seconds, 1e-3), 2),
        **made.facts,
    }


def output(run: Run, role: str, made: Made, folder: Path) -> NewOutput:
    path, filename, type = place(folder, role), run.params["filenames"][role], TYPES[role][1]
    if role == MIDI:
        return NewOutput(role, path, filename, type, "OTHER")
    assert role in (AUDIO, PREVIEW, *STEMS), role
    return NewOutput(
        role,
        path,
        filename,
        type,
        "AUDIO",
        duration=made.duration,
        sample_rate=made.sample_rate,
        channels=made.channels,
    )
