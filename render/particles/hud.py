"""The read-out that `show_hud` asks for: the type, how many lights there are, and the bass as a thin bar.

It is drawn into the luma plane alone, so its white takes on a breath of the colour behind it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from render.particles.config import TYPES, ParticleType

_TEXT, _DIM, _BRIGHT = 200, 70, 225  # luma codes
_NAMES = {info.type: info.name.removesuffix(" Particles") for info in TYPES}


class Hud:
    def __init__(self, kind: ParticleType, width: int, height: int, threshold: float) -> None:
        self._font = cv2.FontFace("sans")
        self._name = _NAMES[kind]
        self._unit = max(1.0, height / 1080.0)
        self._size = max(9, round(24 * height / 1080))
        self._left = round(0.035 * width)
        self._bottom = height - round(0.045 * height)
        self._length = round(0.16 * width)
        self._threshold = threshold

    def draw(self, luma: NDArray[np.uint8], level: float, living: int) -> None:
        """Over luma (h, w) uint8: the bass level 0..1, bright above the threshold, and how many lights."""
        text = f"{self._name}   {living:,}"
        above = self._bottom - round(0.7 * self._size)
        cv2.putText(luma, text, (self._left, above), (_TEXT,), self._font, self._size, 450)
        thick = max(1, round(3 * self._unit))
        rows = slice(max(0, self._bottom - thick), max(0, self._bottom))
        luma[rows, self._left : self._left + self._length] = _DIM
        filled = round(self._length * min(1.0, level))
        code = _BRIGHT if level > self._threshold else _TEXT - 40
        luma[rows, self._left : self._left + filled] = code
