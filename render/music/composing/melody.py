"""The melody: two motifs (a rhythm and a contour each), repeated, moved, turned over, and brought home.

Phrases have four bars: A, A moved with the chord, B, and A with a cadence. Strong beats have chord tones, the
rest are neighbours in the scale; leaps are answered by a step back (Narmour's implication and realisation,
1990).
"""

from __future__ import annotations

from dataclasses import dataclass

from render.music.chance import Chance
from render.music.composing.hands import late_beats, strength
from render.music.composing.patterns import strokes, until_next
from render.music.composing.score import Chord, Note, Score, Section
from render.music.genres import Genre
from render.music.instruments import INSTRUMENTS
from render.music.keys import Key

_REACH = 10  # semitones from the middle
_PLANS = ("AABA", "ABAB", "AABB", "ABAC")
_MOVES = {False: (-1, 1, 1, -1, 2, -2, 0, 3), True: (-1, 1, 1, -1, 0, 1, -1, 2)}
_PENTATONIC = {True: (0, 3, 5, 7, 10), False: (0, 2, 4, 7, 9)}  # minor, major


@dataclass(frozen=True)
class Motif:
    """Strokes of a bar (step, strength), and for each how many places of the ladder it lies above the
    first.
    """

    strokes: tuple[tuple[int, float], ...]
    contour: tuple[int, ...]


def play(score: Score, genre: Genre, voice: str, key: Key, density: float, chance: Chance) -> list[Note]:
    """Full in drops, half of it in breaks, none in the others but a long one in a build without drops'
    rise.
    """
    ladder = _ladder(key, genre)
    motifs = {name: _motif(name, genre, score.clock.steps_a_bar, density, chance) for name in ("A", "B", "C")}
    notes: list[Note] = []
    for number, section in enumerate(score.sections):
        if section.kind in ("intro", "outro") or (section.kind == "build" and genre.rise):
            continue
        notes += _phrases(score, section, number, motifs, ladder, genre, chance)
    start = score.clock.beat(score.bars)
    home = _nearest(ladder, _tones(score.harmony[-1], genre, home=True), notes[-1].pitch if notes else 72)
    notes.append(Note(start, min(2.5, score.end_beat - start), home, 0.75))
    longest = INSTRUMENTS[voice].longest / score.clock.beat_seconds
    octave = 12 * INSTRUMENTS[voice].octaves
    return [Note(one.start, min(longest, one.length), one.pitch + octave, one.velocity) for one in notes]


def _ladder(key: Key, genre: Genre) -> tuple[int, ...]:
    """The pitches that the melody may use, rising."""
    scale = _PENTATONIC[key.is_minor] if genre.pentatonic else key.scale
    low, high = genre.melody_middle - _REACH, genre.melody_middle + _REACH
    return tuple(pitch for pitch in range(low, high + 1) if (pitch - key.tonic) % 12 in scale)


def _motif(name: str, genre: Genre, steps: int, density: float, chance: Chance) -> Motif:
    pattern = genre.rhythms[(chance.bits("rhythm") + ord(name)) % len(genre.rhythms)]
    played = [one for one in strokes(pattern, 0, steps) if one[0] < steps]
    if density > 0.6 and len(played) < 6 and chance.unit("more", name) < density:
        free = [step for step in range(0, steps, 2) if step not in {place for place, _ in played}]
        if free:
            played.append((chance.pick(free, "more step", name), 0.6))
    played.sort()
    contour, move = [0], 0
    for number in range(1, len(played)):
        if abs(move) >= 2:
            move = -1 if move > 0 else 1
        else:
            move = chance.pick(_MOVES[genre.pentatonic], "contour", name, number)
        contour.append(contour[-1] + move)
    return Motif(tuple(played), tuple(contour))


def _phrases(
    score: Score,
    section: Section,
    number: int,
    motifs: dict[str, Motif],
    ladder: tuple[int, ...],
    genre: Genre,
    chance: Chance,
) -> list[Note]:
    notes: list[Note] = []
    plan = chance.pick(_PLANS, "plan")
    arc = chance.pick(((0, 1, 3, 1), (2, 1, 0, 1), (0, 2, 4, 1), (3, 2, 1, 0)), "arc")
    for bar in range(section.first_bar, section.end_bar):
        place = (bar - section.first_bar) % 4
        if section.kind == "break" and place % 2:
            continue
        cadence = place == 3 or bar == section.end_bar - 1
        anchor = genre.melody_middle - 4 + arc[place] + (2 if number > 2 else 0)
        if notes:
            anchor = (anchor + notes[-1].pitch) // 2  # no leap from bar to bar
        mirrored = section.kind == "break"
        notes += _bar(
            score, section, bar, motifs[plan[place]], anchor, ladder, genre, chance, cadence, mirrored
        )
    return notes


def _bar(
    score: Score,
    section: Section,
    bar: int,
    motif: Motif,
    anchor: int,
    ladder: tuple[int, ...],
    genre: Genre,
    chance: Chance,
    cadence: bool,
    mirrored: bool,
) -> list[Note]:
    clock = score.clock
    places = [step for step, _ in motif.strokes]
    base = ladder.index(_nearest(ladder, _tones(score.chord_at(bar), genre), anchor))
    notes = []
    for number, (step, wanted) in enumerate(motif.strokes):
        rung = base + (-1 if mirrored else 1) * motif.contour[number]
        pitch = ladder[_folded(rung, len(ladder))]
        ends = number == len(places) - 1
        chord = score.chord_at(bar + step / clock.steps_a_bar)
        length = until_next(places, number, clock.steps_a_bar)
        if step % (2 * clock.steps_a_beat) == 0 or length >= clock.steps_a_beat or ends:
            pitch = _nearest(ladder, _tones(chord, genre, home=cadence and ends), pitch)
        if (pitch + 1) % 12 in chord.raised:
            pitch += 1  # the leading tone, not the seventh beside it
        start = clock.beat(bar, step)
        late = late_beats(clock, genre.humanised, chance, "melody", bar, step)
        held = clock.beat(bar, step + min(length, 8)) - start
        level = wanted * (0.72 + 0.28 * section.level)
        level = strength(level, genre.humanised, chance, "melody", bar, step)
        notes.append(Note(start + late, 0.95 * held, pitch, level))
    return notes


def _folded(rung: int, count: int) -> int:
    """A place beyond the ladder's ends is mirrored back onto it."""
    span = 2 * (count - 1)
    place = rung % span
    return place if place < count else span - place


def _tones(chord: Chord, genre: Genre, home: bool = False) -> tuple[int, ...]:
    """Root, third and fifth; a cadence takes the root."""
    return chord.tones[:1] if home else chord.tones[:3]


def _nearest(ladder: tuple[int, ...], classes: tuple[int, ...], pitch: int) -> int:
    """The pitch of the ladder nearest to `pitch` that is one of the pitch classes, if there is one."""
    fitting = [one for one in ladder if one % 12 in classes] or list(ladder)
    return min(fitting, key=lambda one: (abs(one - pitch), one))
