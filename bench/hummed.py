"""Hummed tunes that are known, because they are sung here: drift, vibrato, glides, breath, and none of them.

A voice is a sum of partials that fall by 9 dB an octave under two formants, with the breath of noise
through the same. The tunes are folk songs and hymns out of copyright.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, resample_poly, sosfilt

Sound = NDArray[np.float64]
_RATE = 16_000
_FORMANTS = ((520.0, 90.0), (1150.0, 140.0))


@dataclass(frozen=True)
class Known:
    """`line` has a word a note: semitones above the tonic, - for a rest, and its beats if they are not 1."""

    line: str
    mode: str
    is_legato: bool = False

    def notes(self) -> list[tuple[int | None, float]]:
        """Semitones above the tonic, None for a rest, and beats."""
        read = []
        for word in self.line.split():
            tone, _, beats = word.partition("/")
            read.append((None if tone == "-" else int(tone), float(beats or 1)))
        return read


TUNES: dict[str, Known] = {
    "joy": Known(
        "4 4 5 7 7 5 4 2 0 0 2 4 4/1.5 2/.5 2/2 4 4 5 7 7 5 4 2 0 0 2 4 2/1.5 0/.5 0/2",
        "major",
    ),
    "star": Known("0 0 7 7 9 9 7/2 5 5 4 4 2 2 0/2", "major"),
    "jacques": Known(
        "0 2 4 0 0 2 4 0 4 5 7/2 4 5 7/2 7/.5 9/.5 7/.5 5/.5 4 0 7/.5 9/.5 7/.5 5/.5 4 0 0 -5 0/2 0 -5 0/2",
        "major",
    ),
    "volga": Known("3 0 5 0 - 3 0 5 0/2 - 7 7/1.5 8/.5 7 5 3 5 0 3 0/3", "minor", is_legato=True),
    "king": Known(
        "0/.5 2/.5 3/.5 5/.5 7/.5 3/.5 7 5/.5 2/.5 5 3/.5 0/.5 3 0/.5 2/.5 3/.5 5/.5 7/.5 3/.5 7/.5 12/.5"
        " 10/.5 7/.5 3/.5 7/.5 10/2",
        "minor",
    ),
    "saints": Known("- 0 4 5 7/4 - 0 4 5 7/4 - 0 4 5 7/2 4/2 0/2 4/2 2/4", "major", is_legato=True),
}


@dataclass(frozen=True)
class Manner:
    """How it is hummed. `cents` off at the beginning, `drift_cents` more by the end; `breath_db` below the
    voice (0 for none); `late_seconds` the usual error of an onset; `lead_seconds` of silence before and
    after."""

    cents: float = 0.0
    drift_cents: float = 0.0
    vibrato_cents: float = 35.0
    glide_seconds: float = 0.07
    breath_db: float = 30.0
    late_seconds: float = 0.0
    out_of_tune_cents: float = 0.0
    lead_seconds: float = 0.4
    tail_seconds: float = 0.4
    gain: float = 0.5
    rate_hz: int = 44_100
    channels: int = 1
    is_whistled: bool = False


@dataclass(frozen=True)
class Hummed:
    """`sound` is (n, channels) at `rate_hz`; onsets in seconds, pitches as MIDI numbers."""

    sound: Sound
    rate_hz: int
    onsets: Sound
    ends: Sound
    pitches: NDArray[np.int64]
    bpm: float
    pitch_at: Sound = field(repr=False)
    """Every 10 ms the sung pitch with its fraction, nan where nobody sings."""


def hummed(name: str, tonic: int, bpm: float, manner: Manner | None = None, seed: int = 1) -> Hummed:
    """A tune from a MIDI pitch for its tonic on."""
    how, known = manner or Manner(), TUNES[name]
    random = np.random.default_rng(seed)
    onsets, ends, pitches = _times(known, tonic, bpm, how, random)
    count = int((ends[-1] + how.tail_seconds) * _RATE)
    pitch, loud = _lines(onsets, ends, pitches, count, known.is_legato, how, random)
    voice = _sung(pitch, loud, how, random)
    sound = how.gain * voice / np.abs(voice).max()
    sounding = loud[:: _RATE // 100] > 0.1
    every = np.where(sounding, pitch[:: _RATE // 100], np.nan)
    sound = np.asarray(resample_poly(sound, how.rate_hz, _RATE))
    return Hummed(
        np.repeat(sound[:, None], how.channels, axis=1), how.rate_hz, onsets, ends, pitches, bpm, every
    )


def _times(
    known: Known, tonic: int, bpm: float, how: Manner, random: np.random.Generator
) -> tuple[Sound, Sound, NDArray[np.int64]]:
    onsets, ends, pitches, beat = [], [], [], 0.0
    for tone, beats in known.notes():
        late = float(np.clip(random.normal(0.0, 1.0), -2.0, 2.0)) * how.late_seconds
        if tone is not None:
            onsets.append(how.lead_seconds + beat * 60.0 / bpm + late)
            ends.append(how.lead_seconds + (beat + beats) * 60.0 / bpm)
            pitches.append(tonic + tone)
        beat += beats
    return np.array(onsets), np.array(ends), np.array(pitches)


def _lines(
    onsets: Sound,
    ends: Sound,
    pitches: NDArray[np.int64],
    count: int,
    is_legato: bool,
    how: Manner,
    random: np.random.Generator,
) -> tuple[Sound, Sound]:
    """Pitch and loudness (0..1) of each sample."""
    time = np.arange(count) / _RATE
    pitch, loud = np.full(count, float(pitches[0])), np.zeros(count)
    for number, (onset, tone) in enumerate(zip(onsets, pitches, strict=True)):
        first = int(onset * _RATE)
        following = onsets[number + 1] if number + 1 < len(onsets) else ends[-1]
        is_joined = following - ends[number] < 0.05 and number + 1 < len(onsets)
        end = int((following if is_joined else ends[number]) * _RATE)
        off = random.normal(0.0, 1.0) * how.out_of_tune_cents / 100.0
        pitch[first:] = tone + off
        loud[first:end] = random.uniform(0.7, 1.0)
        repeats = is_joined and pitches[number + 1] == tone
        if is_joined and (repeats or not is_legato):
            loud[end - int(0.045 * _RATE) : end] = 0.06
    smooth = np.exp(-1.0 / (0.012 * _RATE))
    loud = np.asarray(lfilter([1.0 - smooth], [1.0, -smooth], loud))
    if how.glide_seconds > 0.0:
        width = int(how.glide_seconds * _RATE)
        pitch = np.convolve(
            np.pad(pitch, width, mode="edge"), np.hanning(width) / np.hanning(width).sum(), "same"
        )
        pitch = pitch[width:-width]
    since = time - onsets[np.maximum(0, np.searchsorted(onsets, time, side="right") - 1)]
    depth = how.vibrato_cents / 100.0 * np.clip((since - 0.15) / 0.2, 0.0, 1.0)
    pitch = pitch + depth * np.sin(2.0 * np.pi * random.uniform(5.0, 6.2) * time)
    return pitch + (how.cents + how.drift_cents * time / time[-1]) / 100.0, loud


def _sung(pitch: Sound, loud: Sound, how: Manner, random: np.random.Generator) -> Sound:
    hertz = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    turns = np.cumsum(hertz) / _RATE
    if how.is_whistled:
        voice = np.sin(2.0 * np.pi * turns) * loud
    else:
        source = np.zeros(len(pitch))
        for partial in range(1, 21):
            fits = partial * hertz < 7000.0
            source += np.where(fits, np.sin(2.0 * np.pi * partial * turns + partial), 0.0) / partial**1.5
        voice = source * loud + 0.6 * _formed(source * loud)
    if how.breath_db > 0.0:
        noise = random.standard_normal(len(voice))
        noise = noise + 0.5 * np.asarray(
            sosfilt(butter(2, (400, 4000), "bandpass", fs=_RATE, output="sos"), noise)
        )
        power = np.mean(voice[loud > 0.3] ** 2)
        voice = voice + noise * np.sqrt(power / np.mean(noise**2)) * 10.0 ** (-how.breath_db / 20.0)
    return voice


def _formed(source: Sound) -> Sound:
    out = source
    for hertz, width in _FORMANTS:
        radius = np.exp(-np.pi * width / _RATE)
        turn = 2.0 * np.pi * hertz / _RATE
        out = np.asarray(lfilter([1.0 - radius], [1.0, -2.0 * radius * np.cos(turn), radius**2], out))
    return np.asarray(out / max(1e-9, np.abs(out).max()) * np.abs(source).max())


def f_measure(found: Sound, truth: Sound, within_seconds: float) -> float:
    """Of onsets, each matched once, in order."""
    i = j = hits = 0
    while i < len(found) and j < len(truth):
        if abs(found[i] - truth[j]) <= within_seconds:
            hits, i, j = hits + 1, i + 1, j + 1
        elif found[i] < truth[j]:
            i += 1
        else:
            j += 1
    return 2.0 * hits / max(1, len(found) + len(truth))


def note_f_measure(onsets: Sound, pitches: NDArray[np.int64], tune: Hummed, within_seconds: float) -> float:
    """Of notes whose onset and pitch are right; each is matched once."""
    free = np.ones(len(onsets), bool)
    hits = 0
    for onset, pitch in zip(tune.onsets, tune.pitches, strict=True):
        near = free & (np.abs(onsets - onset) <= within_seconds) & (pitches == pitch)
        if near.any():
            free[np.flatnonzero(near)[np.abs(onsets[near] - onset).argmin()]] = False
            hits += 1
    return 2.0 * hits / max(1, len(onsets) + len(tune.onsets))
