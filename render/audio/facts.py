"""What the analysis of a track answers. Light: whoever waits for one need not load what makes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Analysis:
    """Plain numbers, rounded: the same bytes give the same ones.

    `duration` and `beats`, `downbeats` are seconds, `bpm` beats a minute, confidences 0..1; `key` such as
    "A minor" or "Eb major", `tuning_cents` -50..50 off A = 440 Hz; `energy` has a value of 0..1 for each
    beat, 1 being the loudest.
    """

    duration: float
    bpm: float | None
    bpm_confidence: float
    bpm_candidates: list[float]
    key: str | None
    key_confidence: float
    tuning_cents: float | None
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    beats: list[float]
    downbeats: list[float]
    energy: list[float]
