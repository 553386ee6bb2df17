"""Haze: the light of all particles on a coarse grid, blurred narrow (halos) and wide (haze).

The grid has about 136 lines whatever the picture's size, so the haze is the same scene at 360p and 4K and costs the
same. Sums run along rows and columns in float32 in a fixed order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_F = np.float32


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
def _turn(source: Any, out: Any) -> None:
    """(h, n, 4) to (n, h, 4)."""
    for y in range(source.shape[0]):
        for x in range(source.shape[1]):
            for channel in range(4):
                out[x, y, channel] = source[y, x, channel]


@njit(nogil=True, cache=True, error_model="numpy")
def blur(image: Any, turned: Any, scratch: Any, scratch_turned: Any, radius: int) -> None:
    """Four boxes a direction, in place: close to a Gaussian of 1.2 `radius` cells, and round to its far ends.

    image (h, w, 4), turned (w, h, 4) float32 and scratch of the same sizes.
    """
    h, w = image.shape[0], image.shape[1]
    flat = image.reshape(h, w * 4)
    flat_scratch = scratch.reshape(h, w * 4)
    for _ in range(2):
        _box_columns(flat, flat_scratch, radius)
        _box_columns(flat_scratch, flat, radius)
    _turn(image, turned)
    flat = turned.reshape(w, h * 4)
    flat_scratch = scratch_turned.reshape(w, h * 4)
    for _ in range(2):
        _box_columns(flat, flat_scratch, radius)
        _box_columns(flat_scratch, flat, radius)
    _turn(turned, image)


@njit(nogil=True, cache=True, error_model="numpy")
def spread(
    light: Any,
    narrow: Any,
    wide: Any,
    turned: Any,
    scratch: Any,
    scratch_turned: Any,
    wide_turned: Any,
    wide_scratch: Any,
    wide_scratch_turned: Any,
    tint: Any,
    narrow_gain: float,
    wide_gain: float,
    narrow_radius: int,
    wide_radius: int,
    out: Any,
) -> None:
    """light (h, w, 4) int32 sums -> out (h, w, 4) float32 haze; the wide blur runs on half of the grid.

    tint (4) float32 is the light of one unit of each channel; the other arrays are scratch.
    """
    h, w = light.shape[0], light.shape[1]
    for y in range(h):
        for x in range(w):
            for channel in range(4):
                narrow[y, x, channel] = _F(light[y, x, channel]) * tint[channel]
    for y in range(wide.shape[0]):
        y1 = min(2 * y + 1, h - 1)
        for x in range(wide.shape[1]):
            x1 = min(2 * x + 1, w - 1)
            for channel in range(4):
                wide[y, x, channel] = _F(0.25) * (
                    narrow[2 * y, 2 * x, channel]
                    + narrow[2 * y, x1, channel]
                    + narrow[y1, 2 * x, channel]
                    + narrow[y1, x1, channel]
                )
    blur(narrow, turned, scratch, scratch_turned, narrow_radius)
    blur(wide, wide_turned, wide_scratch, wide_scratch_turned, wide_radius)
    a = _F(narrow_gain)
    b = _F(wide_gain)
    wh, ww = wide.shape[0], wide.shape[1]
    for y in range(h):
        y0 = y >> 1
        y1 = max(0, y0 - 1) if y & 1 == 0 else min(wh - 1, y0 + 1)
        for x in range(w):
            x0 = x >> 1
            x1 = max(0, x0 - 1) if x & 1 == 0 else min(ww - 1, x0 + 1)
            for channel in range(4):
                near = wide[y0, x0, channel] * _F(0.5625) + wide[y1, x1, channel] * _F(0.0625)
                side = (wide[y0, x1, channel] + wide[y1, x0, channel]) * _F(0.1875)
                value = a * narrow[y, x, channel] + b * (near + side)
                out[y, x, channel] = max(_F(0.0), value)
