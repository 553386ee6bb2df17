"""The same features by plain librosa calls, as its documentation has them: the peer of `bench.analysis`.

librosa has no key finder, no downbeats and no loudness meter. The key is what is usually written with it:
chroma of the constant-Q transform, correlated with the profiles of Krumhansl and Kessler. Downbeats and
loudness are left out, so it does less.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
from numpy.typing import NDArray

from bench.labelled import KEYS

_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


@dataclass(frozen=True)
class Heard:
    bpm: float
    beats: NDArray[np.float64]  # seconds
    key: str
    energy: NDArray[np.float64]  # one value a beat


def heard(path: Path) -> Heard:
    sound, rate = librosa.load(path)
    tempo, frames = librosa.beat.beat_track(y=sound, sr=rate)
    chroma = librosa.feature.chroma_cqt(y=sound, sr=rate, tuning=librosa.estimate_tuning(y=sound, sr=rate))
    energy = librosa.util.sync(librosa.feature.rms(y=sound), frames.tolist())
    beats = librosa.frames_to_time(frames, sr=rate)
    return Heard(float(np.atleast_1d(tempo)[0]), beats, _key(chroma.mean(axis=1)), energy[0])


def _key(chroma: NDArray[np.float64]) -> str:
    fits = {
        f"{KEYS[mode][tonic]} {mode}": float(np.corrcoef(chroma, np.roll(profile, tonic))[0, 1])
        for mode, profile in (("major", _MAJOR), ("minor", _MINOR))
        for tonic in range(12)
    }
    return max(fits, key=lambda name: fits[name])
