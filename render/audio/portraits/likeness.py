"""Portraits and what two of them have in common. Light: numpy alone, so that an API process may ask.

A cell is the mean square of a quarter of a second in one of 24 bands of a third of an octave, in steps of
half a decibel from -100 dB on. How loud a cell is heard is its energy to the power of 0.3 (Stevens' law), and
nothing below -80 dB. Then

    similarity = sum of min(a, b) / sum of max(a, b)

over all cells of both: of what is heard in either, the part that is heard in both (Ruzicka's similarity). It
is 1 for the same sound, 0 where nothing sounds together, and 0.93, 0.66 and 0.5 for the same sound louder by
1, 6 and 10 dB.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PORTRAIT_VERSION = 2
BANDS = 24
CELL_SECONDS = 0.25
LOWEST_DB = -100.0
STEP_DB = 0.5
AUDIBLE_DB = -80.0
SILENT_LUFS = -70.0  # the absolute gate of BS.1770
_EXPONENT = 0.3
_LEVELS_DB = LOWEST_DB + STEP_DB * np.arange(256)


@dataclass(frozen=True)
class Portrait:
    """`cells` are (n, BANDS) uint8 in order of time, packed; loudness is None for silence."""

    loudness_lufs: float | None
    cells: bytes


def packed(mean_squares: NDArray[np.floating]) -> bytes:
    """(n, BANDS) of mean squares, full scale 1, as a portrait keeps them."""
    decibels = 10.0 * np.log10(np.maximum(mean_squares, 1e-12))
    steps = np.rint((decibels - LOWEST_DB) / STEP_DB)
    return zlib.compress(np.clip(steps, 0, 255).astype(np.uint8).tobytes(), 6)


def unpacked(cells: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(zlib.decompress(cells), np.uint8).reshape(-1, BANDS)


def similarity(one: Portrait, one_gain: float, other: Portrait, other_gain: float) -> float:
    """0..1 of both at their gains, the shorter one followed by silence. Two silences are the same: 1."""
    first, second = _heard(one, one_gain), _heard(other, other_gain)
    length = min(len(first), len(second))
    rest = float(first[length:].sum(dtype=np.float64) + second[length:].sum(dtype=np.float64))
    common = float(np.minimum(first[:length], second[:length]).sum(dtype=np.float64))
    either = float(np.maximum(first[:length], second[:length]).sum(dtype=np.float64)) + rest
    return common / either if either > 0.0 else 1.0


def loudness_lufs(of: Portrait, gain: float) -> float | None:
    """At a gain; None for what is silent then."""
    if of.loudness_lufs is None or gain <= 0.0:
        return None
    level = of.loudness_lufs + 20.0 * float(np.log10(gain))
    return level if level > SILENT_LUFS else None


def _heard(of: Portrait, gain: float) -> NDArray[np.float32]:
    """(n, BANDS): how loud each cell is."""
    if gain <= 0.0:
        return np.zeros((len(unpacked(of.cells)), BANDS), np.float32)
    levels = _LEVELS_DB + 20.0 * np.log10(gain)
    loud = np.where(levels > AUDIBLE_DB, 10.0 ** (_EXPONENT * levels / 10.0), 0.0)
    loud[0] = 0.0  # of what was too quiet to be kept
    return loud.astype(np.float32)[unpacked(of.cells)]
