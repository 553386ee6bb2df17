"""Tempo and beats for people who count them: several candidates, each followed and judged, none rounded.

The autocorrelation of the onset curve says which periods there may be; their halves, doubles, thirds and so
on are candidates as well, since a beat also repeats after two of them. Each candidate's beats are found by
the tracker of `render.audio.beats`, and it is judged by how well it repeats, after a bar too, how much of
what is struck lies on its beats and how little where beats are not divided, and by how usual the tempo is.
What repeats no better than chance has no tempo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.audio import beats
from render.audio.onsets import Onsets
from render.audio.spectrum import TICK_RATE_HZ

SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0
MAX_CANDIDATES = 5
_BPM_TICKS = 60.0 * TICK_RATE_HZ  # over a period in ticks: beats a minute
_USUAL_BPM = 120.0
_PIECE_SECONDS = 16.0
_RELATIVES = (1.0, 2.0, 0.5, 1.5, 2.0 / 3.0, 3.0, 1.0 / 3.0)
_FEWEST_BEATS = 4
_SHORTEST_TICKS = 2 * TICK_RATE_HZ
_JUDGED_TICKS = 60 * TICK_RATE_HZ
_PEAKS = 6
_LEAST_CLEAR = 0.1
_TIGHT = 400.0  # holds a path to its period
_CLEAR = 0.3  # an autocorrelation at the beat from which there is no doubt that there is one
_STEADY_SECONDS = 0.016  # beats this near to a regular grid (root mean square) are that grid

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rhythm:
    """`bpm` and the candidates' tempi in beats a minute, best first; `beats` in seconds, rising.

    `bpm` is None, and the lists are empty, where nothing repeats. `confidence` is 0..1.
    """

    bpm: float | None
    confidence: float
    candidates: tuple[float, ...]
    beats: Array


NONE = Rhythm(None, 0.0, (), np.zeros(0))


def rhythm(heard: Onsets, begins: int = 0) -> Rhythm:
    """The tempo and the beats of a track with these onsets, whose sound begins at that tick."""
    curve = heard.all
    repeats = autocorrelation(curve)
    periods = candidate_periods(repeats, len(curve))
    if not periods:
        return NONE
    scores = _scores(periods, heard, repeats)
    order = np.argsort(-scores)
    best = int(order[0])
    tight = beats.path(curve, periods[best], _TIGHT).astype(np.float64)
    timed = _steady(tight, curve, begins) or _loose(
        beats.path(curve, periods[best]).astype(np.float64), curve
    )
    if timed is None:
        return NONE
    clear = min(1.0, float(repeats[round(periods[best])]) / _CLEAR)
    share = float(1.0 / np.exp(scores - scores[best]).sum())
    others = [_BPM_TICKS / periods[k] for k in order[1:MAX_CANDIDATES]]
    return Rhythm(timed[0], share * clear, (timed[0], *others), timed[1])


def _middle(ticks: int) -> slice:
    """A minute of the track tells which candidate it is."""
    spare = max(0, ticks - _JUDGED_TICKS)
    return slice(spare // 2, spare // 2 + _JUDGED_TICKS)


def _scores(periods: list[float], heard: Onsets, repeats: Array) -> Array:
    judged = _middle(len(heard.all))
    curve, low = heard.all[judged], _nearby(heard.low[judged])
    scores = np.array([_usual(p, heard.softness) + _repetition(p, repeats) for p in periods])
    if curve.any():
        struck = _nearby(curve)
        paths = [beats.path(curve, period).astype(np.float64) for period in periods]
        scores += np.array([_fit(path, curve, struck, low) for path in paths])
    return scores


def autocorrelation(curve: Array) -> Array:
    """By lag in ticks, 1 at lag 0: the mean over pieces of 16 s that overlap by half, each unbiased."""
    longest = int(4.2 * _BPM_TICKS / SLOWEST_BPM)
    size = int(_PIECE_SECONDS * TICK_RATE_HZ)
    total = np.zeros(longest)
    for start in range(0, max(1, len(curve) - size // 2), size // 2):
        piece = curve[start : start + size]
        piece = piece - piece.mean()
        spectrum = np.fft.rfft(piece, 4 * size)
        row = np.fft.irfft(spectrum * np.conj(spectrum))[: min(longest, len(piece))]
        total[: len(row)] += row * len(piece) / np.maximum(len(piece) - np.arange(len(row)), len(piece) / 4)
    return total / total[0] if total[0] > 1e-9 else np.zeros(longest)


def candidate_periods(repeats: Array, ticks: int) -> list[float]:
    """Periods in ticks: of the clearest repetitions of a curve of so many ticks, and of their relatives."""
    shortest, longest = _BPM_TICKS / FASTEST_BPM, _BPM_TICKS / SLOWEST_BPM
    lags = np.arange(int(shortest) - 1, int(longest) + 2)
    here = repeats[lags]
    is_peak = (here > repeats[lags - 1]) & (here >= repeats[lags + 1])
    if ticks < _SHORTEST_TICKS or not is_peak.any() or here[is_peak].max() < _by_chance(ticks):
        return []
    peaks = lags[is_peak][np.argsort(-here[is_peak])]
    found: list[float] = []
    for lag in peaks[:_PEAKS]:
        for relative in _RELATIVES:
            period = refined(repeats, lag / relative)
            if shortest <= period <= longest and all(abs(period / other - 1.0) > 0.02 for other in found):
                found.append(period)
    return found


def _by_chance(ticks: int) -> float:
    """What the autocorrelation of a curve without a beat hardly ever exceeds: noise that keeps four ticks."""
    return max(_LEAST_CLEAR, 5.0 / float(np.sqrt(ticks / 4.0)))


def refined(repeats: Array, lag: float) -> float:
    """The period whose first four multiples repeat best, near `lag`."""
    tried = lag * np.linspace(0.97, 1.03, 61)
    return float(tried[comb(repeats, tried).argmax()])


def comb(repeats: Array, periods: Array) -> Array:
    """The mean autocorrelation at one to four periods, between lags by interpolation."""
    lags = np.arange(len(repeats))
    return np.asarray(np.mean([np.interp(k * periods, lags, repeats) for k in range(1, 5)], axis=0))


def _nearby(curve: Array) -> Array:
    """The highest within two ticks to both sides."""
    padded = np.pad(curve, 2)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 5).max(axis=1))


# The weights of these three were fitted, as a choice among candidates, on rendered drum patterns, clicks, and
# one half of the scores of `bench.score_pieces`, each piece left out in turn, and rounded.


def _usual(period: float, softness: float) -> float:
    """How usual the tempo is: round 120 with drums, round 92, and less widely, where all is soft."""
    octaves = float(np.log2(_BPM_TICKS / period / _USUAL_BPM))
    return -(3.4 + 1.8 * softness) * octaves**2 - 4.0 * softness * octaves


def _repetition(period: float, repeats: Array) -> float:
    """How well a period repeats: after a half, one, three and four of it."""
    lags = np.array([0.5, 1.0, 3.0, 4.0]) * period
    found = np.interp(lags, np.arange(len(repeats)), repeats)
    return float(found @ np.array([1.4, 6.0, 3.7, 4.4]))


def _fit(path: Array, curve: Array, struck: Array, low: Array) -> float:
    """How much of what is struck lies on the path, and how little where a beat is rarely divided."""
    if len(path) < _FEWEST_BEATS:
        return -np.inf
    ticks = np.arange(len(curve))
    gaps = np.diff(path)

    def between(values: Array, *parts: float) -> float:
        return float(np.mean([np.interp(path[:-1] + part * gaps, ticks, values) for part in parts]))

    return (
        2.7 * _covered(path, curve)
        - 1.6 * between(struck, 1.0 / 3.0, 2.0 / 3.0)
        - 3.1 * between(struck, 0.25, 0.75)
        - 2.1 * between(low, 0.5)
    )


def _covered(path: Array, curve: Array) -> float:
    """The share of all that is struck which lies within 33 ms of a beat, above what chance would give."""
    is_near = np.zeros(len(curve), bool)
    for step in range(-4, 5):
        is_near[np.clip(path.astype(np.int64) + step, 0, len(curve) - 1)] = True
    return float(curve[is_near].sum() / curve.sum() - is_near.mean())


def _heard(path: Array, curve: Array) -> Array:
    """Its beats in seconds, from the first onset to the last."""
    heard = np.flatnonzero(curve > 0.1)
    path = path[(path >= heard[0] - 6) & (path <= heard[-1] + 6)]
    return _centres(curve, path.astype(np.int64)) / TICK_RATE_HZ


def _steady(path: Array, curve: Array, begins: int) -> tuple[float, Array] | None:
    """(beats a minute, beats in seconds) of a path that lies on a regular grid, None for others.

    The grid is truer than ticks are, and reaches back to where the sound begins: what is too soft to be
    struck has its beats too.
    """
    times = _heard(path, curve)
    if len(times) < _FEWEST_BEATS:
        return None
    number = np.round((times - times[0]) / np.median(np.diff(times)))
    for _ in range(3):
        period, start = _line(number, times)
        number = np.round((times - start) / period)
    rest = times - (start + period * number)
    if np.sqrt(np.mean(np.square(rest))) >= _STEADY_SECONDS:
        return None
    near = np.abs(rest) < 2.0 * _STEADY_SECONDS
    period, start = _line(number[near], times[near])
    first = np.ceil((begins / TICK_RATE_HZ - 2.0 * _STEADY_SECONDS - start) / period)
    grid = start + period * np.arange(min(first, number[0]), number[-1] + 1)
    return 60.0 / period, np.maximum(grid[grid > -2.0 * _STEADY_SECONDS], 0.0)


def _loose(path: Array, curve: Array) -> tuple[float, Array] | None:
    """(beats a minute, as the median over sixteen beats, and the beats themselves); None for too few."""
    times = _heard(path, curve)
    if len(times) < _FEWEST_BEATS:
        return None
    wide = min(16, len(times) - 1)
    return float(60.0 * wide / np.median(times[wide:] - times[:-wide])), times


def _line(number: Array, times: Array) -> tuple[float, float]:
    """(slope, start) of the straight line through the beats, by least squares."""
    slope, start = np.polyfit(number, times, 1)
    return float(slope), float(start)


def _centres(curve: Array, ticks: NDArray[np.int64]) -> Array:
    """Where the onsets around ticks are, between ticks: their centres of gravity."""
    around = ticks[:, None] + np.arange(-3, 4)
    pieces = np.where((around >= 0) & (around < len(curve)), curve[np.clip(around, 0, len(curve) - 1)], 0.0)
    total = pieces.sum(axis=1)
    centre = np.sum(pieces * around, axis=1) / np.maximum(total, 1e-12)
    return np.where(total > 0.05, centre, ticks)
