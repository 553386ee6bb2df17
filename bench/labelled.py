"""Tracks whose tempo, beats and key are known because they are made here: drum patterns, chords, clicks.

Sounds are float64 at 24 kHz, mono. They are simple on purpose (tones of seven overtones, noise, decays): a
labelled set of scores played by a General MIDI soundfont would say more.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 24_000
KEYS = {
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
}
Sound = NDArray[np.float64]
Steps = Sequence[int]

# sixteenths of a bar with kick, snare and hat, and the tempi (beats a minute) that it is played at
PATTERNS: dict[str, tuple[Steps, Steps, Steps, tuple[float, float]]] = {
    "house": ((0, 4, 8, 12), (4, 12), (2, 6, 10, 14), (115, 130)),
    "rock": ((0, 8, 10), (4, 12), range(0, 16, 2), (90, 150)),
    "hip-hop": ((0, 7, 10), (4, 12), range(0, 16, 2), (75, 100)),
    "trap": ((0, 6, 10), (8,), range(16), (130, 150)),
    "drum and bass": ((0, 10), (4, 12), range(0, 16, 2), (165, 178)),
    "techno": ((0, 4, 8, 12), (), range(2, 16, 4), (125, 140)),
    "ballad": ((0, 8), (4, 12), range(0, 16, 4), (60, 80)),
    "reggae": ((8,), (8,), range(0, 16, 4), (65, 85)),
}
# patterns that the weights of `render.audio.tempo` were not fitted on
UNSEEN: dict[str, tuple[Steps, Steps, Steps, tuple[float, float]]] = {
    "funk": ((0, 3, 6, 10), (4, 12), range(16), (95, 120)),
    "dembow": ((0, 4, 8, 12), (3, 6, 11, 14), range(0, 16, 2), (88, 102)),
    "bossa nova": ((0, 6, 8, 14), (0, 3, 6, 10, 13), range(0, 16, 2), (110, 145)),
    "disco": ((0, 4, 8, 12), (4, 12), range(0, 16, 2), (108, 128)),
}
_ALL = {**PATTERNS, **UNSEEN}
# four chords, a bar each, as semitones above the tonic
PROGRESSIONS: dict[tuple[str, str], tuple[tuple[int, int, int], ...]] = {
    ("major", "cadence"): ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)),
    ("minor", "cadence"): ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7)),
    ("major", "loop"): ((0, 4, 7), (7, 11, 14), (9, 12, 16), (5, 9, 12)),
    ("minor", "loop"): ((0, 3, 7), (8, 12, 15), (3, 7, 10), (10, 14, 17)),
}


@dataclass(frozen=True)
class Labelled:
    """`beats` in seconds; `key` such as "A minor", None for drums alone; `pattern` None for no drums."""

    pattern: str | None
    sound: Sound
    bpm: float
    beats: Sound
    key: str | None


def labelled_set(count: int, seconds: float, seed: int = 1) -> Iterator[Labelled]:
    """Tracks with drums, without them, and drums alone, in turn over patterns, keys and tempi.

    A third are out of tune by up to 40 cents, a third have drums twice as loud.
    """
    random = np.random.default_rng(seed)
    names = [*_ALL, None]
    for number in range(count):
        pattern = names[number % len(names)]
        slowest, fastest = _ALL[pattern][3] if pattern else (70, 150)
        bpm = float(random.uniform(slowest, fastest))
        mode, form = list(PROGRESSIONS)[number % 4]
        tonic = int(random.integers(12))
        is_drums_alone = pattern is not None and number % 7 == 6
        offset = float(random.uniform(0.0, 1.0))
        cents = float(random.uniform(-40.0, 40.0)) if number % 3 == 0 else 0.0
        loud = 2.0 if number % 3 == 1 else 1.0
        sound = np.zeros(int(seconds * RATE))
        if not is_drums_alone:
            put(sound, offset, chord_song(tonic, mode, bpm, seconds - offset, form=form, cents=cents))
        if pattern is not None:
            put(sound, offset, loud * drum_loop(pattern, bpm, seconds - offset))
        yield Labelled(
            pattern,
            0.8 * sound / np.abs(sound).max(),
            bpm,
            np.arange(offset, seconds, 60.0 / bpm),
            None if is_drums_alone else f"{KEYS[mode][tonic]} {mode}",
        )


def note(pitch: float, seconds: float, level: float, decay: float = 1.0) -> Sound:
    """A tone with overtones; `pitch` is a MIDI number, a fraction if it is out of tune."""
    time = np.arange(int(seconds * RATE)) / RATE
    hertz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    tone = sum(np.sin(2 * np.pi * hertz * k * time) / k**1.3 for k in range(1, 8) if hertz * k < RATE / 2)
    return np.asarray(level * tone * np.exp(-decay * time) * np.clip(time / 0.005, 0.0, 1.0))


def kick() -> Sound:
    time = np.arange(int(0.3 * RATE)) / RATE
    turns = 50.0 * time + 3.0 * (1.0 - np.exp(-time / 0.03))
    return np.asarray(0.8 * np.sin(2 * np.pi * turns) * np.exp(-9.0 * time))


def snare() -> Sound:
    time = np.arange(int(0.2 * RATE)) / RATE
    noise = np.random.default_rng(1).standard_normal(len(time))
    return np.asarray((0.25 * np.sin(2 * np.pi * 190 * time) + 0.25 * noise) * np.exp(-18.0 * time))


def hat() -> Sound:
    time = np.arange(int(0.06 * RATE)) / RATE
    noise = np.diff(np.random.default_rng(2).standard_normal(len(time) + 1))
    return np.asarray(0.2 * noise * np.exp(-60.0 * time))


def put(sound: Sound, seconds: float, part: Sound) -> None:
    """Add a part from there on; what would reach beyond the end is left out."""
    start = round(seconds * RATE)
    end = min(len(sound), start + len(part))
    if start < end:
        sound[start:end] += part[: end - start]


def click_track(bpm: float, seconds: float, offset: float = 0.3) -> Sound:
    sound = np.zeros(int(seconds * RATE))
    time = np.arange(480)
    tick = 0.8 * np.sin(2 * np.pi * 1000 * time / RATE) * np.exp(-time / 100)
    for at in np.arange(offset, seconds, 60.0 / bpm):
        put(sound, float(at), tick)
    return sound


def drum_loop(pattern: str, bpm: float, seconds: float) -> Sound:
    sound = np.zeros(int(seconds * RATE))
    for bar in range(int(seconds * bpm / 240.0) + 1):
        for steps, part in zip(_ALL[pattern][:3], (kick(), snare(), hat()), strict=True):
            for step in steps:
                put(sound, (bar * 16 + step) * 15.0 / bpm, part)
    return sound


def chord_song(
    tonic: int, mode: str, bpm: float, seconds: float, *, form: str = "cadence", cents: float = 0.0
) -> Sound:
    """A chord a bar, bass on the beats, an arpeggio of eighths."""
    beat = 60.0 / bpm
    sound = np.zeros(int(seconds * RATE))
    off = cents / 100.0
    for bar in range(int(seconds / (4 * beat)) + 1):
        at, chord = bar * 4 * beat, PROGRESSIONS[mode, form][bar % 4]
        for step in chord:
            put(sound, at, note(57 + (tonic + step - 57) % 12 + off, 4 * beat, 0.1, 0.6))
        for number in range(8):
            if number % 2 == 0:
                put(sound, at + number * beat / 2, note(36 + (tonic + chord[0]) % 12 + off, beat, 0.2, 3.0))
            high = 72 + (tonic + chord[number % 3]) % 12
            put(sound, at + number * beat / 2, note(high + off, beat / 2, 0.06, 6.0))
    return sound


def wav_of(sound: NDArray[np.floating], rate: int = RATE) -> bytes:
    """16 bits; `sound` is (n) or (n, channels), cut at full scale."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.round(np.clip(sound, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())
    return file.getvalue()
