"""Mastering as one gain that moves: what it does to the mix it does to each stem, so stems still sum to the
mix.

Loudness is that of ITU-R BS.1770-4 (K weighting, gated blocks of 400 ms), true peaks are found by
oversampling four times as its annex 2 says. The gain is worked out for blocks of 32 samples (0.7 ms).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.signal import firwin

from render.audio.loudness import k_weighting
from render.music.synth.clock import SAMPLE_RATE_HZ

TARGET_LUFS = -14.0
CEILING = 10.0 ** (-1.25 / 20.0)  # a little below -1 dBTP: lossy codecs overshoot
BLOCK = 32
_LOOK_AHEAD_BLOCKS = 5  # 3.6 ms
_RELEASE_BLOCKS = 70  # 50 ms
_TAPS = 12

Gain = NDArray[np.float32]


def gain_curve(mix: NDArray[np.float32], target_lufs: float = TARGET_LUFS) -> Gain:
    """The gain (n) that brings the stereo mix (n, 2) to the target loudness, below the ceiling."""
    peaks = np.maximum(true_peaks(mix), 1e-9)
    power = k_power(mix)
    loudness = gated(power)
    if not np.isfinite(loudness):
        return np.ones(len(mix), np.float32)
    level = 10.0 ** ((target_lufs - loudness) / 20.0)
    for _ in range(8):  # limiting takes some loudness away again: come closer step by step
        blocks = _limited(peaks, level)
        missing = target_lufs - gated(power * blocks[: len(power)] ** 2)
        level *= 10.0 ** (missing / 20.0)
        if abs(missing) < 0.02:
            break
    return _each_sample(_limited(peaks, level), len(mix))


def _limited(peaks: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Down before a peak, slowly back: a minimum and two means over blocks never exceed what is allowed."""
    allowed = np.minimum(level, CEILING / peaks)
    reach = 2 * _LOOK_AHEAD_BLOCKS + 1
    held = minimum_filter1d(allowed, 2 * reach + 1, mode="nearest")
    held = _released(held, level)
    return np.asarray(uniform_filter1d(uniform_filter1d(held, reach, mode="nearest"), reach, mode="nearest"))


@njit(cache=True, nogil=True, error_model="numpy")
def _released(held: Any, level: float) -> Any:
    """Follow falls at once and rises with a time constant."""
    out = np.empty_like(held)
    now = level
    for k in range(held.shape[0]):
        now = min(held[k], now + (level - now) / _RELEASE_BLOCKS)
        out[k] = now
    return out


def _each_sample(blocks: NDArray[np.float64], count: int) -> Gain:
    """Straight lines between the middles of the blocks."""
    middles = BLOCK * np.arange(len(blocks)) + 0.5 * BLOCK
    return np.interp(np.arange(count), middles, blocks).astype(np.float32)


def true_peaks(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """The highest level in each block of 32 samples, over both sides and between the samples."""
    phases = firwin(4 * _TAPS, 0.25, window=("kaiser", 5.0)).reshape(_TAPS, 4)[::-1] * 4.0
    return np.asarray(_block_peaks(sound, np.ascontiguousarray(phases)))


@njit(cache=True, nogil=True, error_model="numpy")
def _block_peaks(sound: Any, phases: Any) -> Any:
    count = sound.shape[0]
    out = np.zeros((count + BLOCK - 1) // BLOCK)
    for n in range(count):
        top = 0.0
        for side in range(2):
            top = max(top, abs(sound[n, side]))
            first = n - _TAPS // 2
            if first < 0 or first + _TAPS > count:
                continue
            v0 = v1 = v2 = v3 = 0.0
            for tap in range(_TAPS):
                x = sound[first + tap, side]
                v0 += phases[tap, 0] * x
                v1 += phases[tap, 1] * x
                v2 += phases[tap, 2] * x
                v3 += phases[tap, 3] * x
            top = max(top, max(max(abs(v0), abs(v1)), max(abs(v2), abs(v3))))
        block = n // BLOCK
        if top > out[block]:
            out[block] = top
    return out


def loudness_lufs(sound: NDArray[np.float32]) -> float:
    """Integrated loudness of stereo samples (n, 2); minus infinity for silence."""
    return gated(k_power(sound))


def gated(power: NDArray[np.float64]) -> float:
    """Integrated loudness from the K-weighted mean squares of blocks of 32 samples."""
    total = np.concatenate([[0.0], np.cumsum(power)])
    window, hop = round(0.4 * SAMPLE_RATE_HZ / BLOCK), round(0.1 * SAMPLE_RATE_HZ / BLOCK)
    starts = np.arange(0, max(1, len(power) - window + 1), hop)
    ends = np.minimum(starts + window, len(power))
    means = np.maximum((total[ends] - total[starts]) / (ends - starts), 1e-20)
    levels = -0.691 + 10.0 * np.log10(means)
    heard = means[levels > -70.0]
    if not heard.size:
        return -np.inf
    gate = -0.691 + 10.0 * np.log10(heard.mean()) - 10.0
    return float(-0.691 + 10.0 * np.log10(means[levels > max(gate, -70.0)].mean()))


def k_power(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """The K-weighted mean square of each whole block of 32 samples, both sides summed."""
    return np.asarray(_weighted_power(sound, k_weighting(SAMPLE_RATE_HZ)))


@njit(cache=True, nogil=True, error_model="numpy")
def _weighted_power(sound: Any, filters: Any) -> Any:
    blocks = sound.shape[0] // BLOCK
    out = np.zeros(blocks)
    b0, b1, b2, a1, a2 = filters[0]
    d0, d1, d2, c1, c2 = filters[1]
    for side in range(2):
        s1 = s2 = t1 = t2 = 0.0
        for n in range(blocks * BLOCK):
            x = sound[n, side]
            y = b0 * x + s1
            s1 = b1 * x - a1 * y + s2
            s2 = b2 * x - a2 * y
            z = d0 * y + t1
            t1 = d1 * y - c1 * z + t2
            t2 = d2 * y - c2 * z
            out[n // BLOCK] += z * z / BLOCK
    return out
