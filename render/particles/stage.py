"""The stage: a very dark gradient with a hint of the palette's hue and a vignette; or one flat colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.particles.config import Color
from render.particles.palette import linear

_TOP, _BOTTOM, _HEART = 0.0068, 0.0115, 0.0060  # linear light


def stage(lights: NDArray[np.float64], quarter_width: int, quarter_height: int) -> NDArray[np.float32]:
    """(3, h, w) float32 linear light of the own stage, from the palette's lights (n, 3)."""
    first = _tint(lights[0])
    second = _tint(lights[len(lights) // 2])
    mean = _tint(lights.mean(axis=0))
    y = ((np.arange(quarter_height) + 0.5) / quarter_height)[:, None]
    x = ((np.arange(quarter_width) + 0.5) / quarter_width)[None, :]
    heart = np.clip(1.0 - ((x - 0.5) ** 2 * 2.4 + (y - 0.56) ** 2 * 3.0), 0.0, 1.0) ** 2
    vignette = np.clip(1.0 - 0.6 * ((x - 0.5) ** 2 + (y - 0.5) ** 2) * 2.0, 0.0, 1.0)
    rising = y * y * (3.0 - 2.0 * y)
    side = x * x * (3.0 - 2.0 * x)
    planes = []
    for channel in range(3):
        hue = first[channel] * (1.0 - side) + second[channel] * side
        gradient = _TOP * mean[channel] + (_BOTTOM - _TOP) * hue * rising + _HEART * mean[channel] * heart
        planes.append(gradient * vignette)
    return np.round(np.stack(planes) * 2.0**20).astype(np.float32) / np.float32(2.0**20)


def flat(color: Color, quarter_width: int, quarter_height: int) -> NDArray[np.float32]:
    """(3, h, w) float32 linear light of a background colour."""
    planes = np.empty((3, quarter_height, quarter_width), np.float32)
    planes[:] = linear(color).astype(np.float32)[:, None, None]
    return planes


def _tint(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """A dim relative of a light: partly the night's own blue, so that no stage is grey or garish."""
    strongest = max(float(light.max()), 1e-6)
    saturation = 1.0 - float(light.min()) / strongest
    own = 0.25 + 0.35 * saturation
    night = np.array([0.14, 0.34, 0.80])
    return own * light / strongest + (1.0 - own) * night
