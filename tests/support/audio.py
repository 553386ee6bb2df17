"""Sounds whose tempo, key and level are known because they were made so."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RATE = 24_000
KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# by mode: the four chords of a cadence, as semitones above the tonic
CHORDS = {
    "major": ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)),
    "minor": ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7)),
}
Sound = NDArray[np.float64]


def note(pitch: float, seconds: float, level: float, decay: float = 1.0) -> Sound:
    """A tone with overtones; `pitch` is a MIDI number, a fraction if it is out of tune."""
    time = np.arange(int(seconds * RATE)) / RATE
    hertz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    tone = sum(np.sin(2 * np.pi * hertz * k * time) / k**1.3 for k in range(1, 8) if hertz * k < RATE / 2)
    return np.asarray(level * tone * np.exp(-decay * time) * np.clip(time / 0.005, 0.0, 1.0))


def kick(level: float = 0.8) -> Sound:
    time = np.arange(int(0.3 * RATE)) / RATE
    turns = 50.0 * time + 3.0 * (1.0 - np.exp(-time / 0.03))
    return np.asarray(level * np.sin(2 * np.pi * turns) * np.exp(-9.0 * time))


def snare(level: float = 0.5) -> Sound:
    time = np.arange(int(0.2 * RATE)) / RATE
    noise = np.random.default_rng(1).standard_normal(len(time))
    return np.asarray(level * (0.5 * np.sin(2 * np.pi * 190 * time) + 0.5 * noise) * np.exp(-18.0 * time))


def hat(level: float = 0.25) -> Sound:
    time = np.arange(int(0.06 * RATE)) / RATE
    noise = np.diff(np.random.default_rng(2).standard_normal(len(time) + 1))
    return np.asarray(level * noise * np.exp(-60.0 * time))


def put(sound: Sound, seconds: float, part: Sound) -> None:
    start = round(seconds * RATE)
    end = min(len(sound), start + len(part))
    if start < end:
        sound[start:end] += part[: end - start]


def click_track(bpm: float, seconds: float, offset: float = 0.3) -> Sound:
    sound = np.zeros(int(seconds * RATE))
    tick = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(480) / RATE) * np.exp(-np.arange(480) / 100)
    for at in np.arange(offset, seconds, 60.0 / bpm):
        put(sound, float(at), tick)
    return sound


def drum_loop(
    bpm: float, seconds: float, pattern: tuple[Sequence[int], Sequence[int], Sequence[int]]
) -> Sound:
    """`pattern` is the sixteenths of a bar with kick, snare and hat."""
    sound = np.zeros(int(seconds * RATE))
    for bar in range(int(seconds * bpm / 240.0) + 1):
        for steps, part in zip(pattern, (kick(), snare(), hat()), strict=True):
            for step in steps:
                put(sound, (bar * 16 + step) * 15.0 / bpm, part)
    return sound


def chord_song(
    *,
    tonic: int,
    mode: str,
    bpm: float = 100.0,
    seconds: float = 16.0,
    cents: float = 0.0,
    drums: float = 0.0,
) -> Sound:
    """A cadence, a chord a bar, bass on the beats, an arpeggio of eighths, drums of that level. Peak 0.8."""
    beat = 60.0 / bpm
    sound = np.zeros(int(seconds * RATE))
    off = cents / 100.0
    for bar in range(int(seconds / (4 * beat)) + 1):
        at, chord = bar * 4 * beat, CHORDS[mode][bar % 4]
        for step in chord:
            put(sound, at, note(57 + (tonic - 9) % 12 + step + off, 4 * beat, 0.1, 0.6))
        for number in range(8):
            if number % 2 == 0:
                root = 36 + (tonic + chord[0]) % 12
                put(sound, at + number * beat / 2, note(root + off, beat, 0.25, 3.0))
            high = 72 + (tonic + chord[number % 3]) % 12
            put(sound, at + number * beat / 2, note(high + off, beat / 2, 0.06, 6.0))
    if drums:
        sound += drums * drum_loop(bpm, seconds, ((0, 8, 10), (4, 12), range(0, 16, 2)))
    return np.asarray(0.8 * sound / np.abs(sound).max())


def wav_of(sound: NDArray[np.floating], rate: int = RATE) -> bytes:
    """16 bits; `sound` is (n) or (n, channels)."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.round(np.clip(sound, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())
    return file.getvalue()


def silent_wav(seconds: float) -> bytes:
    return wav_of(np.zeros(int(seconds * RATE)))
