"""What is played: the form, the harmony, and every note of every part.

Twelve bars with a shape that a picture can follow: a quiet intro, a light groove, a build with a breath at
its end, a drop, and an outro that lets go. Times are in beats from the start, pitches are MIDI numbers,
strengths 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.groove.clock import BEATS_A_BAR

INTRO, LIGHT, BUILD, DROP, OUTRO = range(2), range(2, 4), range(4, 6), range(6, 10), range(10, 12)
BARS = 12
TAIL_SECONDS = 2.0
SWING = 0.06  # of an eighth: how late every second sixteenth of the hats comes


@dataclass(frozen=True)
class Note:
    """One note: where it starts and how long it is held (beats), its pitch and its strength."""

    start: float
    length: float
    pitch: int
    strength: float = 1.0


@dataclass(frozen=True)
class Hit:
    """One stroke of a drum; `number` tells equal strokes apart, so that no two sound the same."""

    start: float
    strength: float
    number: int


@dataclass(frozen=True)
class Chord:
    root: int
    voicing: tuple[int, ...]


A_MINOR_9 = Chord(33, (57, 60, 64, 67, 71))
F_MAJOR_9 = Chord(41, (53, 57, 60, 64, 67))
C_MAJOR_9 = Chord(36, (55, 59, 62, 64, 67))
G_6_9 = Chord(43, (55, 59, 62, 64, 69))
D_MINOR_9 = Chord(38, (53, 57, 60, 64, 69))
E_7_SUS = Chord(40, (57, 59, 62, 64, 69))
E_7 = Chord(40, (56, 59, 62, 64, 68))
E_MINOR_7 = Chord(40, (55, 59, 62, 64, 71))

# One or two chords a bar; the drop walks IV-V-iii-vi, whose last chord is home.
HARMONY: tuple[tuple[Chord, ...], ...] = (
    (A_MINOR_9,),
    (F_MAJOR_9,),
    (C_MAJOR_9,),
    (G_6_9,),
    (D_MINOR_9,),
    (E_7_SUS, E_7),
    (F_MAJOR_9,),
    (G_6_9,),
    (E_MINOR_7,),
    (A_MINOR_9,),
    (F_MAJOR_9,),
    (C_MAJOR_9,),
)

# The bass leans on the kick: on the beat where it may, between the beats where it answers.
BASS_LINE: tuple[tuple[float, float, int, float], ...] = (
    (0.0, 0.5, 0, 1.0),
    (0.75, 0.25, 0, 0.7),
    (1.5, 0.5, 12, 0.75),
    (2.0, 0.5, 0, 0.95),
    (2.75, 0.25, 0, 0.7),
    (3.5, 0.25, 7, 0.7),
    (3.75, 0.25, 12, 0.6),
)

# Call in the first two bars of the drop, answer in the last two: (bar, beat, length, pitch).
MELODY: tuple[tuple[int, float, float, int], ...] = (
    (6, 0.0, 0.75, 76),
    (6, 0.75, 0.75, 79),
    (6, 1.5, 1.0, 81),
    (6, 3.0, 0.5, 79),
    (6, 3.5, 0.5, 76),
    (7, 0.0, 1.5, 74),
    (7, 2.0, 0.5, 71),
    (7, 2.5, 1.5, 74),
    (8, 0.0, 0.75, 76),
    (8, 0.75, 0.75, 79),
    (8, 1.5, 1.0, 83),
    (8, 3.0, 0.5, 81),
    (8, 3.5, 0.5, 79),
    (9, 0.0, 1.5, 81),
    (9, 2.0, 0.5, 76),
    (9, 2.5, 1.5, 72),
    (10, 0.0, 3.0, 72),
)
ARPEGGIO = (0, 2, 4, 1, 3, 2, 4, 3)  # indices into the voicing, an octave up
ACCENTS = (1.0, 0.55, 0.7, 0.9, 0.5, 0.75, 0.9, 0.6)


def chord_at(bar: int, beat: float) -> Chord:
    chords = HARMONY[bar]
    return chords[int(beat * len(chords) / BEATS_A_BAR)]


def pads() -> list[Note]:
    notes = []
    for bar, chords in enumerate(HARMONY):
        length = BEATS_A_BAR / len(chords)
        for place, chord in enumerate(chords):
            start = bar * BEATS_A_BAR + place * length
            notes += [Note(start, length, pitch) for pitch in chord.voicing]
    return notes


def bass() -> list[Note]:
    """Long roots in the light bars, the moving line from the build on, one last root to land on."""
    notes = []
    for bar in LIGHT:
        root = HARMONY[bar][0].root
        notes += [Note(bar * 4.0, 1.5, root, 0.7), Note(bar * 4.0 + 2.0, 1.5, root, 0.65)]
    for bar in (*BUILD, *DROP):
        strength = 0.8 if bar in BUILD else 1.0
        for beat, length, interval, accent in BASS_LINE:
            if bar == BUILD[-1] and beat >= 3.0:
                continue  # the breath before the drop
            root = chord_at(bar, beat).root
            notes.append(Note(bar * 4.0 + beat, length, root + interval, strength * accent))
    notes.append(Note(OUTRO[0] * 4.0, 3.5, HARMONY[OUTRO[0]][0].root, 0.7))
    return notes


def arpeggio() -> list[Note]:
    """Eighths where it is quiet, sixteenths where it is not."""
    notes = []
    for bar in range(BARS):
        busy = bar in BUILD or bar in DROP
        step = 0.25 if busy else 0.5
        level = 0.8 if bar in DROP else 0.9
        for number in range(int(BEATS_A_BAR / step)):
            beat = number * step
            if (bar == BUILD[-1] and beat >= 3.0) or (bar == OUTRO[-1] and beat >= 2.0):
                continue
            voicing = chord_at(bar, beat).voicing
            pitch = voicing[ARPEGGIO[number % 8]] + 12 + (12 if busy and number % 16 == 11 else 0)
            notes.append(Note(bar * 4.0 + beat, step, pitch, level * ACCENTS[number % 8]))
    return notes


def melody() -> list[Note]:
    return [Note(bar * 4.0 + beat, length, pitch, 0.9) for bar, beat, length, pitch in MELODY]


def kicks() -> list[Hit]:
    beats = [bar * 4.0 + beat for bar in LIGHT for beat in (0.0, 2.0)]
    beats += [bar * 4.0 + beat for bar in (*BUILD, *DROP) for beat in (0.0, 1.0, 2.0, 3.0)]
    beats = [beat for beat in beats if beat != BUILD[-1] * 4.0 + 3.0]
    beats.append(OUTRO[0] * 4.0)
    return [Hit(beat, 0.75 if beat < BUILD[0] * 4 else 1.0, number) for number, beat in enumerate(beats)]


def claps() -> list[Hit]:
    beats = [bar * 4.0 + beat for bar in (*BUILD, *DROP) for beat in (1.0, 3.0)]
    return [Hit(beat, 1.0, n) for n, beat in enumerate(beats) if beat != BUILD[-1] * 4.0 + 3.0]


def roll() -> list[Hit]:
    """The snare roll of the build: eighths, then sixteenths, louder and louder."""
    start = BUILD[-1] * 4.0
    beats = [start + 0.5 * n for n in range(2)] + [start + 1.0 + 0.25 * n for n in range(8)]
    return [Hit(beat, 0.25 + 0.07 * n, 100 + n) for n, beat in enumerate(beats)]


def closed_hats() -> list[Hit]:
    hits: list[Hit] = []
    for bar in (*LIGHT, *BUILD, *DROP):
        step = 0.5 if bar in LIGHT else 0.25
        for number in range(int(BEATS_A_BAR / step)):
            beat = number * step
            sixteenth = int(beat * 4)
            if (bar in DROP and sixteenth % 4 == 2) or (bar == BUILD[-1] and beat >= 3.0):
                continue  # the open hat has this place; the breath has that one
            late = SWING * 0.5 if sixteenth % 2 else 0.0
            strength = (0.75, 0.35, 0.6, 0.45)[sixteenth % 4]
            hits.append(Hit(bar * 4.0 + beat + late, strength, len(hits)))
    return hits


def open_hats() -> list[Hit]:
    return [
        Hit(bar * 4.0 + beat, 0.8, n)
        for n, (bar, beat) in enumerate((b, e + 0.5) for b in DROP for e in range(4))
    ]
