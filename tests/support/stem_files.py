"""Stems as tests look at them: decoded, summed, held against the mix."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]


def decoded(content: bytes | Path) -> Sound:
    """(samples, channels), -1..1, of the first audio stream; what is stored as integers is exact."""
    with av.open(io.BytesIO(content) if isinstance(content, bytes) else str(content), "r") as container:
        stream = container.streams.audio[0]
        blocks = []
        for frame in container.decode(stream):
            block = frame.to_ndarray()
            if not frame.format.is_planar:
                block = block.reshape(-1, frame.layout.nb_channels).T
            blocks.append(block)
    joined: NDArray[Any] = np.concatenate(blocks, axis=1).T
    whole = 2.0 ** (8 * joined.dtype.itemsize - 1) if joined.dtype.kind == "i" else 1.0
    return np.asarray(joined / whole, np.float64)


def wav_of(sound: NDArray[np.floating], rate_hz: int) -> bytes:
    """(samples, channels) as 16 bit PCM, clipped."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(sound.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(np.clip(np.rint(sound * 32768), -32768, 32767).astype("<i2").tobytes())
    return file.getvalue()


def missing_db(mix: NDArray[Any], stems: Iterable[NDArray[Any]]) -> float:
    """Level of what the stems' sum lacks or adds, relative to the mix; -200 where that is nothing."""
    wrong = np.square(np.subtract(sum(stems), mix, dtype=np.float64)).sum()
    whole = np.square(mix, dtype=np.float64).sum()
    return float(10 * np.log10(max(wrong / max(whole, 1e-30), 1e-20)))
