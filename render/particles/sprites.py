"""Sprites: points of light and out-of-focus discs, baked once for a picture height, for each sub-pixel phase.

All weights are 16-bit integers, so the last bit of floating arithmetic cannot show. Rows are padded to
multiples of sixteen columns, the step of the splatting kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LANES = 16
REFERENCE_LINES = 1080
SMALLEST = 1.1  # pixels: no point is drawn smaller
LARGEST_AT_REFERENCE = 30.0  # pixels of 1080 lines
STEP = 1.08  # ratio of neighbouring point sizes
DISC_RADII_AT_REFERENCE = (11.0, 14.0, 17.5, 21.0, 25.0, 29.0, 33.0, 38.0, 43.0, 49.0)
POINT_REACH = 1.101  # radius of the support of a point, in widths at half of the height


@dataclass(frozen=True)
class SpriteSheet:
    """`weights` flat uint16; `table` (5, classes) int64: offset, chunks, side, reach, phases.

    A sprite begins at the pixel where its light does: its reach (in 1/1024 pixel) before its centre.

    Classes below `points` are points of `sizes` pixels (full width at half maximum), those from there on are
    discs. `class_of_size` maps int(8 * pixels) to the nearest class.
    """

    weights: NDArray[np.uint16]
    table: NDArray[np.int64]
    sizes: NDArray[np.float32]
    class_of_size: NDArray[np.int32]
    points: int
    disc_radii: NDArray[np.float32]


@lru_cache(maxsize=4)
def sprite_sheet(height: int) -> SpriteSheet:
    """The sheet for pictures of `height` lines."""
    scale = height / REFERENCE_LINES
    sizes = _point_sizes(max(2.0, LARGEST_AT_REFERENCE * scale))
    radii = np.array([max(1.5, radius * scale) for radius in DISC_RADII_AT_REFERENCE])
    baked = [_point(size) for size in sizes] + [_disc(radius) for radius in radii]
    table = np.zeros((5, len(baked)), np.int64)
    offset = 0
    for index, (weights, reach, phases) in enumerate(baked):
        chunks = weights.shape[-1] // LANES
        table[:, index] = offset, chunks, weights.shape[-2], reach, phases
        offset += weights.size
    steps = np.arange(int(8 * sizes[-1]) + 2) / 8.0
    nearest = np.abs(steps[:, None] - sizes[None, :]).argmin(axis=1)
    return SpriteSheet(
        weights=np.concatenate([weights.reshape(-1) for weights, _, _ in baked]),
        table=table,
        sizes=sizes.astype(np.float32),
        class_of_size=nearest.astype(np.int32),
        points=len(sizes),
        disc_radii=radii.astype(np.float32),
    )


def _point_sizes(largest: float) -> NDArray[np.float64]:
    sizes = [SMALLEST]
    while sizes[-1] < largest:
        sizes.append(sizes[-1] * STEP)
    return np.array(sizes)


def _grid(radius: float, phases: int, samples: int) -> tuple[NDArray[np.float64], int]:
    """Squared distances from the centre (phases, phases, side, side, samples, samples); reach in 1/1024."""
    reach = int(np.ceil(radius * 1024))
    side = 2 * reach // 1024 + 2
    cells = np.arange(side)[:, None] + (np.arange(samples) + 0.5) / samples  # a pixel covers 0..1
    centre = reach / 1024 + (np.arange(phases) + 0.5) / phases
    axis = (cells[None] - centre[:, None, None]) ** 2
    return axis[:, None, :, None, :, None] + axis[None, :, None, :, None, :], reach


def _padded(weights: NDArray[np.float64]) -> NDArray[np.uint16]:
    side = weights.shape[-1]
    extra = -side % LANES
    whole = np.pad(weights, [(0, 0)] * 3 + [(0, extra)])
    return np.clip(np.round(whole * 65535.0), 0, 65535).astype(np.uint16)


def _point(size: float) -> tuple[NDArray[np.uint16], int, int]:
    """A bell of compact support: (1 - q)^3 for the squared distance q in units of the reach; area sampled."""
    reach = POINT_REACH * size
    phases = 8 if size < 6 else 4
    squares, reach_units = _grid(reach, phases, 4 if size < 8 else 1)
    bell = np.clip(1.0 - squares / reach**2, 0.0, None) ** 3
    return _padded(bell.mean(axis=(4, 5))), reach_units, phases


def _disc(radius: float) -> tuple[NDArray[np.uint16], int, int]:
    """An out-of-focus light: an even disc with a slightly brighter rim and a soft edge."""
    soft = max(0.8, 0.05 * radius)
    phases = 4 if radius < 64 else 1
    squares, reach_units = _grid(radius + soft, phases, 1)
    distance = np.sqrt(squares[..., 0, 0])
    edge = np.clip((radius + soft - distance) / (2.0 * soft), 0.0, 1.0)
    edge = edge * edge * (3.0 - 2.0 * edge)
    near = np.clip(distance / radius, 0.0, 1.0)
    rim = 0.68 + 0.32 * near**8 + 0.05 * near
    return _padded(np.clip(edge * rim, 0.0, 1.0)), reach_units, phases
