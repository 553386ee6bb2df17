"""Colours as light: the given colours in linear light, and which particle has which of them when.

The mix turns slowly and only among the given colours: each has a share that breathes, and the whole wheel
turns once in some minutes. Grey and white mean white light with a slight spread of warm and cool.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from render.particles.config import Color
from render.particles.waves import sine

WHEEL = 512  # entries of the colour wheel of a frame
_CROSSFADE = 0.05  # of the wheel, between neighbouring colours
_TURN_SECONDS = 139.0
# White light, from candle side to sky side (sRGB); their mean is close to neutral.
_WHITES: tuple[Color, ...] = ((255, 214, 168), (255, 240, 224), (182, 210, 255), (226, 236, 255))


def linear(color: Sequence[float]) -> NDArray[np.float64]:
    """Linear light 0..1 of sRGB codes 0..255, rounded to 2^-24 so that no libm shows."""
    code = np.asarray(color, np.float64) / 255.0
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return np.round(light * 2.0**24) / 2.0**24


def lights_of(colors: Sequence[Color]) -> NDArray[np.float64]:
    """(n, 3) linear light; each grey becomes a spread of whites as bright as itself."""
    rows: list[NDArray[np.float64]] = []
    for color in colors:
        if max(color) == min(color):
            level = float(linear(color)[0])
            rows.extend(linear(white) * level for white in _WHITES)
        else:
            rows.append(linear(color))
    return np.stack(rows)


def haze_tint(colors: Sequence[Color]) -> NDArray[np.float64]:
    """(4) gains of the haze: that of white light is blue as night air, for grey fog looks dirty."""
    white = sum(max(color) == min(color) for color in colors) / len(colors)
    return np.array([1.0 - 0.45 * white, 1.0 - 0.22 * white, 1.0, 0.0])


def wheel(lights: NDArray[np.float64], seconds: float) -> NDArray[np.float32]:
    """(WHEEL, 3) float32: the colours by hue position at this time; positions wrap."""
    count = len(lights)
    if count == 1:
        return np.repeat(lights.astype(np.float32), WHEEL, axis=0)
    turns = np.array([seconds / (31.0 + 7.3 * (k % 7)) + 0.618034 * k for k in range(count)])
    shares = 1.0 + 0.55 * sine(turns)
    ends = np.cumsum(shares / shares.sum())
    position = (np.arange(WHEEL) / WHEEL + seconds / _TURN_SECONDS) % 1.0
    index = np.searchsorted(ends, position).clip(0, count - 1)
    width = _CROSSFADE / count
    inside = np.clip((ends[index] - position) / width, 0.0, 1.0)
    following = (index + 1) % count
    mixed = lights[index] * inside[:, None] + lights[following] * (1.0 - inside[:, None])
    return np.ascontiguousarray(mixed, np.float32)
