"""What a model drew, mastered like what the composer plays: 44.1 kHz, stereo, -14 LUFS, below -1 dBTP."""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from render.errors import ModelUnusable
from render.music.synth import desk, master
from render.music.synth.clock import SAMPLE_RATE_HZ, samples
from render.music.synth.desk import Bus

_HEARD_HZ = (22.0, 20_000.0)  # what the composer keeps; a constant offset would take the limiter's room
_FADE_SECONDS = 0.03  # where it is cut off in the middle of a tone


def mastered(sound: NDArray[np.float32], rate_hz: int, seconds: float) -> Bus:
    """A stereo mix exactly `seconds` long of (samples, 1 or 2) at `rate_hz`.

    Raises ModelUnusable for what is no sound.
    """
    if not np.isfinite(sound).all() or not sound.any():
        raise ModelUnusable("The model gave no sound.")
    mix = fitted(sound - sound.mean(axis=0), rate_hz, samples(seconds))
    desk.cut(mix, *_HEARD_HZ)
    mix *= master.gain_curve(mix)[:, None]
    return mix


def fitted(sound: NDArray[np.float32], rate_hz: int, count: int) -> Bus:
    """`count` stereo samples at 44.1 kHz, faded out at the very end; what is missing is silent."""
    common = gcd(SAMPLE_RATE_HZ, rate_hz)
    there = resample_poly(sound, SAMPLE_RATE_HZ // common, rate_hz // common, axis=0)[:count]
    mix = np.zeros((count, 2), np.float32)
    mix[: len(there)] = there if there.shape[1] == 2 else there[:, :1]
    fade = min(len(there), samples(_FADE_SECONDS))
    mix[len(there) - fade : len(there)] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)[:, None]
    return mix
