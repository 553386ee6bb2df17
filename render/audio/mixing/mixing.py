"""What a child runs: from files and gains to one FLAC file of 24 bits.

A sum is written as it is, and measured on the way. Where it passes full scale the file is written again,
turned down as a whole until its highest sample just fits: no limiter, so nothing but its level is changed,
and what the stems are to one another stays.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from render.audio.decode import Channels, SoundShape
from render.audio.loudness import Meter
from render.audio.mixing.facts import Mixed, Part
from render.audio.mixing.sources import Layout, layout_of, shapes_of, summed
from render.audio.separation.flac import StemFiles

__all__ = ["FULL_SCALE", "Mixed", "Part", "mix"]

FULL_SCALE = (2.0**23 - 1) / 2.0**23  # the highest step of 24 bits
BLOCK_SAMPLES = 1 << 16
_MIX = "mix"
_FIRST_PASS = 80.0  # per cent of the work, where there are two
Report = Callable[[float, str | None], None]


def mix(parts: Sequence[Part], out: str, report: Report = lambda percent, message: None) -> Mixed:
    """Write the sum of `parts`, each from its beginning on, to the FLAC file `out`; it ends with the longest.

    It has the highest rate of the parts (up to 96 kHz) and one channel if all have one, else two. `report`
    hears (per cent, sentence). Raises UnsupportedMedia, DamagedMedia, MediaTooLarge, StorageFull; then no
    file is left.
    """
    began = time.monotonic()
    shapes = shapes_of(parts)
    layout = layout_of(shapes)
    work = _Work(parts, shapes, layout, Path(out), report)
    samples, peak, meter = work.first()
    scale = 1.0
    if peak > FULL_SCALE:
        scale = FULL_SCALE / peak
        work.again(scale)
    report(100.0, None)
    gain_db = 20.0 * math.log10(scale)
    return Mixed(
        duration=samples / layout.rate_hz,
        sample_rate=layout.rate_hz,
        channels=layout.channels,
        size=Path(out).stat().st_size,
        gain_db=round(gain_db, 3) + 0.0,
        loudness_lufs=_level(meter.lufs(), gain_db),
        true_peak_dbtp=_level(meter.peak_dbtp(), gain_db),
        seconds=time.monotonic() - began,
    )


class _Work:
    """One mix, decoded once or twice."""

    def __init__(
        self,
        parts: Sequence[Part],
        shapes: Sequence[SoundShape],
        layout: Layout,
        out: Path,
        report: Report,
    ) -> None:
        self._parts, self._shapes, self._layout = parts, shapes, layout
        self._out, self._report = out, report

    def first(self) -> tuple[int, float, Meter]:
        """(samples, their highest magnitude, what was heard). The file is whole if that fits full scale."""
        meter, samples, peak = Meter(), 0, 0.0
        with self._file() as file:
            for block in summed(self._parts, self._shapes, self._layout, BLOCK_SAMPLES):
                samples += len(block)
                peak = max(peak, float(np.abs(block).max()))
                sound = np.ascontiguousarray(block.T)
                meter.take(Channels(sound, self._layout.channel_names, self._layout.rate_hz))
                if peak <= FULL_SCALE:
                    file.add({_MIX: block})
                self._say(samples, 0.0, _FIRST_PASS)
        return samples, peak, meter

    def again(self, scale: float) -> None:
        samples = 0
        with self._file() as file:
            for block in summed(self._parts, self._shapes, self._layout, BLOCK_SAMPLES):
                samples += len(block)
                file.add({_MIX: block * np.float32(scale)})
                self._say(samples, _FIRST_PASS, 100.0)

    def _file(self) -> StemFiles:
        return StemFiles({_MIX: self._out}, self._layout.rate_hz, self._layout.name)

    def _say(self, samples: int, begin: float, end: float) -> None:
        done = samples / self._layout.rate_hz
        expected = max(1.0, self._layout.seconds, done)
        share = min(0.99, done / expected)
        self._report(begin + (end - begin) * share, f"{done:.0f} of {expected:.0f} s")


def _level(decibels: float | None, gain_db: float) -> float | None:
    return None if decibels is None else round(decibels + gain_db, 2)
