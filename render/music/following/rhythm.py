"""When the notes of a hum are meant: onsets placed on sixteenths of a tempo that may sway.

A hidden Markov model over the place in the bar and the tempo (as Cemgil and Kappen, 2003, and Raphael, 2002):
from note to note the tempo moves by a little, a note comes near to where its sixteenth is, on beats rather
than between them, long notes above all. The best path says both where each note is meant and how fast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]

SLOWEST_BPM, FASTEST_BPM = 45.0, 215.0
_RATIO = 1.02  # from tempo to tempo
_LATE_SECONDS, _LATE_SHARE = 0.028, 0.035  # the usual error of an onset, and of a pause by its length
_SWAY = 0.6  # what a step of tempo costs
_FAR_TEMPO = 0.24  # a note costs so much half an octave away from the tempo that is expected
_PLACES = {  # what a place of the bar costs
    16: (0.0, 1.6, 0.5, 1.6, 0.3, 1.6, 0.5, 1.6, 0.15, 1.6, 0.5, 1.6, 0.3, 1.6, 0.5, 1.6),
    12: (0.0, 1.6, 0.5, 1.6, 0.3, 1.6, 0.5, 1.6, 0.3, 1.6, 0.5, 1.6),
}
_COMPOUND = (0.0, 1.6, 0.5, 1.6, 0.5, 1.6, 0.2, 1.6, 0.5, 1.6, 0.5, 1.6)  # 6/8
_STARTS = {
    16: {0: 0.0, 8: 0.9, 4: 1.3, 12: 1.1, 14: 2.0, 6: 2.4, 2: 2.8, 10: 2.4},
    12: {0: 0.0, 8: 1.0, 4: 1.3, 6: 1.2, 10: 1.6, 2: 2.6},
}
_LATE_START = 5.0
_ODD_SPANS = {1: 0.3, 2: 0.05, 3: 0.6, 4: 0.0, 6: 0.45, 8: 0.12, 12: 0.4, 16: 0.25}
_ODD_SPAN = 0.75
_LONGEST_SPAN = 256
_CHANCE = 0.2887  # the root mean square of a place picked at random, in steps
_NEARLY_ALL = 0.9
_AROUND = 8  # onsets on either side that say how fast it is there
_FEWEST_ONSETS = 4


@dataclass(frozen=True)
class Placed:
    """`steps` of each onset, sixteenths from the first bar line; `bpm` as it was hummed; `clarity` 0..1: 0
    where the onsets are no nearer to the grid than chance has them."""

    steps: NDArray[np.int64]
    bpm: float
    clarity: float


def placed(onsets: Array, durations: Array, expected_bpm: float, meter: str) -> Placed:
    """Where the onsets (seconds, rising) are meant; the tempo is the hum's own, of those that differ by an
    octave the one nearest to what is expected. `bpm` counts quarters, in 6/8 dotted ones.

    A very long note says nothing of the grid: it is heard as one of `_LONGEST_SPAN` steps of the
    fastest tempo, and what it lasts beyond is given back in whole bars.
    """
    beat_steps = 6 if meter == "6/8" else 4
    expected = 60.0 / (expected_bpm * beat_steps)
    tempi = _tempi(beat_steps)
    bar = 16 if meter == "4/4" else 12
    places = np.array(_COMPOUND if meter == "6/8" else _PLACES[bar])
    starts = np.array([_STARTS[bar].get(place, _LATE_START) for place in range(bar)])
    weight = np.clip(durations / max(1e-3, float(np.median(durations))), 0.6, 2.0)
    far = _FAR_TEMPO * (np.log2(tempi / expected) / 0.5) ** 2
    spans = np.array([_ODD_SPANS.get(span, _ODD_SPAN) for span in range(_LONGEST_SPAN + 1)])
    heard = _without_drones(onsets, float(tempi[-1]) * (_LONGEST_SPAN - 1))
    places_found = _best_places(
        heard, weight, tempi, far, places, starts, spans, np.array([_LATE_SECONDS, _LATE_SHARE, _SWAY])
    )
    steps = np.cumsum(places_found)
    step_seconds = _step_seconds(heard, steps)
    bars = np.round(((onsets - onsets[0]) - (heard - heard[0])) / (step_seconds * bar)).astype(np.int64)
    return Placed(steps + bars * bar, 60.0 / (step_seconds * beat_steps), _clarity(heard, steps))


def rigid(onsets: Array, bpm: float, meter: str) -> Placed:
    """Each onset on the nearest sixteenth of that tempo, counted from the first: a hum without a pulse."""
    step_seconds = 60.0 / (bpm * (6 if meter == "6/8" else 4))
    steps = np.round((onsets - onsets[0]) / step_seconds).astype(np.int64)
    rising = np.arange(len(steps))
    return Placed(np.maximum.accumulate(steps - rising) + rising, bpm, 0.0)


def _without_drones(onsets: Array, longest: float) -> Array:
    """The onsets with no interval above so many seconds: every tempo has a span for each."""
    lengths = np.diff(onsets)
    if not np.any(lengths > longest):
        return onsets
    return np.concatenate((onsets[:1], onsets[0] + np.cumsum(np.minimum(lengths, longest))))


def _tempi(beat_steps: int) -> Array:
    """Seconds of a step, slowest first."""
    count = int(math.log(FASTEST_BPM / SLOWEST_BPM) / math.log(_RATIO)) + 1
    return np.asarray(60.0 / (SLOWEST_BPM * _RATIO ** np.arange(count) * beat_steps), np.float64)


def _step_seconds(onsets: Array, steps: NDArray[np.int64]) -> float:
    """Least squares over all onsets."""
    if steps[-1] == steps[0]:
        return max(1e-3, float(onsets[-1] - onsets[0]))
    return float(np.polyfit(steps.astype(np.float64), onsets, 1)[0])


def _clarity(onsets: Array, steps: NDArray[np.int64]) -> float:
    """How much nearer than chance the intervals are to whole steps of the tempo around them."""
    if len(onsets) < _FEWEST_ONSETS:
        return 0.0
    errors = []
    for number in range(1, len(onsets)):
        first, last = max(0, number - _AROUND), min(len(onsets) - 1, number + _AROUND)
        around = _step_seconds(onsets[first : last + 1], steps[first : last + 1])
        length = onsets[number] - onsets[number - 1]
        errors.append((length - around * (steps[number] - steps[number - 1])) / (around * math.sqrt(2.0)))
    return max(0.0, 1.0 - math.sqrt(float(np.mean(np.square(errors)))) / (_CHANCE * _grain(steps)))


def _grain(steps: NDArray[np.int64]) -> int:
    """Of sixteenths, eighths and quarters the coarsest that nearly all onsets are on."""
    return next(
        size for size in (4, 2, 1) if np.bincount((steps - steps[0]) % size).max() >= _NEARLY_ALL * len(steps)
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _best_places(
    onsets: Any, weight: Any, tempi: Any, far: Any, places: Any, starts: Any, spans: Any, errors: Any
) -> Any:
    """The place in the bar of the first onset, then the steps from each onset to the next."""
    notes, count, bar = onsets.shape[0], tempi.shape[0], places.shape[0]
    score = np.zeros((count, bar))
    for k in range(count):
        for place in range(bar):
            score[k, place] = starts[place] + weight[0] * places[place] + far[k]
    origin_tempo = np.zeros((notes, count, bar), np.int32)
    origin_span = np.zeros((notes, count, bar), np.int32)
    longest = spans.shape[0] - 1
    for n in range(1, notes):
        fresh = np.full((count, bar), np.inf)
        length = onsets[n] - onsets[n - 1]
        usual = errors[0] + errors[1] * length
        for k in range(count):
            middle = int(np.round(length / tempi[k]))
            for span in range(max(1, middle - 1), min(longest, max(1, middle + 1)) + 1):
                cost = far[k] + spans[span] + 0.5 * ((length - span * tempi[k]) / usual) ** 2
                for before in range(max(0, k - 2), min(count, k + 3)):
                    swayed = cost + errors[2] * (k - before) ** 2
                    for place in range(bar):
                        now = (place + span) % bar
                        value = score[before, place] + swayed + weight[n] * places[now]
                        if value < fresh[k, now]:
                            fresh[k, now] = value
                            origin_tempo[n, k, now], origin_span[n, k, now] = before, span
        score = fresh
    best, k, place = np.inf, 0, 0
    for i in range(count):
        for j in range(bar):
            if score[i, j] < best:
                best, k, place = score[i, j], i, j
    out = np.zeros(notes, np.int64)
    for n in range(notes - 1, 0, -1):
        out[n] = origin_span[n, k, place]
        before = origin_tempo[n, k, place]
        place = (place - out[n]) % bar
        k = before
    out[0] = place
    return out
