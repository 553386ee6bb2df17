"""Compiles or loads every kernel, so that no request waits for a compiler."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from render.audio.features import TICK_RATE_HZ, AudioFeatures
from render.particles.config import TYPES, ParticleConfig
from render.particles.film import frames

CONFIG = ParticleConfig(width=32, height=32, particle_count=4, max_particles=4, glow=0.5, trails=0.5)


def warm() -> None:
    """Draw every type, one process at a time.

    Where several children start on a new machine the first one compiles (about 20 s of CPU) and the others
    load what it has written, instead of all compiling the same.
    """
    with _alone():
        _draw_each_type()


@contextmanager
def _alone() -> Iterator[None]:
    """The lock is on this folder itself: it needs no file, and a killed holder lets go of it."""
    folder = os.open(Path(__file__).parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


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
