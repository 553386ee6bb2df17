"""What was heard of a hummed melody. Light: imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass

HUMMING_VERSION = 1
"""Raised whenever the same recording would give other notes, or the same notes another tune."""
MIN_HUM_SECONDS, MAX_HUM_SECONDS = 1.0, 120.0


@dataclass(frozen=True)
class HummedNote:
    """`onset` and `duration` in seconds, `pitch` a MIDI number as it was meant, `cents` how far off it was
    sung (-50..50, drift taken out), `velocity` 0..1, `confidence` 0..1 of its being a note."""

    onset: float
    duration: float
    pitch: int
    cents: float
    velocity: float
    confidence: float

    @property
    def end(self) -> float:
        return self.onset + self.duration


@dataclass(frozen=True)
class Hum:
    """A recording of `duration` seconds, whose notes do not overlap, in order.

    `tuning_cents` is how far the singer began off A = 440 Hz (-50..50), `drift_cents` how much
    sharper the end is.
    """

    duration: float
    notes: tuple[HummedNote, ...]
    tuning_cents: float
    drift_cents: float
