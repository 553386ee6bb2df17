"""The parameters of a piece that follows a hum: words and arguments as for any piece, and the tune.

Tempo: what the words say, or an argument that is not the default, is the piece's tempo, and the hum is
brought to it: its own beat, taken at the octave nearest to that tempo, becomes the piece's. Otherwise the
piece has the hum's own tempo, to a tenth, if the hum has a clear pulse; one within 6 % of the default is
the default. A hum without a pulse is laid on the wanted tempo as it was timed.

Key: what the words or the argument say, the tune moved into it; otherwise the tune's own.

Length: a piece whose `duration` was left at its default grows to hold all of the hum; any other length
cuts the tune at the end of a phrase, or repeats it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from render.audio.humming.facts import Hum, HummedNote
from render.music import keys
from render.music.catalogue import GENRES
from render.music.composing.score import STEPS
from render.music.following import rhythm, tonality
from render.music.following.rhythm import Placed
from render.music.heard import Heard
from render.music.instruments import INSTRUMENTS
from render.music.keys import Key
from render.music.parameters import (
    DEFAULT_BPM,
    DEFAULT_SECONDS,
    MAX_BPM,
    MAX_SECONDS,
    MIN_BPM,
    MusicParameters,
)
from render.music.prompt import resolve
from render.music.tune import HIGHEST_PITCH, LOWEST_PITCH, Tune, TuneNote

_CLEAR = 0.55  # onsets at random reach that one time in ten, loosely hummed ones nine times in ten
_LIKE_DEFAULT, _LIKE_WHOLE = 0.06, 0.004
_LONGEST_PAUSE = 6.0
_RING_SECONDS = 1.0
_SUSTAINED_SECONDS = 0.8  # a voice that dies sooner does not sing
_SINGER = "lead"
_LEGATO_STEPS = 1
_OVERHANG_STEPS = 2  # what the last note has more than its bar is no bar more


@dataclass(frozen=True)
class Wanted:
    """What was asked for, as for `render.music.prompt.resolve`."""

    prompt: str = ""
    mood: str = "neutral"
    bpm: float | None = None
    key: str | None = None
    duration: float | None = None
    seed: int | None = None


def parameters_of(hum: Hum, wanted: Wanted) -> MusicParameters:
    """Raises InvalidParameter, which names the field, as `resolve` does."""
    base = resolve(wanted.prompt, wanted.mood, wanted.bpm, wanted.key, wanted.duration, wanted.seed)
    heard = Heard.of(wanted.prompt)
    notes = _without_pauses(hum.notes)
    placed = _placed(notes, base, heard, wanted)
    key = heard.key or (keys.parse(wanted.key) if wanted.key is not None else None)
    shift = 0
    if key is None:
        key = tonality.key_of(notes, heard.mode)
    else:
        shift = tonality.moved(notes, key)
    voice = _voice(base, heard)
    bpm = float(placed.bpm)
    tune = _tune(notes, placed, key, shift, base, voice, bpm)
    return replace(
        base,
        bpm=bpm,
        key=key.name,
        melody=voice,
        tune=tune,
        duration=_duration(tune, base, bpm, heard, wanted),
        heard=(*base.heard, f"tune: {len(tune)} notes"),
    )


def _without_pauses(notes: tuple[HummedNote, ...]) -> list[HummedNote]:
    """From 0 s on, no pause longer than a few seconds."""
    made: list[HummedNote] = []
    end, left_out = notes[0].onset, notes[0].onset
    for note in notes:
        left_out += max(0.0, note.onset - end - _LONGEST_PAUSE)
        end = note.end
        made.append(replace(note, onset=note.onset - left_out))
    return made


def _placed(notes: list[HummedNote], base: MusicParameters, heard: Heard, wanted: Wanted) -> Placed:
    """Where the notes are meant, at the piece's tempo."""
    is_chosen = heard.bpm is not None or wanted.bpm not in (None, DEFAULT_BPM)
    expected = base.bpm if is_chosen or heard.genre else DEFAULT_BPM
    onsets = np.array([note.onset for note in notes])
    placed = rhythm.placed(onsets, np.array([note.duration for note in notes]), expected, base.meter)
    if placed.clarity < _CLEAR:
        return rhythm.rigid(onsets, expected, base.meter)
    if is_chosen:
        return replace(placed, bpm=base.bpm)
    return replace(placed, bpm=_own_tempo(placed.bpm))


def _own_tempo(bpm: float) -> float:
    """That of the hum: the default where it is near, a whole number where it is very near."""
    if abs(bpm / DEFAULT_BPM - 1.0) <= _LIKE_DEFAULT:
        return DEFAULT_BPM
    whole = abs(bpm / round(bpm) - 1.0) <= _LIKE_WHOLE
    return min(MAX_BPM, max(MIN_BPM, float(round(bpm, 0 if whole else 1))))


def _voice(base: MusicParameters, heard: Heard) -> str:
    """Who sings it: whom the words name, or the genre's own voice if it can hold a note."""
    voice = base.melody or GENRES[base.genre].melody
    if "melody" in heard.voices or INSTRUMENTS[voice].longest >= _SUSTAINED_SECONDS:
        return voice
    return _SINGER


def _tune(
    notes: list[HummedNote],
    placed: Placed,
    key: Key,
    shift: int,
    base: MusicParameters,
    voice: str,
    bpm: float,
) -> Tune:
    """Pitches in the key, by whole octaves where the genre's melodies lie; lengths in whole sixteenths."""
    pitches = tonality.in_key(notes, key, shift)
    middle = GENRES[base.genre].melody_middle
    length = np.array([note.duration for note in notes])
    usual = float(np.average(pitches, weights=length))
    octaves = 12 * round((middle - usual) / 12.0) + 12 * INSTRUMENTS[voice].octaves
    octaves = min(octaves, 12 * ((HIGHEST_PITCH - 12 - max(pitches)) // 12))
    octaves = max(octaves, 12 * math.ceil((LOWEST_PITCH - min(pitches)) / 12.0))
    seconds = _step_seconds(notes, placed)
    made = []
    for number, (note, pitch) in enumerate(zip(notes, pitches, strict=True)):
        step = int(placed.steps[number])
        room = int(placed.steps[number + 1]) - step if number + 1 < len(notes) else 64
        steps = max(1, round(note.duration / seconds))
        if number + 1 == len(notes):
            over = (step + steps) % STEPS[base.meter][0]
            steps -= over if 0 < over <= min(_OVERHANG_STEPS, steps - 1) else 0
        elif steps >= room - _LEGATO_STEPS:
            steps = room
        made.append(TuneNote(step, min(room, steps), pitch + octaves, note.velocity))
    return tuple(made)


def _step_seconds(notes: list[HummedNote], placed: Placed) -> float:
    """A sixteenth as it was hummed."""
    steps = int(placed.steps[-1] - placed.steps[0])
    return (notes[-1].onset - notes[0].onset) / steps if steps else 0.125


def _duration(tune: Tune, base: MusicParameters, bpm: float, heard: Heard, wanted: Wanted) -> float:
    if heard.seconds is not None or wanted.duration not in (None, DEFAULT_SECONDS):
        return base.duration
    steps_a_bar, steps_a_beat = STEPS[base.meter]
    bars = math.ceil((tune[-1].step + tune[-1].steps) / steps_a_bar)
    needed = bars * steps_a_bar / steps_a_beat * 60.0 / bpm + _RING_SECONDS
    return min(MAX_SECONDS, max(base.duration, math.ceil(needed)))
