"""What the tests of music measure on a piece."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from render.music.piece import STEMS, Piece, compose
from render.music.prompt import resolve
from render.music.synth.clock import SAMPLE_RATE_HZ

_MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
_MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)


@lru_cache(2)
def piece(prompt: str, duration: float, seed: int = 3) -> Piece:
    return compose(resolve(prompt, seed=seed, duration=duration))


def digest(made: Piece) -> str:
    """Of the mix and all stems, to the bit."""
    whole = hashlib.sha256(made.mix.tobytes())
    for name in STEMS:
        whole.update(made.stems[name].tobytes())
    return whole.hexdigest()


def level_db(sound: NDArray[np.float32]) -> float:
    return float(10.0 * np.log10((sound.astype(np.float64) ** 2).mean() + 1e-20))


def alikeness(sound: NDArray[np.float32]) -> float:
    """How the two sides correlate, -1..1."""
    left, right = sound.astype(np.float64).T
    return float((left * right).mean() / np.sqrt((left**2).mean() * (right**2).mean()))


def octave_levels(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """Decibels in the octaves around 62.5, 125, ... 8000 Hz."""
    mono = sound.mean(axis=1).astype(np.float64)
    power = np.abs(np.fft.rfft(mono * np.hanning(len(mono)))) ** 2
    hertz = np.fft.rfftfreq(len(mono), 1 / SAMPLE_RATE_HZ)
    edges = 62.5 * 2.0 ** np.arange(-0.5, 8.0)
    return np.array(
        [10 * np.log10(power[(hertz >= low) & (hertz < 2 * low)].sum() + 1e-12) for low in edges[:8]]
    )


def key_of(sound: NDArray[np.float32]) -> tuple[int, bool]:
    """Tonic (0 is C) and whether minor: peaks of the spectrum, folded, against profiles of a large corpus.

    Profiles: Albrecht and Shanahan, "The use of large corpora to train a new type of key-finding
    algorithm", 2013.
    """
    size = 16_384
    mono = sound.mean(axis=1)
    starts = range(0, len(mono) - size, size // 2)
    frames = np.stack([mono[start : start + size] for start in starts]) * np.hanning(size)
    spectrum = np.abs(np.fft.rfft(frames, axis=1))
    middle = spectrum[:, 1:-1]
    peaks = np.where((middle > spectrum[:, :-2]) & (middle > spectrum[:, 2:]), np.sqrt(middle), 0.0).sum(
        axis=0
    )
    chroma = np.zeros(12)
    for number in range(int(60 * size / SAMPLE_RATE_HZ), int(2500 * size / SAMPLE_RATE_HZ)):
        pitch = 12.0 * np.log2((number + 1) * SAMPLE_RATE_HZ / size / 440.0) + 69.0
        for harmonic in range(1, 5):  # a peak may be a harmonic of a lower tone
            chroma[round(pitch - 12.0 * np.log2(harmonic)) % 12] += peaks[number] * 0.6 ** (harmonic - 1)
    score = {
        (tonic, minor): np.corrcoef(chroma, np.roll(_MINOR if minor else _MAJOR, tonic))[0, 1]
        for tonic, minor in product(range(12), (False, True))
    }
    return max(score, key=lambda key: float(score[key]))
