"""What a maker of music is asked for, what it leaves in its folder, what it answers. Light.

A maker is a function that a worker's child runs, named as "module:function":

    def make(request: Mapping[str, Any], folder: str, report: Report) -> Made

The request is plain JSON:

    prompt, mood   what was asked for in words, as it was written
    duration       seconds of the piece
    bpm, key       what words and arguments come to, as 128.0 and "A minor"; None where a maker that
                   hears words alone is told of none
    seed           a whole number of 64 bits
    parameters     all of `render.music.parameters`, as JSON, for a maker that follows them; for one that
                   hears words alone they are in `text`

A maker that is a trained model is given which one before all else (`render.ml.models.ModelChoice`).

A maker writes a file for each of its roles at `place(folder, role)` and nothing elsewhere, reports per cent
and a sentence, and raises `render.errors.RenderError` with a sentence for people. The same request gives the
same bytes. One that knows no stems or no notes leaves their roles out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Report = Callable[[float, str | None], None]
Maker = Callable[[Mapping[str, Any], str, Report], "Made"]

AUDIO, PREVIEW, MIDI = "audio", "preview", "midi"
STEMS = ("drums", "bass", "vocals", "melody", "other")
_FLAC = (".flac", "audio/flac")
TYPES: dict[str, tuple[str, str]] = {
    AUDIO: _FLAC,
    **dict.fromkeys(STEMS, _FLAC),
    PREVIEW: (".m4a", "audio/mp4"),
    MIDI: (".mid", "audio/midi"),
}
"""By role the ending and the type of its file. `audio` is the mix; stems sum to it; `preview` is the mix,
small.
"""


@dataclass(frozen=True)
class Made:
    """`roles` in the order in which the files are listed, `audio` first; Hz, channels and seconds of sound
    are those of the mix and of each stem. `facts` are added to the job's result, as JSON: what a maker tells
    of itself, such as its model, or in place of what was asked, such as a tempo that it does not promise
    (None).
    """

    provider: str
    roles: tuple[str, ...]
    duration: float
    sample_rate: int
    channels: int
    lufs: float | None
    true_peak_dbtp: float | None
    facts: Mapping[str, Any] = field(default_factory=dict)


def place(folder: str | Path, role: str) -> Path:
    return Path(folder) / f"{role}{TYPES[role][0]}"
