"""The smooth part of the picture, stage and haze, at a quarter of the size: its light and its code values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from render.particles.curves import coded, luma_of, toned

BUILT_ON = {"curves.py": "0d825aef1720dc0c"}  # see tests/render/test_particles_kernels.py

FIELD_SCALE = 64  # code values in the field are integers, this many to a step

_F = np.float32


@njit(nogil=True, cache=True, error_model="numpy")
def _row_of_haze(source: Any, places: Any, weights: Any, out: Any) -> None:
    """A row of the haze grid at quarter width: out (3, qw)."""
    for x in range(places.shape[0]):
        c = places[x]
        t = weights[x]
        for channel in range(3):
            a = source[c, channel]
            out[channel, x] = a + (source[c + 1, channel] - a) * t


@njit(nogil=True, cache=True, error_model="numpy")
def make_field(haze: Any, columns: Any, rows: Any, base: Any, scratch: Any, field: Any) -> None:
    """Stage and haze at a quarter of the size.

    haze (h, w, 4) float32 light; columns, rows: where in it the quarter pixels lie (places int32, float32
    weights of the next place); base (3, qh, qw) float32 light of the stage; scratch (2, 3, qw) float32.
    """
    light = field.light
    codes = field.codes
    shift = field.shift
    have = -1
    for y in range(base.shape[1]):
        above = rows[0][y]
        if above != have:
            for k in range(2):
                _row_of_haze(haze[above + k], columns[0], columns[1], scratch[k])
            have = above
        t = rows[1][y]
        for x in range(base.shape[2]):
            r = scratch[0, 0, x] + (scratch[1, 0, x] - scratch[0, 0, x]) * t
            g = scratch[0, 1, x] + (scratch[1, 1, x] - scratch[0, 1, x]) * t
            b = scratch[0, 2, x] + (scratch[1, 2, x] - scratch[0, 2, x]) * t
            scale = toned(max(r, max(g, b)))
            r = base[0, y, x] + (_F(1.0) - base[0, y, x]) * r * scale
            g = base[1, y, x] + (_F(1.0) - base[1, y, x]) * g * scale
            b = base[2, y, x] + (_F(1.0) - base[2, y, x]) * b * scale
            light[0, y + 1, x + 1] = r
            light[1, y + 1, x + 1] = g
            light[2, y + 1, x + 1] = b
            r = coded(r)
            g = coded(g)
            b = coded(b)
            luma = luma_of(r, g, b)
            cb = _F(128.0) + _F(224.0 / 1.8556) * (b - luma) + shift[1]
            cr = _F(128.0) + _F(224.0 / 1.5748) * (r - luma) + shift[2]
            codes[0, y + 1, x + 1] = int((_F(16.0) + _F(219.0) * luma + shift[0]) * _F(FIELD_SCALE) + _F(0.5))
            codes[1, y + 1, x + 1] = int(cb * _F(FIELD_SCALE) + _F(0.5))
            codes[2, y + 1, x + 1] = int(cr * _F(FIELD_SCALE) + _F(0.5))
    for channel in range(3):
        _border(light[channel])
        _border(codes[channel])


@njit(nogil=True, cache=True, error_model="numpy")
def _border(plane: Any) -> None:
    bottom = plane.shape[0] - 1
    right = plane.shape[1] - 1
    for y in range(1, bottom):
        plane[y, 0] = plane[y, 1]
        plane[y, right] = plane[y, right - 1]
    for x in range(right + 1):
        plane[0, x] = plane[1, x]
        plane[bottom, x] = plane[bottom - 1, x]
