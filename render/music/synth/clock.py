"""The sample rate that everything of the synthesiser runs at, and seconds in samples."""

from __future__ import annotations

SAMPLE_RATE_HZ = 44_100


def samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)
