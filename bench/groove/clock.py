"""Musical time: bars, beats and sixteenths in samples."""

from __future__ import annotations

SAMPLE_RATE_HZ = 44_100
BEATS_PER_MINUTE = 112.0
BEATS_A_BAR = 4
BEAT_SECONDS = 60.0 / BEATS_PER_MINUTE
BAR_SECONDS = BEATS_A_BAR * BEAT_SECONDS


def sample_at(beat: float) -> int:
    """The sample at which a beat (counted from the start, fractions allowed) falls."""
    return round(beat * BEAT_SECONDS * SAMPLE_RATE_HZ)


def samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)
