"""Chords: progressions of the genre in the key, and voicings that move as little as they can."""

from __future__ import annotations

from itertools import pairwise

from render.music.chance import Chance
from render.music.composing.score import Chord, Section
from render.music.genres import Genre
from render.music.keys import Key

Voicing = tuple[int, ...]
_LOW, _HIGH = 50, 79
_WEIGHTS = (1.0, 0.92, 0.95, 0.68, 0.6)  # of root, third, fifth, seventh, ninth


def progression(
    sections: tuple[Section, ...], genre: Genre, key: Key, chance: Chance, depth: int
) -> tuple[Chord, ...]:
    """The chords of the whole piece, the last one the tonic. Builds and drops share their way, a break has
    its own.
    """
    ways = genre.minor_ways if key.is_minor else genre.major_ways
    first = chance.bits("way") % len(ways)
    other = (first + 1 + chance.bits("other way") % max(1, len(ways) - 1)) % len(ways)
    chords: list[Chord] = []
    for run in _runs(sections):
        way = ways[other if run[0].kind == "break" else first].split()
        first_bar, end_bar = float(run[0].first_bar), float(run[-1].end_bar)
        spread = genre.bars_per_chord if end_bar - first_bar >= len(way) * genre.bars_per_chord else 1.0
        bar, place = first_bar, 0
        while bar < end_bar - 1e-9:
            end = min(bar + spread, end_bar)
            turns = (
                end >= end_bar and place > 0
            )  # a run that is cut short still ends with the way's last chord
            chords.append(chord_of(way[-1 if turns else place % len(way)], bar, end, key, depth))
            bar, place = end, place + 1
    end_bar = float(sections[-1].end_bar)
    return (*chords, chord_of("1", end_bar, end_bar + 64.0, key, min(depth, 4)))


def _runs(sections: tuple[Section, ...]) -> list[list[Section]]:
    """Sections by the progressions they share: a build goes on where the intro is, all others begin anew."""
    runs: list[list[Section]] = []
    for section in sections:
        if runs and section.kind == "build" and runs[-1][-1].kind == "intro":
            runs[-1].append(section)
        else:
            runs.append([section])
    return runs


def chord_of(token: str, first_bar: float, end_bar: float, key: Key, depth: int) -> Chord:
    """Thirds of the scale on a degree. A ninth a semitone above the root is left out, and so is a seventh
    of the end.
    """
    degree = int(token[0]) - 1
    tones = [key.pitch(degree + 2 * place) for place in range(depth)]
    raised: tuple[int, ...] = ()
    if "M" in token and tones[1] != tones[0] + 4:
        tones[1] = tones[0] + 4
        raised = (tones[1] % 12,)
    if depth >= 5 and (tones[4] - tones[0]) % 12 == 1:
        tones.pop()
    return Chord(first_bar, end_bar, degree, tuple(tone % 12 for tone in tones), raised)


def voiced(chords: tuple[Chord, ...], style: str) -> list[Voicing]:
    """A voicing for each chord: of all inversions in the middle of the keyboard the one nearest to the
    last.
    """
    voicings: list[Voicing] = []
    for chord in chords:
        if style == "power":
            low = 40 + (chord.root - 4) % 12
            voicings.append((low, low + 7, low + 12))
            continue
        choices = _choices(chord, style)
        before = voicings[-1] if voicings else None
        voicings.append(min(choices, key=lambda choice: (_motion(before, choice, style), choice)))
    return voicings


def _choices(chord: Chord, style: str) -> list[Voicing]:
    """Each inversion in each octave; wide ones lower the second tone from the top by an octave."""
    tones = chord.tones
    if len(tones) == 5:
        tones = (*tones[:2], *tones[3:])  # the fifth says least
    if style == "top":
        tones = tones[:3]
    made = []
    for turn in range(len(tones)):
        turned = tones[turn:] + tones[:turn]
        for octave in (48, 60):
            pitches = [octave + turned[0]]
            for tone in turned[1:]:
                pitches.append(pitches[-1] + ((tone - pitches[-1]) % 12 or 12))
            if style == "wide":
                pitches[-2] -= 12
            made.append(tuple(sorted(pitches)))
    fitting = [one for one in made if one[0] >= _LOW - (2 if style == "wide" else 0) and one[-1] <= _HIGH]
    return fitting or made


def _motion(before: Voicing | None, choice: Voicing, style: str) -> float:
    """How far the voices move, and a little for being far from the middle."""
    middle = 67.0 if style == "top" else 62.0
    off = abs(sum(choice) / len(choice) - middle)
    if before is None:
        return off
    size = min(len(before), len(choice))
    steps = sum(abs(a - b) for a, b in zip(before[-size:], choice[-size:], strict=True))
    common = sum(a == b for a, b in zip(before[-size:], choice[-size:], strict=True))
    return steps - 0.5 * common + 0.4 * off


def weights(chord: Chord, voicing: Voicing) -> list[float]:
    """How loud each tone of a voicing is: root and fifth carry the chord, what is stacked above the triad
    colours it.
    """
    return [
        _WEIGHTS[min(chord.tones.index(pitch % 12), 4)] if pitch % 12 in chord.tones else 1.0
        for pitch in voicing
    ]


def total_motion(voicings: list[Voicing]) -> float:
    """Semitones that a voice moves at a change, on average."""
    moves = [
        sum(abs(a - b) for a, b in zip(one, two, strict=True)) / len(one)
        for one, two in pairwise(voicings)
        if len(one) == len(two)
    ]
    return sum(moves) / max(1, len(moves))
