"""What both kinds of music jobs do: a maker in a child, its files below the scratch folder, and their names.

Files are written below the run's scratch folder alone, so a failure or a cancel leaves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from db.jobs import Job
from domain.music import Provider
from render.music.made import AUDIO, MIDI, PREVIEW, STEMS, TYPES, Made, place
from workers.models import model_of
from workers.run import NewOutput, Run, Settlement

Rows = Callable[[Job], Awaitable[Mapping[str, Any] | None]]


async def piece(
    run: Run,
    provider: Provider,
    maker: str,
    *asked: Any,
    rows: Rows | None = None,
    topics: Sequence[str] = (),
) -> Settlement:
    """What `maker` makes of the request and of what else is `asked`; then the stage `publish` has begun.

    Raises as `model_of` and `Run.child`.
    """
    model = model_of(run)
    folder = run.scratch / "piece"
    folder.mkdir(exist_ok=True)
    given = (run.params["request"], *asked, str(folder))
    began = time.monotonic()
    made: Made = await run.child(maker, *(given if model is None else (model, *given)), pool=provider.pool)
    seconds = time.monotonic() - began
    await run.stage("publish", "storing the piece")
    outputs = [_output(run, role, made, folder) for role in made.roles]
    return Settlement(_result(run, made, folder, seconds), outputs, rows=rows, topics=topics)


def _result(run: Run, made: Made, folder: Path, seconds: float) -> dict[str, Any]:
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


def _output(run: Run, role: str, made: Made, folder: Path) -> NewOutput:
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
