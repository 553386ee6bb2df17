"""Haze: the light of all particles on a coarse grid, blurred narrow (halos) and wide (haze).

The grid has about 136 lines whatever the picture's size, so the haze is the same scene at 360p and 4K and
costs the same. Sums run along rows and columns in float32 in a fixed order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from render.particles.arrays import Float32

_F = np.float32


class Grids(NamedTuple):
    """A grid (h, w, 4), its transpose (w, h, 4), and scratch of both shapes."""

    image: Float32
    turned: Float32
    scratch: Float32
    turned_scratch: Float32


@njit(nogil=True, cache=True, error_model="numpy")
def _box_columns(source: Any, out: Any, radius: int) -> None:
    """Mean over 2 radius + 1 rows (the outside is dark). source, out: (h, w) float32."""
    height, width = source.shape
    scale = _F(1.0) / _F(2 * radius + 1)
    total = np.zeros(width, np.float32)
    for y in range(min(radius, height)):
        row = source[y]
        for x in range(width):
            total[x] += row[x]
    for y in range(height):
        if y + radius < height:
            row = source[y + radius]
            for x in range(width):
                total[x] += row[x]
        target = out[y]
        for x in range(width):
            target[x] = total[x] * scale
        if y >= radius:
            row = source[y - radius]
            for x in range(width):
                total[x] -= row[x]


@njit(nogil=True, cache=True, error_model="numpy")
def _four_boxes(image: Any, scratch: Any, radius: int) -> None:
    """Four boxes down the columns of (h, w, 4), in place: close to a Gaussian, and round to its far ends."""
    flat = image.reshape(image.shape[0], -1)
    flat_scratch = scratch.reshape(image.shape[0], -1)
    for _ in range(2):
        _box_columns(flat, flat_scratch, radius)
        _box_columns(flat_scratch, flat, radius)


@njit(nogil=True, cache=True, error_model="numpy")
def _turn(source: Any, out: Any) -> None:
    """(h, w, 4) to (w, h, 4)."""
    for y in range(source.shape[0]):
        for x in range(source.shape[1]):
            for channel in range(4):
                out[x, y, channel] = source[y, x, channel]


@njit(nogil=True, cache=True, error_model="numpy")
def _blur(grids: Any, radius: int) -> None:
    """The image, blurred in place with a standard deviation of about 1.2 `radius` cells."""
    _four_boxes(grids.image, grids.scratch, radius)
    _turn(grids.image, grids.turned)
    _four_boxes(grids.turned, grids.turned_scratch, radius)
    _turn(grids.turned, grids.image)


@njit(nogil=True, cache=True, error_model="numpy")
def spread(
    sums: Any, narrow: Any, wide: Any, tint: Any, narrow_gain: float, wide_gain: float, narrow_radius: int,
    wide_radius: int, out: Any,
) -> None:  # fmt: skip
    """sums (h, w, 4) int32 -> out (h, w, 4) float32 haze; the wide blur runs on half of the grid.

    tint (4) float32 is the light of one unit of each channel; narrow and wide are Grids.
    """
    h, w = sums.shape[0], sums.shape[1]
    near = narrow.image
    far = wide.image
    for y in range(h):
        for x in range(w):
            for channel in range(4):
                near[y, x, channel] = _F(sums[y, x, channel]) * tint[channel]
    for y in range(far.shape[0]):
        y1 = min(2 * y + 1, h - 1)
        for x in range(far.shape[1]):
            x1 = min(2 * x + 1, w - 1)
            for channel in range(4):
                upper = near[2 * y, 2 * x, channel] + near[2 * y, x1, channel]
                lower = near[y1, 2 * x, channel] + near[y1, x1, channel]
                far[y, x, channel] = _F(0.25) * (upper + lower)
    _blur(narrow, narrow_radius)
    _blur(wide, wide_radius)
    a = _F(narrow_gain)
    b = _F(wide_gain)
    bottom, right = far.shape[0] - 1, far.shape[1] - 1
    for y in range(h):
        y0 = y >> 1
        y1 = max(0, y0 - 1) if y & 1 == 0 else min(bottom, y0 + 1)
        for x in range(w):
            x0 = x >> 1
            x1 = max(0, x0 - 1) if x & 1 == 0 else min(right, x0 + 1)
            for channel in range(4):
                middle = far[y0, x0, channel] * _F(0.5625) + far[y1, x1, channel] * _F(0.0625)
                sides = (far[y0, x1, channel] + far[y1, x0, channel]) * _F(0.1875)
                value = a * near[y, x, channel] + b * (middle + sides)
                out[y, x, channel] = max(_F(0.0), value)
