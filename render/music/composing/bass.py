"""The bass player: follows the chords' roots, and the kick where the genre wants it."""

from __future__ import annotations

from render.music.chance import Chance
from render.music.composing.hands import late_beats, strength
from render.music.composing.patterns import strokes, until_next
from render.music.composing.score import Chord, Note, Score, Section
from render.music.genres import Genre
from render.music.instruments import INSTRUMENTS
from render.music.keys import Key

_LOWEST = 26  # D1, 37 Hz

Placed = list[tuple[int, int, int, float]]  # step, length in steps, semitones above the root, strength


def play(score: Score, genre: Genre, voice: str, key: Key, chance: Chance) -> list[Note]:
    notes: list[Note] = []
    longest = INSTRUMENTS[voice].longest / score.clock.beat_seconds
    for section in score.sections:
        if section.kind == "intro" and (section.bars > 1 or genre.rise):
            continue
        for bar in range(section.first_bar, section.end_bar):
            notes += _bar(score, section, bar, genre, key, chance, longest)
    end = score.clock.beat(score.bars)
    root = _low(score.harmony[-1].root, genre)
    notes.append(Note(end, min(longest, score.end_beat - end), root, 0.9))
    return notes


def _low(pitch_class: int, genre: Genre) -> int:
    """The root in the lowest octave of the genre."""
    return genre.bass_octave + (pitch_class - genre.bass_octave) % 12


def _bar(
    score: Score, section: Section, bar: int, genre: Genre, key: Key, chance: Chance, longest: float
) -> list[Note]:
    clock = score.clock
    chord = score.chord_at(bar)
    following = score.chord_at(bar + 1)
    root = _low(chord.root, genre)
    notes = []
    for step, length, interval, wanted in _placed(score, section, bar, genre, chord, following, key, chance):
        now = score.chord_at(bar + step / clock.steps_a_bar)
        base = root if now == chord else _low(now.root, genre)
        start = clock.beat(bar, step)
        late = late_beats(clock, 0.4 * genre.humanised, chance, "bass", bar, step)
        held = min(longest, clock.beat(bar, step + length) - start)
        if base + interval < _LOWEST:
            interval += 12
        notes.append(
            Note(
                start + late,
                0.94 * held,
                base + interval,
                strength(wanted * (0.8 + 0.2 * section.level), genre.humanised, chance, "bass", bar, step),
            )
        )
    return notes


def _placed(
    score: Score,
    section: Section,
    bar: int,
    genre: Genre,
    chord: Chord,
    following: Chord,
    key: Key,
    chance: Chance,
) -> Placed:
    steps = score.clock.steps_a_bar
    calm = section.kind in ("break", "outro", "intro")
    way = genre.bass_pattern
    if way == "hold" or (calm and genre.rise):
        return [(0, steps, 0, 0.8)] if bar == int(chord.first_bar) or not calm else [(0, steps, 0, 0.7)]
    if way == "walking":
        return _walking(score, bar, genre, chord, following, chance)
    if way == "funk":
        return _funk(chord, following, steps, bar, chance)
    pattern = genre.groove.full["kick"] if way == "kick" else way
    played = list(strokes(pattern, bar, steps))
    if calm:
        played = played[:1] if way == "kick" else [one for one in played if one[0] % 8 == 0] or played[:1]
    places = [step for step, _ in played]
    return [
        (
            step,
            until_next(places, number, steps),
            _interval(number, len(places), bar, way, chord, chance),
            wanted,
        )
        for number, (step, wanted) in enumerate(played)
    ]


def _interval(number: int, count: int, bar: int, way: str, chord: Chord, chance: Chance) -> int:
    """Roots; now and then the last note of a bar goes to the octave or the fifth."""
    if count < 3 or number < count - 1 or way == "kick":
        return 0
    draw = chance.unit("bass turn", bar % 4)
    return 12 if draw < 0.25 else _fifth(chord) if draw < 0.6 else 0


def _fifth(chord: Chord) -> int:
    return (chord.tones[2] - chord.root) % 12 if len(chord.tones) > 2 else 7


def _walking(score: Score, bar: int, genre: Genre, chord: Chord, following: Chord, chance: Chance) -> Placed:
    """Root, two chord tones, and a tone beside the next root: from below or above."""
    third, fifth = (chord.tones[1] - chord.root) % 12, _fifth(chord)
    line = [0, *chance.pick(((third, fifth), (fifth, third), (third, 12), (7, 12)), "walk", bar)]
    base = _low(chord.root, genre)
    line.append(_low(following.root, genre) - base + chance.pick((-1, 1, 2, -2), "approach", bar))
    beat = 4 if score.clock.meter != "6/8" else 6
    count = score.clock.steps_a_bar // beat
    chosen = line[: count - 1] + line[-1:] if count < 4 else line
    return [(beat * n, beat, interval, 0.8 if n % 2 else 0.9) for n, interval in enumerate(chosen)]


def _funk(chord: Chord, following: Chord, steps: int, bar: int, chance: Chance) -> Placed:
    """The one, then syncopated octaves and sevenths, with a way into the next chord."""
    seventh = 10 if (chord.tones[1] - chord.root) % 12 == 3 else 9  # on a major chord the sixth
    line: Placed = [(0, 3, 0, 1.0), (3, 1, 12, 0.6)]
    line += chance.pick(
        (
            [(6, 2, 0, 0.8), (8, 1, 0, 0.5), (10, 2, 12, 0.85), (13, 1, seventh, 0.7)],
            [(4, 1, 12, 0.7), (7, 1, 0, 0.6), (10, 2, seventh, 0.8), (12, 1, 12, 0.75)],
            [(6, 1, 12, 0.8), (7, 2, seventh, 0.7), (10, 3, _fifth(chord), 0.8)],
        ),
        "funk",
        bar % 2,
    )
    approach = (following.root - chord.root + 5) % 12 - 5 - 1
    line.append((14, 2, approach, 0.75))
    return [one for one in line if one[0] < steps]
