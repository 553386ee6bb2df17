"""A melody that is given, as notes on the grid of sixteenths. Light."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from render.music.invalid import InvalidParameter

MAX_TUNE_NOTES = 2000
LOWEST_PITCH, HIGHEST_PITCH = 24, 108
MAX_TUNE_STEPS = 16 * 400


class TuneNote(NamedTuple):
    """`step` and `steps` are sixteenths, from the first bar line of the tune and long; `pitch` is a MIDI
    number, `velocity` 0..1."""

    step: int
    steps: int
    pitch: int
    velocity: float


Tune = tuple[TuneNote, ...]


def of_json(values: Iterable[Any]) -> Tune:
    """Raises InvalidParameter for what is no tune: notes in order that do not overlap."""
    try:
        made = tuple(TuneNote(*value) for value in values)
    except TypeError as error:
        raise InvalidParameter("tune", "is a list of [step, steps, pitch, velocity].") from error
    check(made)
    return made


def check(tune: Tune) -> None:
    """Raises InvalidParameter."""
    if len(tune) > MAX_TUNE_NOTES:
        raise InvalidParameter("tune", f"has at most {MAX_TUNE_NOTES:,} notes, not {len(tune):,}.")
    end = 0
    for note in tune:
        if not all(isinstance(one, int) and not isinstance(one, bool) for one in note[:3]):
            raise InvalidParameter("tune", "has whole numbers for step, steps and pitch.")
        if not isinstance(note.velocity, int | float) or not 0.0 < note.velocity <= 1.0:
            raise InvalidParameter("tune", "has velocities above 0 and up to 1.")
        if not LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH:
            raise InvalidParameter("tune", f"has pitches of {LOWEST_PITCH} to {HIGHEST_PITCH}.")
        if note.step < end or note.steps < 1 or note.step + note.steps > MAX_TUNE_STEPS:
            raise InvalidParameter("tune", "has notes in order that do not overlap.")
        end = note.step + note.steps


def end_step(tune: Tune) -> int:
    """Where the last note ends; 0 for no notes."""
    return tune[-1].step + tune[-1].steps if tune else 0
