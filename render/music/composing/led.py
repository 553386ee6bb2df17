"""A piece that a given melody leads: where it is stated, how it comes again, and what is around it.

It is stated whole and as it is first, after an intro if there is room; then it comes again while it fits,
with its long notes answered, softer and lower in a break; what is left is its beginning up to the end of a
phrase, or an outro. A tune that is longer than the piece is cut at the end of a phrase.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from render.music.chance import Chance
from render.music.composing import harmonising
from render.music.composing.form import LEVELS
from render.music.composing.hands import late_beats
from render.music.composing.harmony import chord_of
from render.music.composing.score import Chord, Clock, Note, Score, Section
from render.music.genres import Genre
from render.music.instruments import INSTRUMENTS
from render.music.keys import Key
from render.music.tune import LOWEST_PITCH, Tune, TuneNote, end_step

_LEAST_AGAIN = 2  # bars of a beginning that comes again
_TURN_BEATS = 2  # a note as long as that is answered when it comes again
_SOFTER = 0.8
_LATE_ENOUGH = 0.6  # of the piece


@dataclass(frozen=True)
class Statement:
    """The tune, or its beginning, from a bar on; `number` counts from 0."""

    section: Section
    tune: Tune
    number: int


def stated(tune: Tune, clock: Clock, bars: int, genre: Genre) -> tuple[tuple[Section, ...], list[Statement]]:
    """The sections of a piece of so many bars, and where in them the tune is."""
    length = max(1, -(-end_step(tune) // clock.steps_a_bar))
    if length >= bars:
        return _beginning(tune, clock, bars)
    first = _intro_bars(bars, length)
    times = (bars - first) // length
    sizes = [length] * times
    rest = bars - first - times * length
    again = _phrase_bars(tune, clock, rest) if rest >= _LEAST_AGAIN else 0
    if again >= _LEAST_AGAIN:
        sizes.append(again)
    sections = [Section("intro", 0, first, LEVELS["intro"])] if first else []
    statements, bar = [], first
    for number, size in enumerate(sizes):
        kind = _kind(number, len(sizes), genre)
        section = Section(kind, bar, size, LEVELS[kind])
        sections.append(section)
        statements.append(Statement(section, cut(tune, clock, size), number))
        bar += size
    if bar < bars:
        sections.append(Section("outro", bar, bars - bar, LEVELS["outro"]))
    return tuple(sections), statements


def _beginning(tune: Tune, clock: Clock, bars: int) -> tuple[tuple[Section, ...], list[Statement]]:
    """Of a tune that is as long as the piece or longer: up to the last phrase that ends late enough, then an
    outro; else to the last bar line.
    """
    size = _phrase_bars(tune, clock, bars)
    if size < _LATE_ENOUGH * bars:
        size = bars
    section = Section("drop", 0, size, LEVELS["drop"])
    outro = (Section("outro", size, bars - size, LEVELS["outro"]),) if size < bars else ()
    return (section, *outro), [Statement(section, cut(tune, clock, size), 0)]


def _intro_bars(bars: int, length: int) -> int:
    spare = bars - length
    return 0 if spare < 2 else 4 if spare >= 16 and length >= 8 else 2 if spare >= length + 2 else 1


def _kind(number: int, count: int, genre: Genre) -> str:
    """One statement is full; of more the first builds up to the others, and the third of four takes
    breath."""
    if number == 0 and count > 1 and not genre.rise:
        return "build"
    return "break" if number % 4 == 2 and number + 1 < count else "drop"


def cut(tune: Tune, clock: Clock, bars: int) -> Tune:
    """What of the tune begins in its first bars, the last note no longer than they are."""
    end = bars * clock.steps_a_bar
    if end_step(tune) <= end:
        return tune
    return tuple(note._replace(steps=min(note.steps, end - note.step)) for note in tune if note.step < end)


def _phrase_bars(tune: Tune, clock: Clock, bars: int) -> int:
    """The most bars, at most so many, at whose end a phrase ends; 0 for none."""
    usual = sorted(note.steps for note in tune)[len(tune) // 2]
    for limit in range(bars, 0, -1):
        end = limit * clock.steps_a_bar
        before = [note for note in tune if note.step < end]
        after = [note for note in tune if note.step >= end]
        if not before or before[-1].step + before[-1].steps > end:
            continue
        rests = (after[0].step if after else end) - before[-1].step - before[-1].steps
        is_long = before[-1].steps >= max(1.5 * usual, clock.steps_a_beat)
        if not after or is_long or rests >= clock.steps_a_beat:
            return limit
    return 0


def harmony(
    tune: Tune, sections: tuple[Section, ...], clock: Clock, genre: Genre, key: Key, chance: Chance
) -> tuple[Chord, ...]:
    """The chords of the whole piece: those that fit the tune under it, its first ones before it."""
    length = max(1, -(-end_step(tune) // clock.steps_a_bar))
    fitting = harmonising.fitted(tune, clock, length, genre, key, chance)
    ways = genre.minor_ways if key.is_minor else genre.major_ways
    closing = ways[chance.bits("way") % len(ways)].split()
    chords: list[Chord] = []
    for section in sections:
        if section.kind == "outro":
            for place in range(section.bars):
                bar = float(section.first_bar + place)
                chords.append(chord_of(closing[place % len(closing)], bar, bar + 1.0, key, genre.depth))
        else:
            chords += _shifted(fitting, section)
    end = float(sections[-1].end_bar)
    return (*chords, chord_of("1", end, end + 64.0, key, min(genre.depth, 4)))


def _shifted(chords: tuple[Chord, ...], section: Section) -> list[Chord]:
    return [
        replace(
            chord,
            first_bar=section.first_bar + chord.first_bar,
            end_bar=section.first_bar + min(chord.end_bar, section.bars),
        )
        for chord in chords
        if chord.first_bar < section.bars
    ]


def melody(
    score: Score, statements: list[Statement], genre: Genre, voice: str, key: Key, chance: Chance
) -> list[Note]:
    """The tune as it is played, statement by statement."""
    longest = INSTRUMENTS[voice].longest / score.clock.beat_seconds
    notes: list[Note] = []
    for statement in statements:
        tune = statement.tune
        if statement.number % 2 == 1:
            tune = _answered(tune, score.clock, key)
        if statement.section.kind == "break" and all(note.pitch - 12 >= LOWEST_PITCH + 24 for note in tune):
            tune = tuple(note._replace(pitch=note.pitch - 12) for note in tune)
        notes += [_played(note, statement, score, genre, longest, chance) for note in tune]
    return notes


def _played(
    note: TuneNote, statement: Statement, score: Score, genre: Genre, longest: float, chance: Chance
) -> Note:
    bar = statement.section.first_bar
    start = score.clock.beat(bar, note.step)
    held = score.clock.beat(bar, note.step + note.steps) - start
    late = late_beats(score.clock, genre.humanised, chance, "tune", bar, note.step)
    soft = _SOFTER if statement.section.kind == "break" else 1.0
    room = max(0.05, score.end_beat - start - late)
    return Note(
        start + late, min(longest, 0.96 * held, room), note.pitch, soft * (0.35 + 0.65 * note.velocity)
    )


def _answered(tune: Tune, clock: Clock, key: Key) -> Tune:
    """Long notes end with a step to the neighbour in the scale and back, in eighths."""
    made: list[TuneNote] = []
    for note in tune:
        if note.steps < max(8, _TURN_BEATS * clock.steps_a_beat):
            made.append(note)
            continue
        neighbour = next(
            one for one in range(note.pitch + 1, note.pitch + 4) if (one - key.tonic) % 12 in key.scale
        )
        held = note.steps - 4
        soft = 0.8 * note.velocity
        made += [
            note._replace(steps=held),
            TuneNote(note.step + held, 2, neighbour, soft),
            TuneNote(note.step + held + 2, 2, note.pitch, soft),
        ]
    return tuple(made)
