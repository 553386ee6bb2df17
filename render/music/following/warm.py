"""Compiles or loads the kernels that hear a hum and place its notes."""

from __future__ import annotations

import numpy as np

from render.audio.humming.hear import notes_of
from render.audio.humming.pitch import SAMPLE_RATE_HZ
from render.music.following.hummed import Wanted, parameters_of

_HERTZ = (220.0, 261.6, 293.7, 261.6, 220.0)
_SECONDS = 0.3


def warm() -> None:
    """Follow five tones."""
    time = np.arange(int(_SECONDS * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tones = [0.3 * np.sin(2.0 * np.pi * hertz * time) * np.sin(np.pi * time / _SECONDS) for hertz in _HERTZ]
    parameters_of(notes_of(np.concatenate(tones).astype(np.float32)), Wanted(seed=1))
