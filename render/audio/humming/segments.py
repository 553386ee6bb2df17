"""A line of pitch parted into notes: the piecewise constant line that fits it best, all at once.

Each stretch has one level, in steps of a quarter of a semitone, or is a rest; a frame costs its distance from
the level, up to a limit, so that vibrato and glides are not notes of their own; a new note costs as well,
less where the loudness has a dip (a repeated note), and lasts at least 70 ms. Dynamic programming finds the
cheapest line.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from render.audio.humming.pitch import FRAME_SECONDS, Array, PitchTrack

_STEP = 0.25  # semitones from level to level
_FAR = 0.8  # semitones: what is farther costs no more
_NEW_NOTE, _NEW_REST = 5.0, 0.5
_HOARSE, _SUNG = 0.7, 0.7  # a frame without voice in a note, and one with voice in a rest
_LEAST_FRAMES = 7
_LEAST_REST_FRAMES = 3
_DIP_FRAMES = 12  # a dip has louder frames on both sides within so many
_SHALLOWEST_DB, _DEEP_DB = 4.0, 10.0
_DIP_GAIN = 8.0  # more than _NEW_NOTE: a deep dip parts two notes of the same pitch
_STEEPEST = 9.0  # semitones a second: a steady stretch is flatter
_FEWEST_STEADY = 5


@dataclass(frozen=True)
class Segment:
    """Frames first..end (excluded); `pitch` is a MIDI number with its fraction, `spread` the median distance
    from it in semitones."""

    first: int
    end: int
    pitch: float
    spread: float
    strength: float
    level_db: float


def segments(track: PitchTrack) -> list[Segment]:
    """The notes of a track in order; they do not overlap."""
    voiced = track.is_voiced
    if not voiced.any():
        return []
    lowest = float(np.floor(np.nanmin(track.pitch))) - 1.0
    levels = int((np.nanmax(track.pitch) + 1.0 - lowest) / _STEP) + 1
    places = np.where(voiced, (track.pitch - lowest) / _STEP, -1.0)
    dips = _DIP_GAIN * np.clip(
        (depths(track.level_db) - _SHALLOWEST_DB) / (_DEEP_DB - _SHALLOWEST_DB), 0.0, 1.0
    )
    costs = np.array([_NEW_NOTE, _NEW_REST, _HOARSE, _SUNG, _FAR, _STEP])
    line = _best_line(places, dips, levels, costs, _LEAST_FRAMES, _LEAST_REST_FRAMES)
    found = [
        _segment(track, first, end)
        for first, end, level in _runs(line)
        if level < levels and voiced[first:end].sum() >= _FEWEST_STEADY
    ]
    return [one for one in found if one is not None]


def depths(level_db: Array) -> Array:
    """How deep the loudness dips at each frame, in decibels; 0 but at the bottom of a dip."""
    size = _DIP_FRAMES
    padded = np.pad(level_db, size, mode="edge")
    view = np.lib.stride_tricks.sliding_window_view(padded, 2 * size + 1)
    sides = np.minimum(view[:, :size].max(axis=1), view[:, size + 1 :].max(axis=1))
    is_bottom = level_db <= view.min(axis=1)
    is_bottom[1:] &= ~is_bottom[:-1]
    return np.where(is_bottom, np.maximum(0.0, sides - level_db), 0.0)


def _runs(line: NDArray[np.int32]) -> list[tuple[int, int, int]]:
    """(first, end, level) of each stretch; a line holds -1 - level where a stretch begins."""
    begins = [*np.flatnonzero(line < 0).tolist(), len(line)]
    return [(first, end, -1 - int(line[first])) for first, end in pairwise(begins)]


def _segment(track: PitchTrack, first: int, end: int) -> Segment | None:
    """The note of these frames, ends without voice left out; None where nothing of it is steady."""
    voiced = np.flatnonzero(track.is_voiced[first:end])
    first, end = first + int(voiced[0]), first + int(voiced[-1]) + 1
    pitch = track.pitch[first:end]
    middle = float(np.nanmedian(pitch))
    near = np.abs(pitch - middle) < _FAR
    if near.sum() < _FEWEST_STEADY or _is_glide(pitch[near]):
        return None
    return Segment(
        first,
        end,
        float(np.mean(pitch[near])),
        float(np.median(np.abs(pitch[near] - middle))),
        float(np.mean(track.strength[first:end])),
        float(np.percentile(track.level_db[first:end], 80.0)),
    )


def _is_glide(pitch: Array) -> bool:
    """Whether a short stretch goes one way all along, and steeply."""
    if len(pitch) * FRAME_SECONDS > 0.2:
        return False
    steps = np.diff(pitch)
    slope = float(np.median(steps)) / FRAME_SECONDS
    return abs(slope) > _STEEPEST and bool((np.sign(steps) == np.sign(slope)).mean() > 0.85)


@njit(cache=True, nogil=True, error_model="numpy")
def _frame_cost(place: float, level: int, levels: int, costs: Any) -> Any:
    if level == levels:
        return costs[3] if place >= 0.0 else 0.0
    if place < 0.0:
        return costs[2]
    return min(costs[4], abs(place - level) * costs[5])


@njit(cache=True, nogil=True, error_model="numpy")
def _best_line(places: Any, dips: Any, levels: int, costs: Any, least: int, least_rest: int) -> Any:
    """The level of each frame (`levels` is a rest), -1 - level where a stretch begins.

    `places` are in levels, below 0 without voice. A stretch that begins at frame b pays for a new one,
    less the dip at b.
    """
    frames = places.shape[0]
    score = np.full((frames, levels + 1), np.inf)
    began = np.full((frames, levels + 1), -1, np.int32)
    best = np.full(frames, np.inf)
    best_level = np.zeros(frames, np.int32)
    held = np.zeros((frames + 1, levels + 1))
    for t in range(frames):
        for level in range(levels + 1):
            held[t + 1, level] = held[t, level] + _frame_cost(places[t], level, levels, costs)
    for t in range(frames):
        for level in range(levels + 1):
            size = least_rest if level == levels else least
            cost = held[t + 1, level] - held[t, level]
            value, start = np.inf, -1
            if t > 0 and began[t - 1, level] >= 0:
                value, start = score[t - 1, level] + cost, began[t - 1, level]
            begin = t - size + 1
            if begin >= 0 and (begin == 0 or best[begin - 1] < np.inf):
                fresh = held[t + 1, level] - held[begin, level]
                if begin > 0:
                    fresh += best[begin - 1]
                fresh += costs[1] if level == levels else costs[0] - dips[begin]
                if fresh < value:
                    value, start = fresh, begin
            score[t, level] = value
            began[t, level] = start
            if value < best[t]:
                best[t], best_level[t] = value, level
    line = np.full(frames, levels, np.int32)
    t = frames - 1
    if best[t] == np.inf:
        line[0] = -1 - levels
        return line
    while t >= 0:
        level = best_level[t]
        start = began[t, level]
        line[start : t + 1] = level
        line[start] = -1 - level
        t = start - 1
    return line
