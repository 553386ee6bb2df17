"""The smooth part of the picture, stage and haze, at a quarter of the size: its light and its code values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from render.particles.curves import coded, luma_of, toned

BUILT_ON = {"curves.py": "0d825aef1720dc0c"}  # see tests/render/test_particles_kernels.py

FIELD_SCALE = 64  # code values in the field are integers, this many to a step

_F = np.float32
_U = np.uint64


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
def _field_row(
    haze: Any, t: Any, base: Any, y: int, light: Any, codes: Any, qw: int, qh: int, shift: Any, shift_cb: Any,
    shift_cr: Any,
) -> None:  # fmt: skip
    """Row y of the field between two rows of haze, `t` of the lower. All arrays are flat, for vector code."""
    own, plane = _U(qw), _U(qw) * _U(qh)
    out, out_plane = _U(qw + 2) * _U(y + 1) + _U(1), _U(qw + 2) * _U(qh + 2)
    lower = own + own + own
    start = own * _U(y)
    one = _F(1.0)
    for i in range(qw):
        x = _U(i)
        r = haze[x] + (haze[x + lower] - haze[x]) * t
        g = haze[x + own] + (haze[x + own + lower] - haze[x + own]) * t
        b = haze[x + own + own] + (haze[x + own + own + lower] - haze[x + own + own]) * t
        scale = toned(max(r, max(g, b)))
        at = start + x
        r = base[at] + (one - base[at]) * r * scale
        g = base[at + plane] + (one - base[at + plane]) * g * scale
        b = base[at + plane + plane] + (one - base[at + plane + plane]) * b * scale
        to = out + x
        light[to] = r
        light[to + out_plane] = g
        light[to + out_plane + out_plane] = b
        r = coded(r)
        g = coded(g)
        b = coded(b)
        luma = luma_of(r, g, b)
        cb = _F(128.0) + _F(224.0 / 1.8556) * (b - luma) + shift_cb
        cr = _F(128.0) + _F(224.0 / 1.5748) * (r - luma) + shift_cr
        codes[to] = np.int32((_F(16.0) + _F(219.0) * luma + shift) * _F(FIELD_SCALE) + _F(0.5))
        codes[to + out_plane] = np.int32(cb * _F(FIELD_SCALE) + _F(0.5))
        codes[to + out_plane + out_plane] = np.int32(cr * _F(FIELD_SCALE) + _F(0.5))


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
    qh, qw = base.shape[1], base.shape[2]
    for y in range(base.shape[1]):
        above = rows[0][y]
        if above != have:
            for k in range(2):
                _row_of_haze(haze[above + k], columns[0], columns[1], scratch[k])
            have = above
        _field_row(
            scratch.reshape(-1), rows[1][y], base.reshape(-1), y, light.reshape(-1), codes.reshape(-1), qw,
            qh, shift[0], shift[1], shift[2],
        )  # fmt: skip
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
