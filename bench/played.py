"""Scores as recordings whose tempo, beats and key are known: played by a General MIDI soundfont.

As people play: no two notes are together to the millisecond, none is exactly as loud as the last, and the
tempo gives by a hundredth or two. Drums, where they are wanted, keep a plain beat in the score's metre.

The soundfont is TimGM6mb, which comes with pretty_midi; tinysoundfont plays it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.score_pieces import Piece

RATE = 44_100
_START_SECONDS = (0.2, 1.0)
_NOTE_OFF_BY = 0.008  # seconds, standard deviation
_DRUM_OFF_BY = 0.003
_DRIFT = 0.015  # of the tempo
_DRIFT_BEATS = 24.0
_DRUMS = 9  # the channel
_KICK, _SNARE, _HAT = 36, 38, 42

Sound = NDArray[np.float32]
Event = tuple[float, int, int, int]  # seconds, channel, pitch, velocity (0: off)


@dataclass(frozen=True)
class Played:
    """`sound` (n, 2) at RATE, `beats` in seconds, `bpm` their median tempo."""

    sound: Sound
    beats: NDArray[np.float64]
    bpm: float


def played(
    piece: Piece, programs: tuple[int, ...], bpm: float, seconds: float, *, drums: bool, seed: int
) -> Played:
    """At most so many seconds of a piece at about this tempo; a part has the program of its number."""
    random = np.random.default_rng(seed)
    start, phase = float(random.uniform(*_START_SECONDS)), float(random.uniform(0.0, 2.0 * np.pi))

    def seconds_at(quarters: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """The integral of a tempo that swings slowly round `bpm`."""
        turn = 2.0 * np.pi / _DRIFT_BEATS
        beat = np.asarray(quarters, np.float64) / piece.beat
        swing = _DRIFT / turn * (np.cos(phase) - np.cos(phase + turn * beat))
        return np.asarray(start + 60.0 / bpm * (beat + swing))

    last = max(note.start + note.length for note in piece.notes)
    beats = np.arange(piece.downbeat % piece.beat, last, piece.beat)
    events = list(_notes(piece, seconds_at, random))
    if drums:
        events += _beat(piece, beats, seconds_at, random)
    length = min(seconds, float(seconds_at(last)) + 1.0)
    times = seconds_at(beats)
    times = times[times < length - 0.1]
    return Played(_rendered(sorted(events), programs, length), times, float(60.0 / np.median(np.diff(times))))


def _notes(piece: Piece, seconds_at: Any, random: np.random.Generator) -> Iterator[Event]:
    for note in piece.notes:
        velocity = int(np.clip(random.normal(92.0 if note.part == 0 else 80.0, 6.0), 40, 120))
        begin = max(0.0, float(seconds_at(note.start)) + random.normal(0.0, _NOTE_OFF_BY))
        end = float(seconds_at(note.start + 0.95 * note.length))
        channel = note.part % _DRUMS
        yield begin, channel, note.pitch, velocity
        yield max(end, begin + 0.03), channel, note.pitch, 0


def _beat(
    piece: Piece, beats: NDArray[np.float64], seconds_at: Any, random: np.random.Generator
) -> Iterator[Event]:
    """Kick on the first beat (and the third of four), snare on the others, hats twice a beat, or thrice."""
    parts = 3 if piece.beat % 1.0 else 2
    for beat in beats:
        place = round((beat - piece.downbeat) / piece.beat) % piece.bar
        strong = place == 0 or (piece.bar == 4 and place == 2)
        strokes = [(0.0, _KICK if strong else _SNARE, 100)]
        strokes += [(part / parts, _HAT, 80 if part == 0 else 62) for part in range(parts)]
        for part, pitch, loud in strokes:
            at = float(seconds_at(beat + part * piece.beat)) + random.normal(0.0, _DRUM_OFF_BY)
            yield max(0.0, at), _DRUMS, pitch, int(random.normal(loud, 4.0))


def _rendered(events: list[Event], programs: tuple[int, ...], seconds: float) -> Sound:
    import tinysoundfont  # an extra of the bench

    synth = tinysoundfont.Synth(samplerate=RATE)
    font = synth.sfload(str(_soundfont()))
    for channel in range(_DRUMS):
        synth.program_select(channel, font, 0, programs[min(channel, len(programs) - 1)])
    synth.program_select(_DRUMS, font, 0, 0, True)
    total = int(seconds * RATE)
    parts, done = [], 0
    for at, channel, pitch, velocity in events:
        now = min(total, int(at * RATE))
        if now > done:
            parts.append(np.frombuffer(synth.generate(now - done), np.float32).reshape(-1, 2).copy())
            done = now
        if velocity:
            synth.noteon(channel, pitch, velocity)
        else:
            synth.noteoff(channel, pitch)
    if total > done:
        parts.append(np.frombuffer(synth.generate(total - done), np.float32).reshape(-1, 2).copy())
    sound = np.concatenate(parts)
    return np.asarray(0.8 * sound / max(float(np.abs(sound).max()), 1e-9), np.float32)


def _soundfont() -> Path:
    import pretty_midi  # an extra of the bench

    return Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
