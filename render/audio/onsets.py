"""When something begins to sound: how much the levels of the bands rise together.

Soft notes (of a choir, of strings) rise in a few bands and slowly, drums in all of them and at once; which of
both a track has says what tempi are usual for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.audio.bands import HOP, TICKS_A_FRAME, WINDOW, Bands, band_edges

_RISE_FRAMES = 2  # 33 ms
_PIECE_FRAMES = 2048
_LEAD_TICKS = 1.8  # by which a window hears a click before it is there
_LAG_TICKS = 1.5  # by which it hears a soft note after its beginning
_RANGE = 1e-5  # of power
_SILENCE = 1e-3  # of a band's power: about -80 dB
_FAINT = 0.1  # a smaller mean rise (of natural logarithms) is no onset: vibrato and beating tones have it
_SOFT, _HARD = 1.5, 2.5  # strong mean rises of notes that follow each other, and of drums

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Onsets:
    """Arrays over ticks, 0..1, 1 being the strong onsets of the track.

    `all` is of all bands, `low` of those below 110 Hz, which are kicks and no snares. `softness` is 0 where
    something is struck that sounds everywhere at once, as drums do, and 1 where notes only follow each other.
    """

    all: Array
    low: Array
    softness: float


def onsets_of(measured: Bands) -> Onsets:
    """Those of a measured track."""
    whole = max(1, (measured.samples - WINDOW // 2) // HOP)  # a window that the end cuts off hears a click
    fine = measured.fine[:whole]
    loudest = float(np.percentile(fine.max(axis=1), 99.0))
    low = int(np.searchsorted(band_edges(), 110.0))
    rise = _rises(fine, loudest)
    softness = float(np.clip((_HARD - np.percentile(rise, 99.0)) / (_HARD - _SOFT), 0.0, 1.0))
    late = _LEAD_TICKS - softness * (_LEAD_TICKS + _LAG_TICKS)
    low_rise = _rises(fine[:, :low], loudest)
    return Onsets(_scaled(rise, late), _scaled(low_rise, late), softness)


def _rises(power: NDArray[np.float32], loudest: float) -> Array:
    """(frames) mean rise of the bands' levels over 33 ms, beyond what is too faint to be an onset.

    `power` is (frames, bands), `loudest` that of a loud band of the track: what is 50 dB below it does not
    count.
    """
    rise = np.zeros(len(power))
    floor = np.float32(max(loudest * _RANGE, _SILENCE))
    for start in range(_RISE_FRAMES, len(power), _PIECE_FRAMES):  # in pieces: two hours have 140 MB of levels
        level = np.log1p(power[start - _RISE_FRAMES : start + _PIECE_FRAMES] / floor, dtype=np.float32)
        risen = np.clip(level[_RISE_FRAMES:] - level[:-_RISE_FRAMES], 0.0, None)
        rise[start : start + len(risen)] = risen.mean(axis=1)
    return np.maximum(rise - _FAINT, 0.0)


def _scaled(rise: Array, late: float) -> Array:
    """By tick instead of by frame, so many ticks later, and 1 where it is strong."""
    strong = float(np.percentile(rise, 99.0)) or float(rise.max())
    if strong > 0.0:
        rise = np.clip(rise / strong, 0.0, 1.0)
    ticks = np.arange(len(rise) * TICKS_A_FRAME) - late
    return np.interp(ticks / TICKS_A_FRAME, np.arange(len(rise)), rise)
