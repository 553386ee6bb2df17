"""Where bars begin: which of every three or four beats changes the harmony and has the weight.

Each beat is described by how much the chord and the bass under it differ from those before, and by what is
struck there, above all in the low. The metre and the phase whose first beats stand out most from the others
are the bar's. Beats that are all alike (a metronome) have no bar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.audio.tones import FRAME_RATE_HZ

METRES = (4, 3)
_WEIGHTS = (1.0, 0.7, 0.7, 0.3)  # of chord, bass, low onsets, all onsets
_FEWEST_BARS = 2
_LEAST_SPREAD = 0.1  # smaller differences than that between beats say little
_STANDS_OUT = 3.0  # standard errors, in the sum of all
_MARGIN = 1.25  # by how much more than the next place in the bar
_UNUSUAL = 0.85  # what three beats count beside four

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Heard:
    """What lies under the beats: (frames, 12) chroma and bass, and onsets of 0..1 by tick, low and all."""

    chroma: Array
    bass: Array
    low: Array
    onsets: Array
    tick_rate_hz: float


def downbeats(beats: Array, heard: Heard) -> Array:
    """Those of the beats (seconds) that begin a bar; none where no beat stands out."""
    if len(beats) < METRES[0] * _FEWEST_BARS:
        return np.zeros(0)
    features = (
        _changes(heard.chroma, beats),
        _changes(heard.bass, beats),
        _struck(heard.low, beats, heard.tick_rate_hz),
        _struck(heard.onsets, beats, heard.tick_rate_hz),
    )
    clear = {
        (metre, phase): _clear(features, metre, phase) * (1.0 if metre == METRES[0] else _UNUSUAL)
        for metre in METRES
        for phase in range(metre)
    }
    metre, phase = max(clear, key=lambda place: clear[place])
    best = clear[metre, phase]
    next_best = max(clear[metre, other] for other in range(metre) if other != phase)
    if best < _STANDS_OUT or best < _MARGIN * next_best:
        return np.zeros(0)
    return beats[phase::metre]


def _clear(features: tuple[Array, ...], metre: int, phase: int) -> float:
    return sum(
        weight * _contrast(feature, metre, phase) for weight, feature in zip(_WEIGHTS, features, strict=True)
    )


def _changes(classes: Array, beats: Array) -> Array:
    """(beats) 0..1: how far the classes from this beat to the next are from those of the beat before."""
    if not len(classes):
        return np.zeros(len(beats))
    edges = np.concatenate([[2 * beats[0] - beats[1]], beats, [2 * beats[-1] - beats[-2]]])
    frames = np.clip(np.round(edges * FRAME_RATE_HZ), 0, len(classes)).astype(np.int64)
    total = np.concatenate([np.zeros((1, classes.shape[1])), np.cumsum(classes, axis=0)])
    held = total[frames[1:]] - total[frames[:-1]]
    length = np.linalg.norm(held, axis=1)
    both = length[1:] * length[:-1]
    alike = np.where(both > 0.0, np.sum(held[1:] * held[:-1], axis=1) / np.maximum(both, 1e-12), 1.0)
    return np.asarray(1.0 - alike)


def _struck(onsets: Array, beats: Array, tick_rate_hz: float) -> Array:
    ticks = np.round(beats * tick_rate_hz).astype(np.int64)
    around = [onsets[np.clip(ticks + step, 0, len(onsets) - 1)] for step in range(-4, 5)]
    return np.asarray(np.max(around, axis=0))


def _contrast(feature: Array, metre: int, phase: int) -> float:
    """By how many standard errors the bars' first beats lie above the others."""
    is_first = np.arange(len(feature)) % metre == phase
    first, others = feature[is_first], feature[~is_first]
    if len(first) < _FEWEST_BARS:
        return 0.0
    spread = max(float(feature.std()), _LEAST_SPREAD)
    return float((first.mean() - others.mean()) / spread * np.sqrt(len(first) * len(others) / len(feature)))
