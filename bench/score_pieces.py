"""Public-domain music as notes, beats and keys, read from the corpus that comes with music21.

The composers died more than a century ago (Liliuokalani as the last, in 1917), the tunes are from Ryan's
Mammoth Collection (Boston, 1883). What a piece's beats and key are is read from the score by rule, not by
ear: beats are those of its time signature; the key is the one its title says, or else the major or minor one
of its signature whose tonic the lowest last note is. A piece ends where its metre or the length of its bars
changes.

music21 is no dependency of the product: `pip install -r bench/requirements-scores.txt`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bench.labelled import KEYS

_FEWEST_BARS = 8


@dataclass(frozen=True)
class Score:
    """A `name` of the corpus, the General MIDI `programs` of its parts, beats a minute between which people
    play it, and its `key` where the title says it."""

    name: str
    programs: tuple[int, ...]
    slowest: float
    fastest: float
    key: str | None = None


_CHORALES = ("432", "347", "394", "36.8-2", "19.7", "245.5", "360", "430", "227.3", "79.6", "125.6", "13.6",
             "366", "174.5", "258", "48.7", "250", "137.5")  # fmt: skip
_CHOIR, _ORGAN, _STRINGS, _PIANO, _BRASS, _WINDS = (
    (52,),
    (19,),
    (48,),
    (0,),
    (56, 60, 57, 58),
    (73, 68, 71, 70),
)
_QUARTET, _FIDDLE, _FLUTE, _HARPSICHORD, _GUITAR = (40, 40, 41, 42), (40,), (73,), (6,), (24,)
_BODIES = (_CHOIR, _ORGAN, _STRINGS, _PIANO, _BRASS, _WINDS)
_JIGS = ("CloseToTheFloorJig", "LarkInTheMorningJig", "HighwayToDublinJig", "PaddyCareysFortuneJig",
         "OffToDonnybrookJig", "LanigansBallJig")  # fmt: skip
_HORNPIPES = ("MassasoitHornpipe", "AlbemarleHornpipe", "ColumbiaHornpipe", "NationalLancersHornpipe",
              "PortsmouthHornpipe")  # fmt: skip

SCORES: dict[str, tuple[Score, ...]] = {
    "chorales": tuple(
        Score(f"bach/bwv{number}", _BODIES[place // 2 % len(_BODIES)], 60.0, 96.0)
        for place, number in enumerate(_CHORALES)
    ),
    "chamber music": (
        Score("cpebach/h186", _HARPSICHORD, 80.0, 110.0),
        Score("corelli/opus3no1/1grave", (40, 40, 19), 54.0, 66.0),
        Score("haydn/opus1no1/movement1", _QUARTET, 100.0, 124.0, "Bb major"),
        Score("haydn/opus1no1/movement2", _QUARTET, 110.0, 132.0, "Bb major"),
        Score("mozart/k155/movement1", _QUARTET, 116.0, 138.0, "D major"),
        Score("mozart/k155/movement2", _QUARTET, 72.0, 92.0, "A major"),
        Score("mozart/k155/movement3", _QUARTET, 104.0, 126.0, "D major"),
        Score("mozart/k80/movement1", _QUARTET, 60.0, 76.0, "G major"),
        Score("mozart/k80/movement2", _QUARTET, 116.0, 138.0, "G major"),
        Score("mozart/k458/movement2", _QUARTET, 108.0, 126.0, "Bb major"),
        Score("haydn/opus1no1/movement4", _QUARTET, 110.0, 132.0, "Bb major"),
        Score("schumann_robert/opus41no1/movement2", _QUARTET, 92.0, 108.0, "A minor"),
    ),
    "piano and songs": (
        Score("joplin/maple_leaf_rag", _PIANO, 76.0, 100.0, "Ab major"),
        Score("chopin/mazurka06-2", _PIANO, 120.0, 144.0, "C# minor"),
        Score("schumann_clara/polonaise_op1n1", _PIANO, 84.0, 104.0, "Eb major"),
        Score("schumann_clara/polonaise_op1n2", _PIANO, 84.0, 104.0, "C major"),
        Score("schumann_clara/polonaise_op1n3", _PIANO, 84.0, 104.0, "D major"),
        Score("mozart/k545/movement1_exposition", _PIANO, 116.0, 138.0, "C major"),
        Score("schubert/Lindenbaum", (52, 0, 0), 60.0, 80.0, "E major"),
        Score("liliuokalani/aloha_oe", (52, 52, 52, 52, 24, 24, 24), 76.0, 104.0),
        Score("leadSheet/fosterBrownHair", _GUITAR, 80.0, 100.0, "F major"),
    ),
    "dances": (
        *(Score(f"ryansMammoth/{name}", (_FIDDLE, _FLUTE)[place // 2 % 2], 100.0, 120.0)
          for place, name in enumerate(_JIGS)),
        *(Score(f"ryansMammoth/{name}", (_FIDDLE, _FLUTE)[place // 2 % 2], 92.0, 116.0)
          for place, name in enumerate(_HORNPIPES)),
    ),
}  # fmt: skip
"""Of each group every other piece is unseen: nothing was fitted on it."""


@dataclass(frozen=True)
class Note:
    """`start` and `length` in quarters, `pitch` a MIDI number, `part` counts from the highest."""

    start: float
    length: float
    pitch: int
    part: int


@dataclass(frozen=True)
class Piece:
    """`beat` is the quarters of one beat, `bar` the beats of a bar, `downbeat` where a bar begins."""

    notes: tuple[Note, ...]
    parts: int
    beat: float
    bar: int
    downbeat: float
    key: str


class Unfit(Exception):
    """Why a score says too little of its beats or its key."""


def read(name: str, key: str | None = None) -> Piece:
    """A piece of music21's corpus, such as "bach/bwv66.6", as far as it has one metre and whole bars; `key`
    where its title says it. Raises Unfit."""
    from music21 import corpus  # an extra of the bench

    score = corpus.parse(name)
    beat, bar, signed = _metre(score)
    starts = [float(measure.offset) for measure in score.parts[0].getElementsByClass("Measure")]
    downbeat, end = _bars(starts, beat * bar, signed)
    every = tuple(_notes(score))
    notes = tuple(note for note in every if note.start < end)
    if len(starts) < _FEWEST_BARS or not notes:
        raise Unfit("too short")
    return Piece(notes, len(score.parts), beat, bar, downbeat, key or _key(score, every))


def _notes(score: Any) -> Iterator[Note]:
    for number, part in enumerate(score.parts):
        for element in part.stripTies().flatten().notes:
            if element.quarterLength and "ChordSymbol" not in element.classes:
                for pitch in element.pitches:
                    yield Note(float(element.offset), float(element.quarterLength), int(pitch.midi), number)


def _metre(score: Any) -> tuple[float, int, float]:
    """(quarters of a beat, beats of a bar, where that ends)."""
    signed = list(score.parts[0].flatten().getElementsByClass("TimeSignature"))
    if not signed:
        raise Unfit("no metre")
    others = [float(one.offset) for one in signed if one.ratioString != signed[0].ratioString]
    first = signed[0]
    return float(first.beatDuration.quarterLength), int(first.beatCount), min(others, default=math.inf)


def _bars(starts: list[float], bar: float, end: float) -> tuple[float, float]:
    """(where bars begin, how far they do): an upbeat and a bar that a repeat parts may be short."""
    places = [round(start % bar, 6) % bar for start in starts]
    downbeat = max(set(places), key=places.count)
    for number, (place, following) in enumerate(pairwise(places[1:]), 1):
        if place != downbeat and following != downbeat:
            return downbeat, min(end, starts[number])
    return downbeat, end


def _key(score: Any, notes: tuple[Note, ...]) -> str:
    sharps = {one.sharps for part in score.parts for one in part.flatten().getElementsByClass("KeySignature")}
    if len(sharps) != 1:
        raise Unfit(f"signatures {sharps}")
    major = 7 * sharps.pop() % 12
    end = max(note.start + note.length for note in notes)
    last = min(note.pitch for note in notes if note.start + note.length >= end - 1e-6) % 12
    if last == major:
        return f"{KEYS['major'][last]} major"
    if last == (major + 9) % 12:
        return f"{KEYS['minor'][last]} minor"
    raise Unfit("ends elsewhere")
