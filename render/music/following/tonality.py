"""The key of a hummed tune, and the tune in it.

The key is the one of 24 whose profile the notes fit best by how long they sound (`render.audio.key`,
Krumhansl's way), the last note and the lowest cost of notes outside the scale considered. A tune for
another key than its own is moved by so many semitones that it fits; what is left outside the scale goes to
the nearest tone of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from render.audio.humming.facts import HummedNote
from render.audio.key import correlations
from render.music import keys
from render.music.keys import Key

Array = NDArray[np.float64]

_LAST, _FIRST, _OUTSIDE = 0.3, 0.2, 1.2
_LONG_LAST = 1.5  # the last note counts for more if it is longer than the usual one by so much
_MEANT_CENTS = 25.0
_PASSING_SECONDS = 0.3
_HARMONIC = {True: (9, 11), False: ()}  # raised sixth and seventh, which minor keys use


def key_of(notes: Sequence[HummedNote], mode: str | None = None) -> Key:
    """The key that the notes are in; of one mode alone ("major", "minor") where that is asked for."""
    best = max(
        (
            keys.spelled(tonic, one)
            for one in ("major", "minor")
            if mode in (None, one)
            for tonic in range(12)
        ),
        key=lambda key: _fit(notes, key, 0),
    )
    return best


def moved(notes: Sequence[HummedNote], key: Key) -> int:
    """By how many semitones (-5..6) the notes fit a key best; the fewest where more fit alike."""
    fits = {shift: _fit(notes, key, shift) for shift in range(-5, 7)}
    highest = max(fits.values())
    return min(
        (shift for shift, fit in fits.items() if fit > highest - 0.02), key=lambda shift: (abs(shift), shift)
    )


def _fit(notes: Sequence[HummedNote], key: Key, shift: int) -> float:
    chroma = np.zeros(12)
    for note in notes:
        chroma[(note.pitch + shift) % 12] += min(note.duration, 1.5) * (0.5 + 0.5 * note.confidence)
    whole = chroma.sum()
    fit = float(_correlations(tuple(np.round(chroma, 6)))[key.tonic + (12 if key.is_minor else 0)])
    scale = {(key.tonic + step) % 12 for step in key.scale}
    soft = {(key.tonic + step) % 12 for step in _HARMONIC[key.is_minor]}
    outside = (
        sum(chroma[one] * (0.5 if one in soft else 1.0) for one in range(12) if one not in scale) / whole
    )
    usual = float(np.median([note.duration for note in notes]))
    last, first = notes[-1], notes[0]
    ends = 1.0 if last.duration > _LONG_LAST * usual else 0.7
    ending = {0: 1.0, 7: 0.3, 4 if not key.is_minor else 3: 0.4}.get(
        (last.pitch + shift - key.tonic) % 12, 0.0
    )
    opening = {0: 1.0, 7: 0.8, 4 if not key.is_minor else 3: 0.6}.get(
        (first.pitch + shift - key.tonic) % 12, 0.0
    )
    return fit + _LAST * ends * ending + _FIRST * opening - _OUTSIDE * float(outside)


def _correlations(chroma: tuple[float, ...]) -> Array:
    values = np.array(chroma)
    if np.ptp(values) < 1e-9:
        return np.zeros(24)
    return correlations(values)


def in_key(notes: Sequence[HummedNote], key: Key, shift: int) -> list[int]:
    """The pitch of each note, moved and brought into the scale; the direction of each step is kept where
    it can be.

    Stays outside: the raised sixth and seventh of minor, and a short note sung in tune that passes by
    semitones.
    """
    scale = {(key.tonic + step) % 12 for step in key.scale}
    soft = {(key.tonic + step) % 12 for step in _HARMONIC[key.is_minor]}
    wanted = [note.pitch + shift for note in notes]
    passing = [False, *(_passes(one, two, three) for one, two, three in _triples(wanted)), False]
    made: list[int] = []
    for number, note in enumerate(notes):
        pitch = wanted[number]
        is_meant = abs(note.cents) <= _MEANT_CENTS and note.duration <= _PASSING_SECONDS and passing[number]
        if pitch % 12 in scale or (pitch % 12 in soft and abs(note.cents) <= _MEANT_CENTS) or is_meant:
            made.append(pitch)
        else:
            made.append(_nearest(pitch, note.cents, scale, made[-1] if made else None, wanted[number - 1]))
    return made


def _triples(pitches: list[int]) -> list[tuple[int, int, int]]:
    return [(one, two, three) for (one, two), (_, three) in pairwise(pairwise(pitches))]


def _passes(before: int, here: int, after: int) -> bool:
    return abs(here - before) == 1 and abs(after - here) == 1


def _nearest(pitch: int, cents: float, scale: set[int], before: int | None, was: int) -> int:
    """The tone of the scale nearest to what was sung; of two alike the one that goes where the tune went."""
    near = [one for one in range(pitch - 2, pitch + 3) if one % 12 in scale]

    def cost(one: int) -> tuple[float, int]:
        off = abs(one - pitch - cents / 100.0)
        turned = before is not None and (one - before) * (pitch - was) < 0
        lost = before is not None and one == before and pitch != was
        return off + 0.6 * turned + 0.3 * lost, one

    return min(near, key=cost)
