"""Which tones sound, and how far off A = 440 Hz they are: the peaks of a long window.

The 46 ms of the rhythm's window cannot tell neighbouring semitones apart below 700 Hz, so tones have a window
of 341 ms, six times a second, over the same decoded samples. Only peaks count, never the floor between them:
a peak stands well above the mean level around it and is there in a neighbouring window too, so that noise and
the knock of a drum have none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from render.audio.spectrum import SAMPLE_RATE_HZ

WINDOW = 8192
HOP = 4096
FRAME_RATE_HZ = SAMPLE_RATE_HZ / HOP
_BIN_HZ = SAMPLE_RATE_HZ / WINDOW
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 2600.0
_FIRST, _LAST = int(_LOWEST_HZ / _BIN_HZ) - 16, int(_HIGHEST_HZ / _BIN_HZ) + 24  # with the surroundings
_AROUND = 14  # bins to both sides whose mean level a peak stands above
_CLEARANCE = np.log(10.0 ** (11.0 / 10.0))  # 11 dB, as a natural logarithm of power
_SILENCE = np.log(1e-4)  # of a peak's power: a tone of about -106 dB
_BATCH = 64

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tones:
    """Peaks in order of time and pitch: frame number, pitch (semitones above A0, a fraction), level (natural
    logarithm of power). `frames` is how many windows there were; frame k is centred on k * HOP samples."""

    frame: NDArray[np.int64]
    pitch: Array
    level: Array
    frames: int


class Listener:
    """Takes mono blocks at SAMPLE_RATE_HZ; `tones` says what sounded."""

    def __init__(self) -> None:
        self._held = np.zeros(WINDOW // 2, np.float32)
        self._window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
        self._levels: list[NDArray[np.float32]] = []

    def take(self, block: NDArray[np.float32]) -> None:
        self._held = np.concatenate([self._held, block])
        count = (len(self._held) - WINDOW) // HOP + 1
        if count >= _BATCH:
            self._transform(count)

    def tones(self) -> Tones:
        """Called once, at the end."""
        self._held = np.concatenate([self._held, np.zeros(WINDOW // 2, np.float32)])
        count = (len(self._held) - WINDOW) // HOP + 1
        if count > 0:
            self._transform(count)
        if not self._levels:
            return Tones(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), 0)
        return _peaks(np.concatenate(self._levels))

    def _transform(self, count: int) -> None:
        view = np.lib.stride_tricks.sliding_window_view(self._held, WINDOW)[::HOP][:count]
        for start in range(0, count, _BATCH):
            found = scipy.fft.rfft(view[start : start + _BATCH] * self._window, axis=1)[:, _FIRST:_LAST]
            power = np.square(found.real) + np.square(found.imag)
            self._levels.append(np.log(power + np.float32(1e-12)))
        self._held = self._held[count * HOP :]


def _peaks(level: NDArray[np.float32]) -> Tones:
    frames = len(level)
    total = np.cumsum(np.pad(level, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    width = 2 * _AROUND + 1
    mean = np.full(level.shape, np.inf)
    mean[:, _AROUND : level.shape[1] - _AROUND] = (total[:, width:] - total[:, :-width]) / width
    is_peak = np.zeros(level.shape, bool)
    here = level[:, 1:-1]
    is_peak[:, 1:-1] = (here > level[:, :-2]) & (here >= level[:, 2:]) & (here > _SILENCE)
    is_peak &= level > mean + _CLEARANCE
    wide = is_peak.copy()
    wide[:, 1:] |= is_peak[:, :-1]
    wide[:, :-1] |= is_peak[:, 1:]
    lasts = np.zeros_like(is_peak)
    lasts[1:] |= wide[:-1]
    lasts[:-1] |= wide[1:]
    frame, place = np.nonzero(is_peak & lasts)
    before, middle, after = (level[frame, place + step].astype(np.float64) for step in (-1, 0, 1))
    shift = (
        0.5 * (before - after) / (before - 2.0 * middle + after)
    )  # a Hann window's peak is nearly a parabola
    hertz = (place + _FIRST + shift) * _BIN_HZ
    pitch = 12.0 * np.log2(hertz / 27.5)
    is_wanted = (hertz >= _LOWEST_HZ) & (hertz <= _HIGHEST_HZ)
    return Tones(
        frame[is_wanted], pitch[is_wanted], (middle - 0.25 * (before - after) * shift)[is_wanted], frames
    )


def tuning(tones: Tones) -> float:
    """How far the tones are off A = 440 Hz, -0.5..0.5 semitones: their mean direction round the semitone."""
    if not len(tones.pitch):
        return 0.0
    weight = np.exp(0.25 * (tones.level - tones.level.max()))
    direction = np.sum(weight * np.exp(2j * np.pi * tones.pitch))
    return float(np.angle(direction) / (2.0 * np.pi))
