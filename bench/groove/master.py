"""Loudness, peaks and the file.

Loudness is measured as ITU-R BS.1770-4 says (K weighting, gated blocks); peaks between the samples are found
by oversampling four times, as its annex 2 says.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.signal import butter, resample_poly, sosfilt

from bench.groove.clock import SAMPLE_RATE_HZ, samples

TARGET_LUFS = -14.0
CEILING = 10.0 ** (-1.3 / 20.0)  # a little below -1 dBTP: lossy codecs overshoot
FADE_SECONDS = 0.6
LOOK_AHEAD_SECONDS = 0.004


def finish(mixed: np.ndarray) -> np.ndarray:
    """The mix at the target loudness, below the ceiling, without DC, faded at its end."""
    low_cut = butter(2, 24.0, "highpass", fs=SAMPLE_RATE_HZ, output="sos")
    clean = sosfilt(low_cut, mixed, axis=0)
    fade = samples(FADE_SECONDS)
    clean[-fade:] *= (0.5 + 0.5 * np.cos(np.pi * (1 + np.arange(fade)) / fade))[:, None]
    peaks = _true_peaks(clean)
    gain = 1.0
    for _ in range(3):  # limiting takes some loudness away again: come closer step by step
        loudness = loudness_lufs(_limited(clean, peaks, gain))
        gain *= 10.0 ** ((TARGET_LUFS - loudness) / 20.0)
    return _limited(clean, peaks, gain)


def _true_peaks(sound: np.ndarray) -> np.ndarray:
    """The highest level at and shortly after each sample, over both sides and between the samples."""
    fine = np.abs(resample_poly(sound, 4, 1, axis=0)).max(axis=1)
    return np.asarray(fine[: 4 * len(sound)].reshape(-1, 4).max(axis=1))


def _limited(sound: np.ndarray, peaks: np.ndarray, gain: float) -> np.ndarray:
    """Gain that looks ahead: it goes down before a peak and comes back slowly, so nothing is clipped."""
    allowed = np.minimum(gain, CEILING / np.maximum(peaks, 1e-9))
    window = 2 * samples(LOOK_AHEAD_SECONDS) + 1
    return np.asarray(sound * uniform_filter1d(minimum_filter1d(allowed, 2 * window), window)[:, None])


def loudness_lufs(sound: np.ndarray) -> float:
    """Integrated loudness of stereo samples at 44.1 kHz; minus infinity for silence."""
    power = np.sum(_k_weighted(sound) ** 2, axis=1)
    total = np.concatenate([[0.0], np.cumsum(power)])
    block, hop = samples(0.4), samples(0.1)
    starts = np.arange(0, len(sound) - block + 1, hop)
    means = (total[starts + block] - total[starts]) / block
    with np.errstate(divide="ignore"):
        levels = -0.691 + 10.0 * np.log10(means)
        heard = means[levels > -70.0]
        if not heard.size:
            return -np.inf
        gate = -0.691 + 10.0 * np.log10(heard.mean()) - 10.0
        return float(-0.691 + 10.0 * np.log10(means[levels > max(gate, -70.0)].mean()))


def _k_weighted(sound: np.ndarray) -> np.ndarray:
    """The two filters of BS.1770, derived for our sample rate (De Man, 2014)."""
    shelf = _shelf(1681.974450955533, 3.999843853973347, 0.7071752369554196)
    rumble = _high_pass(38.13547087602444, 0.5003270373238773)
    return np.asarray(sosfilt(np.array([shelf, rumble]), sound, axis=0))


def _shelf(corner_hz: float, gain_db: float, q: float) -> list[float]:
    k = np.tan(np.pi * corner_hz / SAMPLE_RATE_HZ)
    high = 10.0 ** (gain_db / 20.0)
    middle = high**0.4996667741545416
    a0 = 1.0 + k / q + k * k
    b = [
        (high + middle * k / q + k * k) / a0,
        2.0 * (k * k - high) / a0,
        (high - middle * k / q + k * k) / a0,
    ]
    return [*b, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0]


def _high_pass(corner_hz: float, q: float) -> list[float]:
    k = np.tan(np.pi * corner_hz / SAMPLE_RATE_HZ)
    a0 = 1.0 + k / q + k * k
    return [1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0]


def write_wave(path: Path, sound: np.ndarray) -> None:
    """16 bit PCM with a triangular dither of fixed seeds, so that the bytes are the same each time."""
    uniform = np.random.Generator(np.random.PCG64(8001)).random((2, *sound.shape))
    steps = np.rint(sound * 32767.0 + uniform[0] - uniform[1])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(np.clip(steps, -32768, 32767).astype("<i2").tobytes())
