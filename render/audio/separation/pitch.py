"""Following one voice among many: salience of pitches, the best path through them, the comb of its partials.

Salience is a sum over partials less what lies between them (after Klapuri, 2006), the path is Viterbi's with
a state for "nobody sings".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float32]

STEPS_PER_OCTAVE = 48
_REACH = 12  # steps that a pitch may move from frame to frame; farther costs as much as that


@dataclass(frozen=True)
class Search:
    """Which pitches are looked for, and how readily one is believed.

    `partials` up to `top_hz` count, each `decay` of the one before; `silence` is what it is worth, in
    salience relative to the strong frames, that nobody is heard; `jump` is the cost of a step of 25 cents and
    `turn` that of beginning or ending.
    """

    lowest_hz: float
    octaves: float
    partials: int
    decay: float
    top_hz: float
    silence: float
    jump: float
    turn: float

    @property
    def pitches_hz(self) -> Array:
        steps = np.arange(round(self.octaves * STEPS_PER_OCTAVE))
        return (self.lowest_hz * 2 ** (steps / STEPS_PER_OCTAVE)).astype(np.float32)


def followed(strength: Array, bin_hz: float, search: Search) -> Array:
    """The pitch of each frame in Hz, 0 where there is none. `strength` is (frames, bins), >= 0."""
    pitches = search.pitches_hz
    heard = _salience(strength, bin_hz, pitches, search.partials, search.decay, search.top_hz)
    strong = float(np.percentile(heard.max(axis=1), 90))
    if strong <= 0.0:
        return np.zeros(len(strength), np.float32)
    path = _best_path(heard / np.float32(strong), search.jump, search.silence, search.turn)
    return np.where(path < pitches.size, pitches[np.minimum(path, pitches.size - 1)], 0).astype(np.float32)


@njit(cache=True, nogil=True)
def _salience(strength: Any, bin_hz: float, pitches: Any, partials: int, decay: float, top_hz: float) -> Any:
    frames, bins = strength.shape
    out = np.zeros((frames, pitches.size), np.float32)
    for t in range(frames):
        for i in range(pitches.size):
            weight = 1.0
            total = 0.0
            for k in range(1, partials + 1):
                place = k * pitches[i] / bin_hz
                if k * pitches[i] > top_hz or place + 1 >= bins:
                    break
                low = int(place)
                part = place - low
                on = strength[t, low] * (1 - part) + strength[t, low + 1] * part
                place -= 0.5 * pitches[i] / bin_hz
                low = int(place)
                part = place - low
                between = strength[t, low] * (1 - part) + strength[t, low + 1] * part
                total += weight * (on - 0.6 * between)
                weight *= decay
            out[t, i] = total
    return out


@njit(cache=True, nogil=True)
def _best_path(heard: Any, jump: float, silence: float, turn: float) -> Any:
    """Indices into the pitches; their number stands for silence."""
    frames, count = heard.shape
    score = np.zeros((frames, count + 1), np.float32)
    before = np.zeros((frames, count + 1), np.int32)
    score[0, :count] = heard[0]
    score[0, count] = silence
    for t in range(1, frames):
        best = int(np.argmax(score[t - 1, :count]))
        from_silence = score[t - 1, count] - turn
        far = score[t - 1, best] - jump * _REACH
        for i in range(count):
            value, origin = far, best
            for j in range(max(0, i - _REACH), min(count, i + _REACH + 1)):
                near = score[t - 1, j] - jump * abs(i - j)
                if near > value:
                    value, origin = near, j
            if from_silence > value:
                value, origin = from_silence, count
            score[t, i] = value + heard[t, i]
            before[t, i] = origin
        value, origin = score[t - 1, count], count
        if score[t - 1, best] - turn > value:
            value, origin = score[t - 1, best] - turn, best
        score[t, count] = value + silence
        before[t, count] = origin
    path = np.zeros(frames, np.int32)
    path[frames - 1] = np.argmax(score[frames - 1])
    for t in range(frames - 1, 0, -1):
        path[t - 1] = before[t, path[t]]
    return path


@njit(cache=True, nogil=True)
def comb(pitch_hz: Any, bins: int, bin_hz: float, top_hz: float, width_hz: float, relative: float) -> Any:
    """(frames, bins) 0..1: 1 on the partials of each frame's pitch, half at `width_hz` beside them.

    High partials are wider, by `relative` of their frequency: a voice glides.
    """
    out = np.zeros((pitch_hz.size, bins), np.float32)
    for t in range(pitch_hz.size):
        if pitch_hz[t] <= 0:
            continue
        for k in range(1, int(top_hz / pitch_hz[t]) + 1):
            centre = k * pitch_hz[t]
            width = min(max(width_hz, relative * centre), 0.45 * pitch_hz[t])
            first = max(0, int((centre - 2 * width) / bin_hz))
            for b in range(first, min(bins, int((centre + 2 * width) / bin_hz) + 2)):
                share = 1.0 / (1.0 + (abs(b * bin_hz - centre) / width) ** 6)
                if share > out[t, b]:
                    out[t, b] = share
    return out
