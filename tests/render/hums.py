"""What the tests of humming hear: sung tunes as files and as samples, and what is no tune."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, resample_poly, sosfilt

from bench.hummed import Hummed, Manner, hummed
from render.audio.humming.facts import Hum
from render.audio.humming.hear import notes_of
from render.audio.humming.pitch import SAMPLE_RATE_HZ
from tests.render.media_files import write_wav

TONICS = {"joy": 45, "star": 57, "jacques": 60, "volga": 50, "king": 64, "saints": 69}
"""From a man's low A to a woman's high one."""
WHISTLED = {"joy": 84, "star": 79, "jacques": 81, "volga": 86, "king": 83, "saints": 80}
HARD = Manner(
    cents=10.0, drift_cents=-80.0, vibrato_cents=50.0, glide_seconds=0.1, breath_db=20.0, late_seconds=0.02,
    out_of_tune_cents=10.0,
)  # fmt: skip
Sound = NDArray[np.float32]


@lru_cache(64)
def sung(name: str, bpm: float = 100.0, manner: Manner | None = None, tonic: int | None = None) -> Hummed:
    return hummed(
        name, TONICS[name] if tonic is None else tonic, bpm, manner, seed=1 + list(TONICS).index(name)
    )


@lru_cache(64)
def heard(name: str, bpm: float = 100.0, manner: Manner | None = None, tonic: int | None = None) -> Hum:
    return notes_of(samples(sung(name, bpm, manner, tonic)))


def samples(tune: Hummed) -> Sound:
    """Mono at the rate of the pitch track."""
    return np.asarray(resample_poly(tune.sound[:, 0], SAMPLE_RATE_HZ, tune.rate_hz), np.float32)


def written(path: Path, tune: Hummed) -> Path:
    return write_wav(path, tune.sound.T, tune.rate_hz)


def no_melodies() -> dict[str, Sound]:
    """Six seconds each at SAMPLE_RATE_HZ, of what has no pitch that is held."""
    random = np.random.default_rng(1)
    count = 6 * SAMPLE_RATE_HZ
    time = np.arange(count) / SAMPLE_RATE_HZ
    white = random.standard_normal(count)
    mouth = butter(2, (800, 3000), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    turns = np.cumsum(400.0 * 2.0 ** (0.5 * np.sin(np.pi * time))) / SAMPLE_RATE_HZ
    made = {
        "silence": np.zeros(count),
        "white noise": 0.1 * white,
        "rumble": 0.05 * np.asarray(lfilter([1.0], [1.0, -0.95], white)),
        "a hiss nobody hears": 1e-4 * white,
        "a click": (np.arange(count) == 2 * SAMPLE_RATE_HZ) * 1.0,
        "clicks": (np.arange(count) % (SAMPLE_RATE_HZ // 2) == 0) * 1.0,
        "whispering": np.asarray(sosfilt(mouth, white)) * (np.sin(6.0 * np.pi * time) > 0.0),
        "mains": 0.01 * np.sin(100.0 * np.pi * time) + 0.01 * np.sin(200.0 * np.pi * time),
        "an offset": np.full(count, 0.5),
        "a siren": 0.3 * np.sin(2.0 * np.pi * turns),
    }
    return {name: sound.astype(np.float32) for name, sound in made.items()}
