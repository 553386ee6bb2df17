"""Compiles or loads every kernel, for who measures; a worker's child does it with its first song."""

from __future__ import annotations

import numpy as np

from render.audio.separation.spectrum import Array, Grid
from render.audio.separation.window import parted

RATE_HZ = 8000


def warm() -> None:
    """Separate half a second of a tone."""
    turn = 2 * np.pi * 220.0 * np.arange(RATE_HZ // 2) / RATE_HZ
    tone: Array = (0.1 * np.sin(turn)).astype(np.float32)[:, None].repeat(2, axis=1)
    parted(tone, ("FL", "FR"), Grid(RATE_HZ))
