"""What a model drew, as a file like those of the composer: 44.1 kHz, stereo, -14 LUFS, true peak below -1 dBTP."""

from __future__ import annotations

from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from render.audio.separation.flac import StemFiles
from render.errors import ModelUnusable
from render.ml.facts import Generated
from render.music.synth import desk, master
from render.music.synth.clock import SAMPLE_RATE_HZ, samples

_HEARD_HZ = (22.0, 20_000.0)  # what the composer keeps; a constant offset would take the limiter's room
_FADE_SECONDS = 0.03  # where it is cut off in the middle of a tone


def finished(
    sound: NDArray[np.float32], rate_hz: int, duration: float, out: Path, seconds: float
) -> Generated:
    """Write (samples, 1 or 2) at `rate_hz` to `out` as FLAC of 24 bits, exactly `duration` long.

    `seconds` is what making it took. Raises ModelUnusable for what is no sound, StorageFull.
    """
    if not np.isfinite(sound).all() or not sound.any():
        raise ModelUnusable("The model gave no sound.")
    mix = fitted(sound - sound.mean(axis=0), rate_hz, samples(duration))
    desk.cut(mix, *_HEARD_HZ)
    mix *= master.gain_curve(mix)[:, None]
    with StemFiles({"music": out}, SAMPLE_RATE_HZ, "stereo") as files:
        files.add({"music": mix})
    peak = float(20.0 * np.log10(max(1e-9, master.true_peaks(mix).max())))
    return Generated(
        duration=len(mix) / SAMPLE_RATE_HZ,
        sample_rate=SAMPLE_RATE_HZ,
        channels=2,
        size=out.stat().st_size,
        loudness_lufs=master.loudness_lufs(mix),
        true_peak_dbtp=peak,
        seconds=seconds,
    )


def fitted(sound: NDArray[np.float32], rate_hz: int, count: int) -> NDArray[np.float32]:
    """`count` stereo samples at 44.1 kHz, faded out at the very end; what is missing is silent."""
    common = gcd(SAMPLE_RATE_HZ, rate_hz)
    there = resample_poly(sound, SAMPLE_RATE_HZ // common, rate_hz // common, axis=0)[:count]
    mix = np.zeros((count, 2), np.float32)
    mix[: len(there)] = there if there.shape[1] == 2 else there[:, :1]
    fade = min(len(there), samples(_FADE_SECONDS))
    mix[len(there) - fade : len(there)] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)[:, None]
    return mix
