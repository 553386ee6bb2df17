"""How far a singer is off the piano, and how that changes while singing.

The singer's own A is followed from note to note: it moves slowly, so that the notes are as near to a semitone
of it as they can be (Viterbi's path over offsets in steps of 2 cents).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STEP = 0.02
_REACH = 1.6  # semitones of drift either way
_STIFFNESS = 5.0  # what it costs to move, for a move of a semitone from note to note, squared
_IN_TUNE = 0.5  # what it costs to begin a semitone off, squared
_FARTHEST_START = 0.5


def offsets(pitches: Array, weights: Array) -> Array:
    """The singer's offset in semitones at each note, the first within half a semitone of none.

    `pitches` are MIDI numbers with fractions, `weights` how much each note says.
    """
    if not len(pitches):
        return np.zeros(0)
    weights = weights / weights.mean()
    grid = np.arange(-_REACH, _REACH + _STEP / 2.0, _STEP)
    move = _STIFFNESS * (grid[:, None] - grid[None, :]) ** 2
    score = np.where(np.abs(grid) <= _FARTHEST_START, _IN_TUNE * grid**2, np.inf)
    before = np.zeros((len(pitches), len(grid)), np.int64)
    for number, (pitch, weight) in enumerate(zip(pitches, weights, strict=True)):
        if number:
            reached = score[None, :] + move
            before[number] = reached.argmin(axis=1)
            score = np.take_along_axis(reached, before[number][:, None], axis=1)[:, 0]
        off = pitch - grid
        score = score + weight * (off - np.round(off)) ** 2
    path = np.zeros(len(pitches), np.int64)
    path[-1] = int(score.argmin())
    for number in range(len(pitches) - 1, 0, -1):
        path[number - 1] = before[number][path[number]]
    return grid[path]
