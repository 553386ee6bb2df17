"""How right tempo, beats and key are, by the rules that the field compares itself with (MIREX, mir_eval)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.labelled import KEYS

_TEMPO_SHARE = 0.04
_BEAT_SECONDS = 0.07
_TRIMMED_SECONDS = 5.0
_OCTAVES = (1.0, 2.0, 3.0, 1 / 2, 1 / 3)


def accuracy1(found: float | None, true: float) -> bool:
    """Within 4 % of the reference."""
    return found is not None and abs(found / true - 1.0) <= _TEMPO_SHARE


def accuracy2(found: float | None, true: float) -> bool:
    """The same, or of its double, triple, half or third (Gouyon and others, 2006)."""
    return any(accuracy1(found, true * octave) for octave in _OCTAVES)


def f_measure(found: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    """Of beats within 70 ms, each counted once; the first five seconds are left out."""
    found, true = found[found >= _TRIMMED_SECONDS], true[true >= _TRIMMED_SECONDS]
    if not len(found) or not len(true):
        return 0.0
    hits, place = 0, 0
    for beat in true:
        while place < len(found) and found[place] < beat - _BEAT_SECONDS:
            place += 1
        if place < len(found) and found[place] <= beat + _BEAT_SECONDS:
            hits, place = hits + 1, place + 1
    return 2.0 * hits / (len(found) + len(true))


def key_score(found: str | None, true: str) -> float:
    """1 for the key, 0.5 a fifth above it, 0.3 for the relative, 0.2 for the parallel key (mir_eval)."""
    if found is None:
        return 0.0
    (tonic, mode), (true_tonic, true_mode) = _parts(found), _parts(true)
    interval = (tonic - true_tonic) % 12
    if mode == true_mode:
        return {0: 1.0, 7: 0.5}.get(interval, 0.0)
    if interval == 0:
        return 0.2
    return 0.3 if interval == (9 if true_mode == "major" else 3) else 0.0


def _parts(key: str) -> tuple[int, str]:
    tonic, _, mode = key.partition(" ")
    return KEYS[mode].index(tonic), mode
