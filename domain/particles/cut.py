"""Which part of the film is wanted: the checked start and end, in seconds of the whole film."""

from __future__ import annotations

import math
from dataclasses import dataclass

from db.assets import Asset
from domain.errors import InvalidInput
from render.limits import MAX_DURATION_SECONDS
from render.particles.config import ParticleConfig
from render.video.timing import film_duration


@dataclass(frozen=True)
class Cut:
    """None means the film's own start or end. `seconds` is the length of the part."""

    start: float | None
    end: float | None
    seconds: float


def film_cut(config: ParticleConfig, audio: Asset | None, start: float | None, end: float | None) -> Cut:
    """Raises InvalidInput for times outside the film, a part without length, or one that is too long."""
    whole = film_seconds(config, audio)
    _within("start_time", start, 0.0, whole)
    _within("end_time", end, 0.0, whole)
    begins, ends = 0.0 if start is None else start, whole if end is None else end
    if ends <= begins:
        field = "start_time" if end is None else "end_time"
        raise InvalidInput(
            field,
            f"{field}: the part from {begins:g} to {ends:g} s has no length; the film is {whole:g} s long",
        )
    if ends - begins > MAX_DURATION_SECONDS:
        raise InvalidInput(
            "duration",
            f"duration: the film would be {ends - begins:g} s long, at most {MAX_DURATION_SECONDS:g} s are"
            " allowed; give a duration, or start_time and end_time",
        )
    return Cut(start or None, None if end is None or end == whole else end, ends - begins)


def film_seconds(config: ParticleConfig, audio: Asset | None) -> float:
    """How long the whole film is: as given, else as its audio, else 10 s."""
    return film_duration(config.duration, None if audio is None else audio.duration)


def _within(field: str, value: float | None, low: float, high: float) -> None:
    if value is None:
        return
    if not (math.isfinite(value) and low <= value <= high):
        raise InvalidInput(field, f"{field} must be {low:g} to {high:g} s, got {value:g}")
