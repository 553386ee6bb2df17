"""Songs whose stems are known, made from a seed: what separation is measured and tested on.

Each seed draws its own tempo, key, chords, groove, timbres, levels, pans and room. Drums are swept sines and
filtered noise; the bass is a filtered wave under the chords' roots; `other` is a pad or an electric piano; the
voice is a glottal pulse through formants, with vibrato, glides, consonants, breath and pauses. Synthetic songs are
cleaner than recorded ones: figures from them compare methods, they do not compare with those of MUSDB18.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

RATE_HZ = 44_100
STEMS = ("drums", "bass", "vocals", "other")
Sound = NDArray[np.float64]

_PROGRESSIONS = ((0, 7, 9, 5), (9, 5, 0, 7), (0, 9, 5, 7), (2, 7, 0, 9), (0, 5, 9, 7))
_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR_ROOTS = (2, 4, 9)
_VOWELS = ((800, 1150, 2900), (400, 1700, 2600), (350, 2000, 2800), (450, 800, 2830), (325, 700, 2700))
_FORMANT_WIDTHS_HZ = (80.0, 95.0, 130.0)


@dataclass(frozen=True)
class KnownSong:
    """`stems` maps each of `STEMS` to float32 (samples, 2) at 44.1 kHz; the mix is their sum."""

    seed: int
    bpm: float
    key: int  # pitch class of the tonic, 0 is C
    stems: dict[str, NDArray[np.float32]]

    @property
    def mix(self) -> NDArray[np.float32]:
        return np.sum([self.stems[name] for name in STEMS], axis=0, dtype=np.float32)


def known_song(seed: int, seconds: float = 20.0) -> KnownSong:
    """The same seed and length are the same samples; the mix peaks at 0.9."""
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    band = _Band(rng, int(seconds * RATE_HZ))
    dry = {"drums": band.drums(), "bass": band.bass(), "vocals": band.vocals(), "other": band.chords()}
    levels_db = {
        "drums": rng.uniform(-2, 2),
        "bass": rng.uniform(-4, 0),
        "vocals": rng.uniform(-1, 3),
        "other": rng.uniform(-3, 1),
    }
    wet = {name: _level(sound, levels_db[name]) for name, sound in dry.items()}
    room = _room(rng)
    sends = {"drums": 0.08, "bass": 0.0, "vocals": rng.uniform(0.1, 0.3), "other": rng.uniform(0.05, 0.25)}
    for name, sound in wet.items():
        wet[name] = sound + sends[name] * _reverberated(sound, room)
    peak = np.abs(sum(wet.values())).max()
    stems = {name: (0.9 / peak * sound).astype(np.float32) for name, sound in wet.items()}
    return KnownSong(seed, band.bpm, band.key, stems)


class _Band:
    """What all players of one song agree on."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self.rng = rng
        self.count = count
        self.bpm = float(rng.uniform(78, 150))
        self.key = int(rng.integers(12))
        self.beat = 60.0 / self.bpm * RATE_HZ
        self.bars = int(np.ceil(count / (4 * self.beat)))
        self.roots = _PROGRESSIONS[rng.integers(len(_PROGRESSIONS))]

    def drums(self) -> Sound:
        rng, out = self.rng, np.zeros((self.count, 2))
        kick = _kick(rng.uniform(42, 60), rng.uniform(90, 190), rng.uniform(0.09, 0.2))
        hat_side = rng.uniform(-0.6, 0.6)
        is_busy = rng.random() < 0.5
        kicks = [(0.0, 2.0), (0.0, 1.0, 2.0, 3.0), (0.0, 1.5, 2.0), (0.0, 2.5)][rng.integers(4)]
        skin, ring = rng.uniform(165, 230), rng.uniform(0.06, 0.14)
        for bar in range(self.bars):
            for place in kicks:
                self._put(out, kick * rng.uniform(0.85, 1.0), bar, place, 0.0)
            for place in (1.0, 3.0):
                self._put(out, _snare(rng, skin, ring) * rng.uniform(0.6, 0.75), bar, place, 0.05)
            for place in np.arange(0.0, 4.0, 0.25 if is_busy else 0.5):
                is_open = place % 1.0 == 0.5 and rng.random() < 0.15
                loud = 0.30 if place % 1.0 == 0.0 else 0.2
                hat = _hat(rng, 0.16 if is_open else 0.035)
                self._put(out, hat * loud * rng.uniform(0.7, 1.1), bar, place, hat_side)
            if bar % 4 == 3:
                for place in (3.25, 3.5, 3.75):
                    self._put(out, _tom(rng.uniform(90, 180)) * 0.6, bar, place, rng.uniform(-0.5, 0.5))
        return out

    def bass(self) -> Sound:
        rng, out = self.rng, np.zeros((self.count, 2))
        shape, corner = rng.integers(3), rng.uniform(300, 1100)
        groove = ((0.0, 1.5, 2.0, 3.5), (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5), (0.0, 2.0), (0.5, 1.5, 2.5, 3.5))
        places = groove[rng.integers(4)]
        for bar in range(self.bars):
            root = 28 + (self.key + self.roots[bar % 4] - 4) % 12
            for number, place in enumerate(places):
                until = (places[number + 1] if number + 1 < len(places) else 4.0) - place
                pitch = root + int(rng.choice([0, 0, 0, 12, 7]))
                note = _wave(shape, _hertz(pitch), int(0.92 * until * self.beat))
                low = butter(2, corner, "lowpass", fs=RATE_HZ, output="sos")
                self._put(out, sosfilt(low, note) * _shape(note.size, 0.006, 0.04, 1.2), bar, place, 0.0)
        return out

    def chords(self) -> Sound:
        rng, out = self.rng, np.zeros((self.count, 2))
        is_pad, width = rng.random() < 0.5, rng.uniform(0.3, 0.9)
        places = (0.0,) if is_pad else ((0.0, 1.0, 2.0, 3.0), (0.5, 1.5, 2.5, 3.5), (0.0, 2.0))[rng.integers(3)]
        lean = rng.uniform(-0.4, 0.4)
        for bar in range(self.bars):
            root = self.roots[bar % 4]
            third = 3 if root in _MINOR_ROOTS else 4
            for place in places:
                for number, step in enumerate((0, third, 7, 12)):
                    pitch = 52 + (self.key + root + step - 4) % 12 + (12 if number == 3 else 0)
                    side = float(np.clip(lean + width * (-1, -0.3, 0.4, 1)[number], -1, 1))
                    length = int((4.0 if is_pad else 0.9) * self.beat)
                    self._put(out, _pad(rng, pitch, length) if is_pad else _keys(pitch, length), bar, place, side)
        return out

    def vocals(self) -> Sound:
        """Phrases of two bars: sung for about three quarters of them."""
        rng = self.rng
        pitch, loud = np.zeros(self.count), np.zeros(self.count)
        consonants, vowels = np.zeros(self.count), np.zeros((self.count, 3))
        centre, note = rng.integers(58, 68), 0
        for phrase in range(0, self.bars, 2):
            place = float(rng.choice([0.0, 0.5, 1.0]))
            while place < 6.5:
                length = float(rng.choice([0.5, 0.5, 1.0, 1.0, 1.5, 2.0]))
                note = int(np.clip(note + rng.integers(-2, 3), -3, 5))
                begin = int((4 * phrase + place) * self.beat)
                end = min(self.count, int(begin + 0.95 * length * self.beat))
                if end - begin < 2000:
                    break
                step = note % 7
                pitch[begin:] = centre + 12 * (note // 7) + (_MAJOR[step] + self.key - centre) % 12
                loud[begin:end] = _shape(end - begin, 0.04, 0.07, 0.3) * rng.uniform(0.7, 1.0)
                vowels[begin:] = _VOWELS[rng.integers(len(_VOWELS))]
                burst = min(int(rng.uniform(0.02, 0.08) * RATE_HZ), begin)
                if rng.random() < 0.5:
                    consonants[begin - burst : begin] = np.hanning(burst) * rng.uniform(0.05, 0.25)
                place += length
        return _sung(rng, pitch, loud, consonants, vowels, rng.uniform(-0.12, 0.12))

    def _put(self, out: Sound, sound: Sound, bar: int, place: float, side: float) -> None:
        """Add a mono sound at a beat of a bar; `side` -1..1 pans it with constant power."""
        begin = int((4 * bar + place) * self.beat)
        piece = sound[: max(0, self.count - begin)]
        angle = (side + 1) * np.pi / 4
        out[begin : begin + piece.size, 0] += np.cos(angle) * piece
        out[begin : begin + piece.size, 1] += np.sin(angle) * piece


def _hertz(pitch: float | Sound) -> float | Sound:
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def _shape(count: int, attack: float, release: float, decay: float) -> Sound:
    """Rise, slow decay and fall; seconds."""
    rise, fall = min(int(attack * RATE_HZ), count // 2), min(int(release * RATE_HZ), count // 2)
    out = np.exp(-np.arange(count) / RATE_HZ * decay)
    out[:rise] *= np.linspace(0, 1, rise)
    out[count - fall :] *= np.linspace(1, 0, fall)
    return out


def _kick(low: float, sweep: float, decay: float) -> Sound:
    time = np.arange(int(0.45 * RATE_HZ)) / RATE_HZ
    body = np.sin(2 * np.pi * (low * time + sweep * 0.025 * (1 - np.exp(-time / 0.025)))) * np.exp(-time / decay)
    click = np.random.Generator(np.random.PCG64(7)).standard_normal(time.size) * np.exp(-time / 0.003)
    return 1.2 * body * _shape(time.size, 0.0005, 0.03, 0.0) + 0.12 * click


def _snare(rng: np.random.Generator, skin: float, ring: float) -> Sound:
    time = np.arange(int(0.3 * RATE_HZ)) / RATE_HZ
    wires = sosfilt(butter(2, (900, 9000), "bandpass", fs=RATE_HZ, output="sos"), rng.standard_normal(time.size))
    return 0.6 * wires * np.exp(-time / ring) + 0.6 * np.sin(2 * np.pi * skin * time) * np.exp(-time / 0.06)


def _hat(rng: np.random.Generator, decay: float) -> Sound:
    time = np.arange(int(5 * decay * RATE_HZ)) / RATE_HZ
    high = butter(2, 6500, "highpass", fs=RATE_HZ, output="sos")
    return sosfilt(high, rng.standard_normal(time.size)) * np.exp(-time / decay)


def _tom(low: float) -> Sound:
    time = np.arange(int(0.35 * RATE_HZ)) / RATE_HZ
    return np.sin(2 * np.pi * (low * time + 0.6 * (1 - np.exp(-time / 0.03)))) * np.exp(-time / 0.12)


def _wave(shape: int, hertz: float, count: int) -> Sound:
    """0 a saw, 1 a square, 2 a sine with overtones: sums of partials, so that nothing aliases."""
    time = np.arange(count) / RATE_HZ
    partials = {0: range(1, 25), 1: range(1, 25, 2), 2: (1, 2, 3)}[shape]
    weights = {0: 1.0, 1: 1.0, 2: 1.6}[shape]
    return np.sum([np.sin(2 * np.pi * k * hertz * time) / k**weights for k in partials], axis=0)


def _pad(rng: np.random.Generator, pitch: int, count: int) -> Sound:
    time, out = np.arange(count) / RATE_HZ, np.zeros(count)
    for detune in rng.uniform(-0.06, 0.06, 2):
        hertz, phases = _hertz(pitch + detune), rng.uniform(0, 2 * np.pi, 14)
        out += np.sum([np.sin(2 * np.pi * k * hertz * time + phases[k]) / k for k in range(1, 14)], axis=0)
    return out * _shape(count, 0.12, 0.2, 0.1)


def _keys(pitch: int, count: int) -> Sound:
    """An electric piano by frequency modulation (Chowning, 1973)."""
    time = np.arange(count) / RATE_HZ
    turn = 2 * np.pi * _hertz(pitch) * time
    tone = np.sin(turn + 1.4 * np.exp(-time / 0.2) * np.sin(turn)) + 0.15 * np.sin(14 * turn) * np.exp(-time / 0.03)
    return tone * _shape(count, 0.003, 0.08, 2.5)


def _sung(
    rng: np.random.Generator, pitch: Sound, loud: Sound, consonants: Sound, vowels: Sound, side: float
) -> Sound:
    count = pitch.size
    time = np.arange(count) / RATE_HZ
    glide = lfilter([0.0006], [1, -0.9994], pitch - pitch[0]) + pitch[0]
    drift = lfilter([1e-4], [1, -(1 - 1e-4)], rng.standard_normal(count)) * 8
    vibrato = rng.uniform(0.2, 0.5) * np.sin(2 * np.pi * rng.uniform(4.8, 6.2) * time)
    turns = np.cumsum(_hertz(np.maximum(glide + drift + vibrato, 40))) / RATE_HZ
    source = np.zeros(count)
    for k in range(1, 41):
        source += np.sin(2 * np.pi * k * turns) / k**0.7
    source = source * loud + rng.standard_normal(count) * 0.05 * loud
    smooth = np.stack([lfilter([0.0008], [1, -0.9992], vowels[:, n] - vowels[0, n]) + vowels[0, n] for n in range(3)])
    voice = _formants(source, smooth)
    hiss = butter(2, 4500, "highpass", fs=RATE_HZ, output="sos")
    voice += sosfilt(hiss, rng.standard_normal(count)) * consonants * 2.0
    angle = (side + 1) * np.pi / 4
    return np.stack([np.cos(angle) * voice, np.sin(angle) * voice], axis=1)


def _formants(source: Sound, centres: Sound) -> Sound:
    """Three resonators in parallel whose frequencies move from block to block of 10 ms."""
    out = np.zeros_like(source)
    block = RATE_HZ // 100
    for number, (width, gain) in enumerate(zip(_FORMANT_WIDTHS_HZ, (1.0, 0.9, 0.8), strict=True)):
        radius, state = np.exp(-np.pi * width / RATE_HZ), np.zeros(2)
        for begin in range(0, source.size, block):
            turn = 2 * np.pi * max(centres[number, begin], 200.0) / RATE_HZ
            feedback = [1.0, -2 * radius * np.cos(turn), radius * radius]
            piece, state = lfilter([gain * (1 - radius)], feedback, source[begin : begin + block], zi=state)
            out[begin : begin + block] += piece
    return out + 0.01 * source


def _room(rng: np.random.Generator) -> Sound:
    time = np.arange(int(1.2 * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal((time.size, 2)) * np.exp(-time / rng.uniform(0.12, 0.4))[:, None]
    tail[: int(0.012 * RATE_HZ)] = 0.0
    low = butter(1, 5000, "lowpass", fs=RATE_HZ, output="sos")
    tail = sosfilt(low, tail, axis=0)
    return tail / np.sqrt(np.square(tail).sum(axis=0))


def _reverberated(sound: Sound, room: Sound) -> Sound:
    return np.stack([fftconvolve(sound[:, n], room[:, n])[: len(sound)] for n in range(2)], axis=1)


def _level(sound: Sound, decibels: float) -> Sound:
    """At so many decibels of the same loudness, measured where there is sound."""
    power = np.square(sound).mean(axis=1)
    heard = power[power > 1e-6 * power.max(initial=1e-12)]
    return sound * (10 ** (decibels / 20) * 0.1 / np.sqrt(max(heard.mean() if heard.size else 0.0, 1e-12)))
