"""Which tones sound, and how far off A = 440 Hz they are: the peaks of a long window.

The 46 ms of the rhythm's window cannot tell neighbouring semitones apart below 700 Hz, so tones have a window
of 341 ms, six times a second, over the same decoded samples. Only peaks count, never the floor between them:
a peak stands well above the mean level around it and is there in a neighbouring window too, so that noise and
the knock of a drum have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray

from render.audio.spectrum import SAMPLE_RATE_HZ
from render.audio.windows import windowed

WINDOW = 8192
HOP = 4096
FRAME_RATE_HZ = SAMPLE_RATE_HZ / HOP
_BIN_HZ = SAMPLE_RATE_HZ / WINDOW
_LOWEST_HZ, _HIGHEST_HZ = 36.0, 2600.0
_FIRST, _LAST = 4, int(_HIGHEST_HZ / _BIN_HZ) + 24  # with the surroundings
_AROUND = 14  # bins to both sides whose mean level a peak stands above
_CLEARANCE = float(np.log(10.0 ** (11.0 / 10.0)))  # 11 dB, as a natural logarithm of power
_SILENCE = float(np.log(1e-4))  # of a peak's power: a tone of about -106 dB
_BATCH = 8

Array = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Tones:
    """Peaks in order of time and pitch: frame number, pitch (semitones above A0, a fraction), level (natural
    logarithm of power). `frames` is how many windows there were; frame k is centred on k * HOP samples."""

    frame: NDArray[np.int64]
    pitch: Array
    level: Array
    frames: int


class ToneListener:
    """Takes mono blocks at SAMPLE_RATE_HZ; `tones` says what sounded. Holds peaks, not the sound."""

    def __init__(self) -> None:
        self._held = np.zeros(WINDOW // 2, np.float32)
        self._rows = np.zeros((_BATCH, WINDOW), np.float32)
        self._window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
        self._found: list[tuple[Places, Places, Array, Array]] = []
        self._frames = 0

    def take(self, block: NDArray[np.float32]) -> None:
        self._held = np.concatenate([self._held, block])
        while len(self._held) >= WINDOW + (_BATCH - 1) * HOP:
            self._transform(_BATCH)

    def tones(self) -> Tones:
        """Called once, at the end."""
        self._held = np.concatenate([self._held, np.zeros(WINDOW // 2, np.float32)])
        while (count := (len(self._held) - WINDOW) // HOP + 1) > 0:
            self._transform(min(count, _BATCH))
        if not self._found:
            return Tones(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), 0)
        frame, place, shift, level = (np.concatenate(part) for part in zip(*self._found, strict=True))
        hertz = (place + _FIRST + shift) * _BIN_HZ
        is_kept = _lasting(frame, place) & (hertz >= _LOWEST_HZ) & (hertz <= _HIGHEST_HZ)
        pitch = 12.0 * np.log2(hertz[is_kept] / 27.5)
        return Tones(frame[is_kept], pitch, level[is_kept], self._frames)

    def _transform(self, count: int) -> None:
        rows = self._rows[:count]
        windowed(self._held, HOP, self._window, rows)
        found = scipy.fft.rfft(rows, axis=1)[:, _FIRST:_LAST]
        level = np.log(np.square(found.real) + np.square(found.imag) + np.float32(1e-12))
        frame, place, shift, height = _peaks(level)
        self._found.append((frame + self._frames, place, shift, height))
        self._frames += count
        self._held = self._held[count * HOP :]


@njit(nogil=True, cache=True, error_model="numpy")
def _peaks(level: Any) -> Any:
    """Row, column, offset from the column's middle and height of what stands above its surroundings.

    Offset and height are those of the parabola through three points. The lowest columns have no surroundings
    below and are compared with what is above them; the highest are surroundings alone.
    """
    rows, columns = level.shape
    most = rows * columns // 2
    row, column = np.empty(most, np.int64), np.empty(most, np.int64)
    shift, height = np.empty(most), np.empty(most)
    total = np.zeros(columns + 1)
    count = 0
    for r in range(rows):
        for c in range(columns):
            total[c + 1] = total[c] + level[r, c]
        for c in range(1, columns - _AROUND):
            before, middle, after = level[r, c - 1], level[r, c], level[r, c + 1]
            if middle <= before or middle < after or middle <= _SILENCE:
                continue
            around = max(c, _AROUND)
            width = 2 * _AROUND + 1
            mean = (total[around + _AROUND + 1] - total[around - _AROUND]) / width
            if middle > mean + _CLEARANCE:
                bend = np.float64(before) - 2.0 * middle + after
                row[count], column[count] = r, c
                shift[count] = 0.5 * (np.float64(before) - after) / bend
                height[count] = middle - 0.25 * (np.float64(before) - after) * shift[count]
                count += 1
    return row[:count], column[:count], shift[:count], height[:count]


def _lasting(frame: Places, place: Places) -> NDArray[np.bool_]:
    """Whether a peak has a neighbour at most a bin away in the frame before or after."""
    width = _LAST - _FIRST + 4
    known = frame * width + place  # rising: frames are in order, and peaks within them
    is_there = np.zeros(len(known), bool)
    for step in (-1, 1):
        for shift in (-1, 0, 1):
            wanted = known + step * width + shift
            at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
            is_there |= known[at] == wanted
    return is_there


def tuning(tones: Tones) -> float:
    """How far the tones are off A = 440 Hz, -0.5..0.5 semitones: their mean direction round the semitone."""
    if not len(tones.pitch):
        return 0.0
    weight = np.exp(0.25 * (tones.level - tones.level.max()))
    direction = np.sum(weight * np.exp(2j * np.pi * tones.pitch))
    return float(np.angle(direction) / (2.0 * np.pi))
