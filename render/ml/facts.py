"""What is asked of a model and what it made. Light: imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """The words that the model hears, seconds of sound, and a seed of 64 bits."""

    text: str
    duration: float
    seed: int


@dataclass(frozen=True)
class Generated:
    """Seconds of sound, Hz, channels and bytes of the file, its loudness, and seconds of work.

    `loudness_lufs` is integrated (BS.1770-4), `true_peak_dbtp` four times oversampled.
    """

    duration: float
    sample_rate: int
    channels: int
    size: int
    loudness_lufs: float
    true_peak_dbtp: float
    seconds: float
