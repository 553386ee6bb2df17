"""Compiles or loads every kernel, so that no request waits for a compiler."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from render.audio.features import TICK_RATE_HZ, AudioFeatures
from render.one_at_a_time import alone
from render.particles.config import TYPES, ParticleConfig
from render.particles.film import frames

CONFIG = ParticleConfig(width=32, height=32, particle_count=4, max_particles=4, glow=0.5, trails=0.5)


def warm() -> None:
    """Draw every type, one process at a time.

    Where several children start on a new machine the first one compiles (about 20 s of CPU) and the others
    load what it has written, instead of all compiling the same.
    """
    with alone(Path(__file__).parent):
        _draw_each_type()


def _draw_each_type() -> None:
    silence = np.zeros(8, np.float32)
    features = AudioFeatures(
        duration_seconds=8 / TICK_RATE_HZ,
        bass=silence,
        bands=np.zeros((8, 8), np.float32),
        loudness=silence,
        onset=silence,
        sparkle=silence,
        beat_phase=silence,
        beats=silence[:0],
    )
    for info in TYPES:
        for _ in frames(info.type, CONFIG, features, count=2):
            pass
