"""What a film is made of and what it turned out to be, as values that cross to a child and back. Light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FilmSpec:
    """One film. `config` is `config.to_json`'s form; paths are local; times are seconds of the whole film.

    `audio_duration` is the song's length in seconds where it is known, else it is counted from the file.
    """

    kind: str
    config: dict[str, Any]
    out: str
    features_path: str | None = None
    audio_path: str | None = None
    quality: str = "STANDARD"
    start_time: float | None = None
    end_time: float | None = None
    audio_duration: float | None = None


@dataclass(frozen=True)
class FilmFacts:
    """`duration` of the film and `seconds` of work, `size` in bytes; the sound's shape where there is one."""

    frames: int
    duration: float
    width: int
    height: int
    size: int
    seconds: float
    sample_rate: int | None = None  # Hz
    channels: int | None = None
