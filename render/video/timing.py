"""When a film's frames are: frame n of the whole film shows the time n / fps, cut or not. Light.

A part [start, end) has exactly the frames whose time lies in it, so parts that touch tile the film without a
gap or a repetition, and each frame of a part is the very frame of the whole film.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

DEFAULT_DURATION_SECONDS = 10.0
_ROUNDING = 1e-6  # frames; 0.7 s x 30 fps is 20.999999999999996


@dataclass(frozen=True)
class FrameSpan:
    """`count` frames from number `first` of the whole film, at `fps`."""

    first: int
    count: int
    fps: int

    @property
    def start_seconds(self) -> float:
        """The time of the first frame in the whole film, and in its audio."""
        return self.first / self.fps

    @property
    def seconds(self) -> float:
        return self.count / self.fps


def film_duration(config_duration: float | None, audio_duration: float | None) -> float:
    """Seconds of the whole film: as the config says, else the length of its audio, else 10."""
    if config_duration is not None:
        return config_duration
    return audio_duration if audio_duration else DEFAULT_DURATION_SECONDS


def frame_span(
    duration: float, fps: int, start_time: float | None = None, end_time: float | None = None
) -> FrameSpan:
    """The frames of [start_time, end_time) of a film of `duration` seconds; at least one.

    The whole film has round(duration x fps) frames. Times outside it are its ends.
    """
    whole = max(1, round(duration * fps))
    first = 0 if start_time is None else _first_at(start_time, fps)
    stop = whole if end_time is None or end_time >= duration else _first_at(end_time, fps)
    first = min(max(first, 0), whole - 1)
    return FrameSpan(first, max(1, min(stop, whole) - first), fps)


def _first_at(seconds: float, fps: int) -> int:
    return math.ceil(seconds * fps - _ROUNDING)
