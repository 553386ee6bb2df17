"""What a piece is made from: every choice that words and arguments decide, as plain values. Light.

`MusicParameters` is what a result shows and what `piece.compose` takes; `as_json` and `of_json` are inverse.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from render.music import keys, tune
from render.music.invalid import InvalidParameter as InvalidParameter
from render.music.tune import Tune

MUSIC_VERSION = 1
"""Part of the parameters: raised whenever the same parameters would give other samples."""

MIN_BPM, MAX_BPM, DEFAULT_BPM = 40.0, 300.0, 120.0
MIN_SECONDS, MAX_SECONDS, DEFAULT_SECONDS = 5.0, 300.0, 15.0  # memory: 3 MB a second
MAX_PROMPT_CHARACTERS = 10_000
MAX_MOOD_CHARACTERS = 200
METERS = ("4/4", "3/4", "6/8")
ROLES = ("drums", "bass", "chords", "colour", "melody")


@dataclass(frozen=True)
class MusicParameters:
    """`bpm` counts quarters, in 6/8 dotted quarters. Roles hold the name of a voice, or None for left out.

    `valence` -1 sad..1 glad, `energy`, `brightness` and `density` 0..1, `swing` the share of the first of two
    notes (0.5 straight..0.67). `variation` is a number of the words that are known to no lexicon. `heard` are
    the words that decided something, as "bpm: 128 bpm". A `tune` is a melody that is given, else one is
    composed.
    """

    genre: str
    bpm: float
    key: str
    meter: str
    duration: float
    seed: int
    variation: int
    valence: float
    energy: float
    brightness: float
    density: float
    swing: float
    drums: str | None
    bass: str | None
    chords: str | None
    colour: str | None
    melody: str | None
    heard: tuple[str, ...] = ()
    tune: Tune = ()
    version: int = MUSIC_VERSION

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "heard": list(self.heard), "tune": [list(note) for note in self.tune]}

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> MusicParameters:
        """Raises InvalidParameter for what is missing, unknown or out of range."""
        names = {item.name for item in fields(cls)}
        for name in values:
            if name not in names:
                raise InvalidParameter(name, "is not a parameter of a piece.")
        given = tune.of_json(values.get("tune", ()))
        try:
            made = cls(**{**values, "heard": tuple(values.get("heard", ())), "tune": given})
        except TypeError as error:
            raise InvalidParameter("parameters", f"are incomplete: {error}.") from error
        check(made)
        return made


def check(parameters: MusicParameters) -> None:
    """Raises InvalidParameter."""
    in_range("bpm", parameters.bpm, MIN_BPM, MAX_BPM)
    in_range("duration", parameters.duration, MIN_SECONDS, MAX_SECONDS, " seconds")
    in_range("swing", parameters.swing, 0.5, 0.75)
    in_range("valence", parameters.valence, -1.0, 1.0)
    for name in ("energy", "brightness", "density"):
        in_range(name, getattr(parameters, name), 0.0, 1.0)
    if parameters.meter not in METERS:
        raise InvalidParameter("meter", f"is one of {', '.join(METERS)}.")
    tune.check(parameters.tune)
    if parameters.tune and parameters.melody is None:
        raise InvalidParameter("melody", "is needed where there is a tune.")
    if keys.parse(parameters.key) is None:
        raise InvalidParameter("key", 'is a letter and a mode, as "A minor" or "F# major".')
    if all(getattr(parameters, role) is None for role in ROLES):
        raise InvalidParameter("prompt", "leaves out every instrument; nothing would be heard.")


def in_range(field: str, value: float, low: float, high: float, unit: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidParameter(field, "must be a number.")
    if not low <= value <= high:
        raise InvalidParameter(field, f"must lie between {low:g} and {high:g}{unit}, not {value:g}.")
