"""Hums as clients upload them, and what is read of the pieces that follow them."""

from __future__ import annotations

import io
import wave
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.hummed import Hummed, Manner, hummed
from tests.render.test_music_midi import read
from tests.support.stem_files import wav_of

PHONE = Manner(
    cents=5.0,
    drift_cents=40.0,
    vibrato_cents=45.0,
    breath_db=20.0,
    late_seconds=0.015,
    out_of_tune_cents=8.0,
    rate_hz=8_000,
)
"""As a telephone records it."""


def star(bpm: float = 100.0, manner: Manner = PHONE) -> Hummed:
    """Eight seconds in A major."""
    return hummed("star", 57, bpm, manner, seed=11)


def wav(tune: Hummed) -> bytes:
    return wav_of(tune.sound.astype(np.float32), tune.rate_hz)


def cut(tune: Hummed, seconds: float) -> Hummed:
    return replace(tune, sound=tune.sound[: round(seconds * tune.rate_hz)])


def silent_wav(seconds: int) -> bytes:
    """At 8 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8_000)
        out.writeframes(bytes(2 * 8_000 * seconds))
    return file.getvalue()


def melody_of(midi: bytes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Onsets in seconds and pitches of the track of that name."""
    division, tracks = read(midi)
    tempo = tracks[0].tempo
    assert tempo is not None
    notes = sorted(next(track for track in tracks if track.name == "melody").notes)
    seconds = np.array([note[0] for note in notes]) / division * 60.0 / tempo
    return seconds, np.array([note[3] for note in notes])
