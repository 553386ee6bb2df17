"""The melody as MusicGen-melody was taught to hear it: the loudest of twelve pitch classes, frame by frame.

The same figures as `MusicgenMelodyFeatureExtractor` of transformers, which needs torchaudio for two calls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import get_window
from transformers.audio_utils import chroma_filter_bank


@dataclass(frozen=True)
class ChromaShape:
    """`window` and `hop` in samples; what lies beyond `longest_seconds` is not heard."""

    rate_hz: int = 32_000
    window: int = 16_384
    hop: int = 4_096
    classes: int = 12
    longest_seconds: float = 30.0


def chroma(sound: NDArray[np.float32], shape: ChromaShape) -> NDArray[np.float32]:
    """(frames, classes), one 1 a frame, of mono samples; class 0 is C, and silence is C too."""
    missing = max(0, shape.window - len(sound))
    padded = np.pad(sound.astype(np.float64), (missing // 2, missing - missing // 2))
    padded = np.pad(padded, shape.window // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, shape.window)[:: shape.hop]
    spectrum = np.abs(np.fft.rfft(frames * get_window("hann", shape.window))) ** 2
    bank = chroma_filter_bank(
        num_frequency_bins=shape.window, num_chroma=shape.classes, sampling_rate=shape.rate_hz, tuning=0.0
    )
    loudest = (spectrum @ np.asarray(bank).T).argmax(axis=1)
    return np.asarray(np.eye(shape.classes, dtype=np.float32)[loudest])
