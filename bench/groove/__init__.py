"""The benches' song: half a minute of music made from nothing but this package.

The same bytes each time: no randomness but noise from fixed seeds, no samples, no files. `score` says what is
played, `drums` and `tones` how it sounds, `mix` puts it into one room, `master` brings it to the loudness of
published music. Arrays are float64 in -1..1 at 44.1 kHz; stereo is (n, 2).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.groove import arrangement, master
from bench.groove.clock import SAMPLE_RATE_HZ

__all__ = ["SAMPLE_RATE_HZ", "play", "write"]


def play() -> np.ndarray:
    """The whole song as stereo samples, at -14 LUFS and a true peak below -1 dBTP."""
    return master.finish(arrangement.mixed())


def write(path: Path) -> None:
    """Write the song as a 16 bit WAV file. Raises OSError."""
    master.write_wave(path, play())
