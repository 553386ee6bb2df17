"""Compiles the kernels of a child that listens, on a machine that has not done so yet.

Where they are compiled nothing is loaded: most workers start many times, and wait for no song at once; the
first song loads them in a second.
"""

from __future__ import annotations

import tempfile
import wave
from importlib import import_module
from pathlib import Path

import numpy as np

from render.one_at_a_time import alone

_HERE = Path(__file__).parent
KERNELS = ("bands", "beats", "key", "loudness", "tones", "windows", "separation/medians", "separation/pitch")
_RATE_HZ = 24_000


def warm() -> None:
    """Hear and part some seconds, one process at a time: the first one compiles for all."""
    if _is_compiled():
        return
    with alone(_HERE):
        if not _is_compiled():
            _compile()


def _is_compiled() -> bool:
    return all(_is_kept(_HERE / f"{name}.py") for name in KERNELS)


def _is_kept(source: Path) -> bool:
    """Whether Numba has an index of this module's kernels that is younger than its source."""
    kept = [index.stat().st_mtime for index in (source.parent / "__pycache__").glob(f"{source.stem}.*.nbi")]
    return bool(kept) and max(kept) >= source.stat().st_mtime


def _compile() -> None:
    # Imported here and by name: they load what a start must not wait for.
    with tempfile.TemporaryDirectory(prefix="starling-warm-") as folder:
        path = Path(folder) / "clicks.wav"
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(_RATE_HZ)
            out.writeframes(_clicks().tobytes())
        import_module("render.audio.analysis").analyse(str(path))
        import_module("render.audio.features").analyse(str(path))
    import_module("render.audio.separation.warm").warm()


def _clicks() -> np.ndarray:
    """Eight seconds, as 16 bits: a chord that is struck twice a second, so that there is all to hear."""
    time = np.arange(_RATE_HZ // 2) / _RATE_HZ
    chord = sum(np.sin(2 * np.pi * hertz * time) for hertz in (220.0, 277.2, 329.6, 440.0))
    return np.tile((4000.0 * chord * np.exp(-6.0 * time)).astype("<i2"), 16)
