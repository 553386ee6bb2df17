"""The score: what is played when, in beats from the start, swing and the hands' small delays included."""

from __future__ import annotations

from dataclasses import dataclass, field

STEPS = {"4/4": (16, 4), "3/4": (12, 4), "6/8": (12, 6)}  # steps of a bar, and of a beat


@dataclass(frozen=True)
class Clock:
    """Musical time; a step is a sixteenth. `swing_steps` is how many steps one of two swung notes has."""

    bpm: float
    meter: str
    swing: float
    swing_steps: int

    @property
    def steps_a_bar(self) -> int:
        return STEPS[self.meter][0]

    @property
    def steps_a_beat(self) -> int:
        return STEPS[self.meter][1]

    @property
    def beats_a_bar(self) -> int:
        return self.steps_a_bar // self.steps_a_beat

    @property
    def beat_seconds(self) -> float:
        return 60.0 / self.bpm

    @property
    def bar_seconds(self) -> float:
        return self.beats_a_bar * self.beat_seconds

    def beat(self, bar: float, step: float = 0.0) -> float:
        """Where a step of a bar falls: the second of each pair of notes comes late by the swing."""
        pair = 2.0 * self.swing_steps
        place = step % pair
        first = pair * self.swing
        half = pair / 2.0
        moved = place / half * first if place < half else first + (place - half) / half * (pair - first)
        return bar * self.beats_a_bar + (step - place + moved) / self.steps_a_beat

    def seconds(self, beats: float) -> float:
        return beats * self.beat_seconds


@dataclass(frozen=True)
class Note:
    """`pitch` is a MIDI number, `velocity` 0..1; start and length are in beats."""

    start: float
    length: float
    pitch: int
    velocity: float


@dataclass(frozen=True)
class Hit:
    start: float
    lane: str
    velocity: float


@dataclass(frozen=True)
class Section:
    """`kind` is intro, build, drop, break or outro; `level` 0..1 is how full it sounds."""

    kind: str
    first_bar: int
    bars: int
    level: float

    @property
    def end_bar(self) -> int:
        return self.first_bar + self.bars

    @property
    def is_full(self) -> bool:
        return self.kind == "drop"


@dataclass(frozen=True)
class Chord:
    """Pitch classes from the root up; `raised` are those outside the key. It has a first bar and an end."""

    first_bar: float
    end_bar: float
    degree: int
    tones: tuple[int, ...]
    raised: tuple[int, ...] = ()

    @property
    def root(self) -> int:
        return self.tones[0]


@dataclass
class Score:
    """The whole piece. `bars` is how many there are before the last chord, which rings to the end."""

    clock: Clock
    bars: int
    seconds: float
    sections: tuple[Section, ...]
    harmony: tuple[Chord, ...]
    drums: list[Hit] = field(default_factory=list)
    bass: list[Note] = field(default_factory=list)
    chords: list[Note] = field(default_factory=list)
    colour: list[Note] = field(default_factory=list)
    melody: list[Note] = field(default_factory=list)

    @property
    def end_beat(self) -> float:
        return self.seconds / self.clock.beat_seconds

    def chord_at(self, bar: float) -> Chord:
        """The chord that sounds there; the last one goes on for ever."""
        for chord in self.harmony:
            if bar < chord.end_bar - 1e-9:
                return chord
        return self.harmony[-1]

    def section_at(self, bar: float) -> Section:
        for section in self.sections:
            if bar < section.end_bar:
                return section
        return self.sections[-1]
