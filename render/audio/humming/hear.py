"""What the child runs: from a recording to its notes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from render.audio.decode import mono_blocks
from render.audio.humming.facts import MAX_HUM_SECONDS, MIN_HUM_SECONDS, Hum, HummedNote
from render.audio.humming.pitch import FRAME_SECONDS, SAMPLE_RATE_HZ, PitchTrack, followed
from render.audio.humming.segments import Segment, segments
from render.audio.humming.tuning import offsets
from render.errors import DamagedMedia, MediaTooLarge, NoMelody

_FEWEST_NOTES = 2
_LEAST_SUNG_SECONDS = 0.4
_SOFTEST_DB = 24.0  # below the loudest note: velocity _SOFTEST
_SOFTEST = 0.35
_LEAST_CONFIDENCE = 0.3
_STEADY_SHARE = 0.45  # of the voiced time that lies in notes: speech glides all the time
_ONE_TONE = "No melody could be heard: there is one tone, and a melody has at least two."
_NOTHING = "No melody could be heard in the recording: no voice holds a pitch in it."

Report = Callable[[float, str | None], None]


def hear(path: str, report: Report | None = None) -> Hum:
    """The notes of the first audio stream of a file; `report` hears per cent and a sentence.

    Raises NoMelody (silence, noise, a click, a single tone), MediaTooLarge (longer than MAX_HUM_SECONDS),
    DamagedMedia (shorter than MIN_HUM_SECONDS, or broken), UnsupportedMedia.
    """
    sound = _decoded(path)
    if report is not None:
        report(30.0, "listening to the melody")
    hum = notes_of(sound)
    if report is not None:
        report(100.0, f"{len(hum.notes)} notes heard")
    return hum


def _decoded(path: str) -> NDArray[np.float32]:
    """Mono, and not a second more than is allowed, whatever the header says."""
    blocks, count = [], 0
    for block in mono_blocks(path, SAMPLE_RATE_HZ):
        blocks.append(block)
        count += len(block)
        if count > (MAX_HUM_SECONDS + 0.5) * SAMPLE_RATE_HZ:
            raise MediaTooLarge(
                f"The recording is longer than {MAX_HUM_SECONDS:g} s, the limit of a hummed melody."
            )
    if count < MIN_HUM_SECONDS * SAMPLE_RATE_HZ:
        raise DamagedMedia(
            f"The recording lasts {count / SAMPLE_RATE_HZ:.1f} s;"
            f" a hummed melody lasts at least {MIN_HUM_SECONDS:g} s."
        )
    return np.concatenate(blocks)


def notes_of(sound: NDArray[np.float32]) -> Hum:
    """The notes of mono sound at SAMPLE_RATE_HZ. Raises NoMelody."""
    track = followed(sound)
    found = [one for one in segments(track) if one.strength >= _LEAST_CONFIDENCE]
    _check(found, track)
    lengths = np.array([(one.end - one.first) * FRAME_SECONDS for one in found])
    pitches = np.array([one.pitch for one in found])
    off = offsets(pitches, np.minimum(lengths, 0.6))
    if len({round(pitch - shift) for pitch, shift in zip(pitches, off, strict=True)}) == 1:
        raise NoMelody(_ONE_TONE)
    loudest = max(one.level_db for one in found)
    notes = tuple(_note(one, float(shift), loudest) for one, shift in zip(found, off, strict=True))
    return Hum(
        duration=round(len(sound) / SAMPLE_RATE_HZ, 3),
        notes=notes,
        tuning_cents=round(100.0 * float(off[0]), 1),
        drift_cents=round(100.0 * float(off[-1] - off[0]), 1),
    )


def _check(found: list[Segment], track: PitchTrack) -> None:
    sung = sum(one.end - one.first for one in found)
    if len(found) == 1 and sung * FRAME_SECONDS > _LEAST_SUNG_SECONDS:
        raise NoMelody(_ONE_TONE)
    if (
        len(found) < _FEWEST_NOTES
        or sung * FRAME_SECONDS < _LEAST_SUNG_SECONDS
        or sung < _STEADY_SHARE * np.count_nonzero(track.is_voiced)
    ):
        raise NoMelody(_NOTHING)


def _note(one: Segment, off: float, loudest_db: float) -> HummedNote:
    pitch = round(one.pitch - off)
    softer = min(1.0, max(0.0, (loudest_db - one.level_db) / _SOFTEST_DB))
    return HummedNote(
        onset=round(one.first * FRAME_SECONDS, 3),
        duration=round((one.end - one.first) * FRAME_SECONDS, 3),
        pitch=pitch,
        cents=round(100.0 * (one.pitch - off - pitch), 1),
        velocity=round(1.0 - (1.0 - _SOFTEST) * softer, 3),
        confidence=round(one.strength / (1.0 + one.spread), 3),
    )
