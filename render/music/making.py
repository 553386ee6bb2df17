"""What the child runs for the composer: from a request to the files of a piece (`render.music.made`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from render.errors import RenderError
from render.music import midi
from render.music.made import AUDIO, MIDI, PREVIEW, Made, Report, place
from render.music.parameters import InvalidParameter, MusicParameters
from render.music.piece import SAMPLE_RATE_HZ, STEMS, Piece, compose
from render.music.sound_files import write_sounds

PROVIDER = "starling-composer"
_COMPOSED = 60.0  # per cent of the work; encoding the files is the rest


def make(
    request: Mapping[str, Any],
    folder: str,
    report: Report = lambda percent, message: None,
    facts: Mapping[str, Any] | None = None,
) -> Made:
    """The mix, its four stems, a preview and the MIDI file; `facts` are told of it.

    Raises RenderError for parameters that this version does not take, and StorageFull.
    """
    report(0.0, "composing")
    try:
        parameters = MusicParameters.of_json(request["parameters"])
        piece = compose(parameters, lambda part: report(_COMPOSED * part, "playing"))
    except InvalidParameter as error:
        raise RenderError(f"The piece cannot be composed: {error}") from error
    report(_COMPOSED, "writing the files")
    write_sounds(Path(folder), piece.mix, piece.stems, SAMPLE_RATE_HZ)
    place(folder, MIDI).write_bytes(midi.written(piece.score, piece.parameters))
    report(100.0, None)
    return _made(piece, facts or {})


def _made(piece: Piece, facts: Mapping[str, Any]) -> Made:
    return Made(
        provider=PROVIDER,
        roles=(AUDIO, *STEMS, PREVIEW, MIDI),
        duration=len(piece.mix) / SAMPLE_RATE_HZ,
        sample_rate=SAMPLE_RATE_HZ,
        channels=piece.mix.shape[1],
        lufs=_finite(piece.lufs),
        true_peak_dbtp=_finite(piece.true_peak_dbtp),
        facts=facts,
    )


def _finite(decibels: float) -> float | None:
    """None for silence."""
    return round(decibels, 2) if math.isfinite(decibels) else None
