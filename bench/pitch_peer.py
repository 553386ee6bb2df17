"""The same by plain librosa calls: the peer of `bench.humming`.

librosa has a pitch track, `pyin`, and no notes. Notes are made of it as is usually done: the pitch is
rounded to semitones, and what holds one for 70 ms is a note.
"""

from __future__ import annotations

import librosa
import numpy as np
from numpy.typing import NDArray

from render.audio.humming.pitch import HIGHEST_HZ, HOP, LOWEST_HZ, SAMPLE_RATE_HZ

FRAME = 1024
LEAST_FRAMES = 7


def followed(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """MIDI numbers every 10 ms, nan without voice; the same rate, hop and range as ours."""
    hertz, _, _ = librosa.pyin(
        sound, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=SAMPLE_RATE_HZ, frame_length=FRAME, hop_length=HOP
    )
    return np.asarray(librosa.hz_to_midi(hertz), np.float64)


def notes(pitch: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Onsets in seconds and pitches."""
    rounded = np.where(np.isfinite(pitch), np.round(np.nan_to_num(pitch)), -1).astype(np.int64)
    edges = np.flatnonzero(np.diff(rounded)) + 1
    begins, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(rounded)]])
    is_note = (rounded[begins] >= 0) & (ends - begins >= LEAST_FRAMES)
    return begins[is_note] * HOP / SAMPLE_RATE_HZ, rounded[begins[is_note]]
