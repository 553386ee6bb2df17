"""The air of a film: the grid that gathers light, and its haze."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.particles import haze, lights
from render.particles.arrays import Float32, Int32
from render.particles.config import ParticleConfig, ParticleType
from render.particles.palette import haze_tint

_LINES = 120  # of the grid, whatever the size of the picture: a cell is 9 pixels of 1080 lines
_MOST_CELLS = 120_000
_NARROW, _WIDE = 2, 5  # radii of the boxes, in cells of the grid and of its half
_NARROW_GAIN, _WIDE_GAIN = 3.2, 4.0

# How much of the light hangs in the air as haze: less where the lights are everywhere.
_DENSITY = {
    ParticleType.SNOW: 0.7,
    ParticleType.CONTINUOUS_SPAWNING: 1.2,
    ParticleType.ZEN: 0.9,
    ParticleType.BOUNCING: 0.6,
    ParticleType.ENHANCED: 1.0,
    ParticleType.NO_MUSIC: 0.7,
}


class Air:
    """`sums` (h, w, 4) int32 takes light; `spread` makes `haze` (h, w, 4) float32 of it.

    `columns` and `rows` say where in the grid the pixels of the quarter-size picture lie.
    """

    def __init__(self, kind: ParticleType, config: ParticleConfig, quarter: tuple[int, int]) -> None:
        width, height = config.width, config.height
        self.cell = max(height / _LINES, float(np.sqrt(width * height / _MOST_CELLS)))
        h, w = (max(2, int(np.ceil(side / self.cell))) for side in (height, width))
        half_h, half_w = (h + 1) // 2, (w + 1) // 2
        self.sums = np.zeros((h, w, 4), np.int32)
        self.haze = np.zeros((h, w, 4), np.float32)
        self.rows = _places(quarter[0], 4.0 / self.cell, h)
        self.columns = _places(quarter[1], 4.0 / self.cell, w)
        self.scratch = np.zeros((2, 3, quarter[1]), np.float32)
        self._narrow = _grids(h, w)
        self._wide = _grids(half_h, half_w)
        self._tint = haze_tint(config.particle_colors).astype(np.float32) / np.float32(lights.HAZE_UNIT)
        density = float(config.glow) * _DENSITY[kind]
        self._gains = (_NARROW_GAIN * density, _WIDE_GAIN * density)

    def spread(self) -> None:
        """Haze of the light that was gathered; without glow there is none."""
        narrow, wide = self._gains
        if narrow > 0.0:
            haze.spread(
                self.sums, self._narrow, self._wide, self._tint, narrow, wide, _NARROW, _WIDE, self.haze
            )


def _grids(h: int, w: int) -> haze.Grids:
    shapes = ((h, w), (w, h), (h, w), (w, h))
    return haze.Grids(*(np.zeros((*shape, 4), np.float32) for shape in shapes))


def _places(count: int, step: float, cells: int) -> tuple[Int32, Float32]:
    """Where `count` quarter pixels' centres lie between those of `cells`: place, weight of the next."""
    at: NDArray[np.float64] = np.clip((np.arange(count) + 0.5) * step - 0.5, 0.0, cells - 1.0)
    place = np.minimum(at.astype(np.int32), cells - 2).astype(np.int32)
    return place, (at - place).astype(np.float32)
