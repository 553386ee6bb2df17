"""Small films and sounds that the tests of the pictures share."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from render.audio import spectrum
from render.audio.features import AudioFeatures, features_of
from render.particles.config import ParticleConfig, ParticleType

RATE = spectrum.SAMPLE_RATE_HZ
SMALL = ParticleConfig(
    width=160,
    height=90,
    particle_count=60,
    max_particles=90,
    particle_colors=((255, 80, 40), (60, 90, 255), (255, 255, 255)),
)
REACTIVE = (
    ParticleType.SNOW,
    ParticleType.ENHANCED,
    ParticleType.BOUNCING,
    ParticleType.CONTINUOUS_SPAWNING,
)
DEAF = (ParticleType.ZEN, ParticleType.NO_MUSIC)


def small(**changes: object) -> ParticleConfig:
    return replace(SMALL, **changes)  # type: ignore[arg-type]


def kick_track(seconds: float, bpm: float = 120.0, hats: bool = True) -> NDArray[np.float32]:
    """A kick on each beat, a hat between two, and a soft chord below them."""
    count = int(seconds * RATE)
    sound = np.zeros(count, np.float32)
    t = np.arange(int(0.3 * RATE)) / RATE
    kick = np.sin(2 * np.pi * (52 * t + 2 * (1 - np.exp(-t * 30)))) * np.exp(-t * 11)
    noise = np.random.default_rng(5).standard_normal(int(0.06 * RATE))
    hat = 0.3 * np.diff(noise, prepend=0.0) * np.exp(-np.arange(len(noise)) / RATE * 70)
    for beat in np.arange(0.0, seconds, 60.0 / bpm):
        _mix(sound, kick, int(beat * RATE))
        if hats:
            _mix(sound, hat, int((beat + 30.0 / bpm) * RATE))
    time = np.arange(count) / RATE
    return (0.7 * sound + 0.05 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


def _mix(sound: NDArray[np.float32], piece: NDArray[np.float64], at: int) -> None:
    room = max(0, min(len(piece), len(sound) - at))
    sound[at : at + room] += piece[:room].astype(np.float32)


@lru_cache(maxsize=4)
def kick_features(seconds: float = 8.0) -> AudioFeatures:
    return features_of(spectrum.measure([kick_track(seconds)]))


def digest(planes: NDArray[np.uint8]) -> str:
    return hashlib.sha256(planes.tobytes()).hexdigest()
