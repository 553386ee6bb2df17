"""Chords for a melody that is given: the way through the key's chords that fits it best.

Each half bar, or bar, has one chord. A chord gains by the melody's tones that it holds, by how long and how
strong they are, and loses by those that it does not; a step from chord to chord gains if it is a usual
one, above all one of the genre's. The best way is Viterbi's; the seed decides between ways that are alike.
"""

from __future__ import annotations

from itertools import pairwise

from render.music.chance import Chance
from render.music.composing.harmony import chord_of
from render.music.composing.score import Chord, Clock
from render.music.genres import Genre
from render.music.keys import Key
from render.music.tune import Tune

_DEGREES = {False: ("1", "2", "3", "4", "5", "6"), True: ("1", "3", "4", "5", "5M", "6", "7")}
_STEPS = {
    False: {
        "1": {"4": 0.35, "5": 0.3, "6": 0.3, "2": 0.1},
        "2": {"5": 0.5, "4": 0.1, "1": 0.1},
        "3": {"6": 0.3, "4": 0.3},
        "4": {"5": 0.4, "1": 0.3, "2": 0.1},
        "5": {"1": 0.5, "6": 0.3, "4": -0.1, "2": -0.3},
        "6": {"4": 0.4, "2": 0.3, "5": 0.25, "3": 0.1},
    },
    True: {
        "1": {"4": 0.35, "6": 0.35, "7": 0.3, "5M": 0.2, "3": 0.1},
        "3": {"7": 0.25, "6": 0.3, "4": 0.2},
        "4": {"5M": 0.4, "1": 0.3, "7": 0.3, "5": 0.2},
        "5": {"1": 0.3, "6": 0.3},
        "5M": {"1": 0.6, "6": 0.3, "4": -0.3, "7": -0.3},
        "6": {"7": 0.4, "3": 0.35, "4": 0.3, "5M": 0.3},
        "7": {"1": 0.4, "3": 0.4, "6": 0.3},
    },
}
_TONES = (1.0, 0.95, 0.8)  # what a beat on root, third and fifth is worth
_SEVENTH, _FOREIGN = 0.1, -0.8
_FIRST_OF_ALL, _ON_THE_BEAT, _BETWEEN = 1.5, 0.9, 0.6  # how much a note says, by where it begins
_LIKED = {
    False: {"1": 0.3, "2": -0.1, "3": -0.5, "4": 0.1, "5": 0.2, "6": 0.0},
    True: {"1": 0.3, "3": 0.0, "4": 0.1, "5": -0.1, "5M": 0.15, "6": 0.1, "7": 0.05},
}
_WAY = 0.15
_USUAL = 1.5  # times _STEPS
_SAME, _SAME_BAR, _MID_BAR = 0.0, 0.35, -0.7
_OPENING, _CLOSING = {"1": 1.5}, {"1": 0.7, "5": 0.2, "5M": 0.25}
_TASTE = 0.25  # how much the seed may say
_WHOLE_BARS = frozenset({"hold", "walking", "funk"})  # basses that know one chord a bar

Way = list[str]


def fitted(tune: Tune, clock: Clock, bars: int, genre: Genre, key: Key, chance: Chance) -> tuple[Chord, ...]:
    """Chords of so many bars from the tune's first bar line on, as few as say it."""
    is_split = clock.meter == "4/4" and genre.bass_pattern not in _WHOLE_BARS and genre.bars_per_chord <= 1.0
    units = 2 if is_split else 1
    way = _best_way(_gains(tune, clock, bars * units, units, key), units, genre, key, chance)
    chords: list[Chord] = []
    for place, token in enumerate(way):
        if chords and way[place - 1] == token:
            before = chords.pop()
            chords.append(chord_of(token, before.first_bar, (place + 1) / units, key, genre.depth))
        else:
            chords.append(chord_of(token, place / units, (place + 1) / units, key, genre.depth))
    return tuple(chords)


def _gains(tune: Tune, clock: Clock, count: int, units: int, key: Key) -> list[dict[str, float]]:
    """What the melody says for each chord in each half bar or bar, in beats."""
    size = clock.steps_a_bar // units
    tones = {token: chord_of(token, 0.0, 1.0, key, 4).tones for token in _DEGREES[key.is_minor]}
    gains = [dict(_LIKED[key.is_minor]) for _ in range(count)]
    for note in tune:
        for unit in range(note.step // size, min(count, (note.step + note.steps - 1) // size + 1)):
            held = min(note.step + note.steps, (unit + 1) * size) - max(note.step, unit * size)
            weight = min(held, 2 * clock.steps_a_beat) / clock.steps_a_beat
            if note.step >= unit * size:
                weight *= _said(note.step, size, clock.steps_a_beat)
            for token, classes in tones.items():
                gains[unit][token] += weight * _worth(note.pitch % 12, classes)
    return gains


def _said(step: int, size: int, steps_a_beat: int) -> float:
    return _FIRST_OF_ALL if step % size == 0 else _BETWEEN if step % steps_a_beat else _ON_THE_BEAT


def _worth(pitch_class: int, tones: tuple[int, ...]) -> float:
    if pitch_class in tones[:3]:
        return _TONES[tones.index(pitch_class)]
    return _SEVENTH if pitch_class in tones[3:] else _FOREIGN


def _best_way(gains: list[dict[str, float]], units: int, genre: Genre, key: Key, chance: Chance) -> Way:
    tokens = _DEGREES[key.is_minor]
    usual = _usual(genre, key)
    score = {token: gains[0][token] + _OPENING.get(token, 0.0) for token in tokens}
    origins: list[dict[str, str]] = []
    for place in range(1, len(gains)):
        fresh, origin = {}, {}
        for token in tokens:
            come = {
                before: score[before] + _step(before, token, place, units, genre, usual, key)
                for before in tokens
            }
            best = max(come, key=lambda before: come[before])
            taste = _TASTE * chance.unit("fit", place // units, token) / units
            fresh[token], origin[token] = come[best] + gains[place][token] + taste, best
        score = fresh
        origins.append(origin)
    way = [max(tokens, key=lambda token: score[token] + _CLOSING.get(token, 0.0))]
    for origin in reversed(origins):
        way.append(origin[way[-1]])
    return way[::-1]


def _step(
    before: str, after: str, place: int, units: int, genre: Genre, usual: set[tuple[str, str]], key: Key
) -> float:
    in_the_bar = place % units != 0
    if before == after:
        return _SAME_BAR if in_the_bar or genre.bars_per_chord > 1.0 else _SAME
    gain = _USUAL * _STEPS[key.is_minor][before].get(after, 0.0) + (_WAY if (before, after) in usual else 0.0)
    return gain + (_MID_BAR if in_the_bar else 0.0)


def _usual(genre: Genre, key: Key) -> set[tuple[str, str]]:
    """The steps that the genre's own progressions take."""
    ways = genre.minor_ways if key.is_minor else genre.major_ways
    return {step for way in ways for step in pairwise([*way.split(), way.split()[0]])}
