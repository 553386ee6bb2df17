"""Songs whose stems are known, made from a seed: what separation is measured and tested on.

Each seed draws its own tempo, key, chords, groove, timbres, levels, pans and room. Drums are swept sines and
filtered noise; the bass is a filtered wave under the chords' roots; `other` is a pad or an electric piano;
the voice is a glottal pulse through formants, with vibrato, glides, consonants, breath and pauses. Synthetic
songs are cleaner than recorded ones: figures from them compare methods, they do not compare with those of
MUSDB18.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench import known_tones as tones
from bench.known_tones import RATE_HZ, Sound

STEMS = ("drums", "bass", "vocals", "other")

_PROGRESSIONS = ((0, 7, 9, 5), (9, 5, 0, 7), (0, 9, 5, 7), (2, 7, 0, 9), (0, 5, 9, 7))
_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR_ROOTS = (2, 4, 9)
_VOWELS = ((800, 1150, 2900), (400, 1700, 2600), (350, 2000, 2800), (450, 800, 2830), (325, 700, 2700))


@dataclass(frozen=True)
class KnownSong:
    """`stems` maps each of `STEMS` to float32 (samples, 2) at 44.1 kHz; the mix is their sum."""

    seed: int
    bpm: float
    key: int  # pitch class of the tonic, 0 is C
    stems: dict[str, NDArray[np.float32]]

    @property
    def mix(self) -> NDArray[np.float32]:
        return np.asarray(sum(self.stems[name] for name in STEMS), np.float32)


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
    wet = {name: tones.level(sound, levels_db[name]) for name, sound in dry.items()}
    room = tones.room(rng)
    sends = {"drums": 0.08, "bass": 0.0, "vocals": rng.uniform(0.1, 0.3), "other": rng.uniform(0.05, 0.25)}
    for name, sound in wet.items():
        wet[name] = sound + sends[name] * tones.reverberated(sound, room)
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
        kick = tones.kick(rng.uniform(42, 60), rng.uniform(90, 190), rng.uniform(0.09, 0.2))
        hat_side = rng.uniform(-0.6, 0.6)
        is_busy = rng.random() < 0.5
        kicks = [(0.0, 2.0), (0.0, 1.0, 2.0, 3.0), (0.0, 1.5, 2.0), (0.0, 2.5)][rng.integers(4)]
        skin, ring = rng.uniform(165, 230), rng.uniform(0.06, 0.14)
        for bar in range(self.bars):
            for place in kicks:
                self._put(out, kick * rng.uniform(0.85, 1.0), bar, place, 0.0)
            for place in (1.0, 3.0):
                self._put(out, tones.snare(rng, skin, ring) * rng.uniform(0.6, 0.75), bar, place, 0.05)
            for place in np.arange(0.0, 4.0, 0.25 if is_busy else 0.5):
                is_open = place % 1.0 == 0.5 and rng.random() < 0.15
                loud = 0.30 if place % 1.0 == 0.0 else 0.2
                hat = tones.hat(rng, 0.16 if is_open else 0.035)
                self._put(out, hat * loud * rng.uniform(0.7, 1.1), bar, place, hat_side)
            if bar % 4 == 3:
                for place in (3.25, 3.5, 3.75):
                    self._put(out, tones.tom(rng.uniform(90, 180)) * 0.6, bar, place, rng.uniform(-0.5, 0.5))
        return out

    def bass(self) -> Sound:
        rng, out = self.rng, np.zeros((self.count, 2))
        shape, corner = int(rng.integers(3)), rng.uniform(300, 1100)
        groove = (
            (0.0, 1.5, 2.0, 3.5),
            (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5),
            (0.0, 2.0),
            (0.5, 1.5, 2.5, 3.5),
        )
        places = groove[rng.integers(4)]
        for bar in range(self.bars):
            root = 28 + (self.key + self.roots[bar % 4] - 4) % 12
            for number, place in enumerate(places):
                until = (places[number + 1] if number + 1 < len(places) else 4.0) - place
                pitch = root + int(rng.choice([0, 0, 0, 12, 7]))
                note = tones.wave(shape, tones.in_hertz(pitch), int(0.92 * until * self.beat))
                note = tones.through(note, "lowpass", corner) * tones.shape(note.size, 0.006, 0.04, 1.2)
                self._put(out, note, bar, place, 0.0)
        return out

    def chords(self) -> Sound:
        rng, out = self.rng, np.zeros((self.count, 2))
        is_pad, width = rng.random() < 0.5, rng.uniform(0.3, 0.9)
        places = (
            (0.0,) if is_pad else ((0.0, 1.0, 2.0, 3.0), (0.5, 1.5, 2.5, 3.5), (0.0, 2.0))[rng.integers(3)]
        )
        lean = rng.uniform(-0.4, 0.4)
        for bar in range(self.bars):
            root = self.roots[bar % 4]
            third = 3 if root in _MINOR_ROOTS else 4
            for place in places:
                for number, step in enumerate((0, third, 7, 12)):
                    pitch = 52 + (self.key + root + step - 4) % 12 + (12 if number == 3 else 0)
                    side = float(np.clip(lean + width * (-1, -0.3, 0.4, 1)[number], -1, 1))
                    length = int((4.0 if is_pad else 0.9) * self.beat)
                    self._put(
                        out,
                        tones.pad(rng, pitch, length) if is_pad else tones.keys(pitch, length),
                        bar,
                        place,
                        side,
                    )
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
                loud[begin:end] = tones.shape(end - begin, 0.04, 0.07, 0.3) * rng.uniform(0.7, 1.0)
                vowels[begin:] = _VOWELS[rng.integers(len(_VOWELS))]
                burst = min(int(rng.uniform(0.02, 0.08) * RATE_HZ), begin)
                if rng.random() < 0.5:
                    consonants[begin - burst : begin] = np.hanning(burst) * rng.uniform(0.05, 0.25)
                place += length
        return tones.sung(rng, pitch, loud, consonants, vowels, rng.uniform(-0.12, 0.12))

    def _put(self, out: Sound, sound: Sound, bar: int, place: float, side: float) -> None:
        """Add a mono sound at a beat of a bar; `side` -1..1 pans it with constant power."""
        begin = int((4 * bar + place) * self.beat)
        piece = sound[: max(0, self.count - begin)]
        angle = (side + 1) * np.pi / 4
        out[begin : begin + piece.size, 0] += np.cos(angle) * piece
        out[begin : begin + piece.size, 1] += np.sin(angle) * piece
