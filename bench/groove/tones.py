"""The pitched voices: mono arrays for one note each, zero at both ends."""

from __future__ import annotations

from functools import cache

import numpy as np

from bench.groove.clock import SAMPLE_RATE_HZ, samples
from bench.groove.drums import band


def hertz(pitch: float) -> float:
    """The frequency of a MIDI pitch (69 is 440 Hz)."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def saw(frequency_hz: float, count: int, phase: float = 0.0) -> np.ndarray:
    """A saw without the aliases of a naive one (PolyBLEP; Valimaki and Huovilainen, 2007)."""
    step = frequency_hz / SAMPLE_RATE_HZ
    place = (phase + step * np.arange(count)) % 1.0
    out = 2.0 * place - 1.0
    after = np.flatnonzero(place < step)
    x = place[after] / step
    out[after] -= 2.0 * x - x * x - 1.0
    before = np.flatnonzero(place > 1.0 - step)
    x = (place[before] - 1.0) / step
    out[before] -= x * x + 2.0 * x + 1.0
    return out


def envelope(count: int, attack_seconds: float, release_seconds: float) -> np.ndarray:
    """Rise, hold, fall within `count` samples, without corners."""
    rise, fall = min(samples(attack_seconds), count // 2), min(samples(release_seconds), count // 2)
    out = np.ones(count)
    out[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    out[count - fall :] = 0.5 + 0.5 * np.cos(np.pi * (1 + np.arange(fall)) / fall)
    return out


def pad(pitch: int, seconds: float) -> np.ndarray:
    """A wide chord tone, stereo (n, 2): one saw in the middle and one a little off on each side."""
    count = samples(seconds)
    shape = envelope(count, 0.22, 0.45)
    middle = saw(hertz(pitch), count, 0.37 * pitch % 1.0)
    left = saw(hertz(pitch - 0.09), count, 0.61 * pitch % 1.0)
    right = saw(hertz(pitch + 0.08), count, 0.83 * pitch % 1.0)
    return np.stack([(0.6 * middle + left) * shape, (0.6 * middle + right) * shape], axis=1)


@cache
def bass(pitch: int, seconds: float) -> np.ndarray:
    """A round low sine with a growl on top that closes quickly."""
    count = samples(seconds)
    time = np.arange(count) / SAMPLE_RATE_HZ
    edge = saw(hertz(pitch), count)
    growl = band(edge, 60.0, 950.0) * np.exp(-time / 0.12) + 0.5 * band(edge, 60.0, 380.0)
    low = np.sin(2 * np.pi * hertz(pitch) * time)
    return np.asarray(np.tanh(0.85 * low + 0.4 * growl) * envelope(count, 0.006, 0.04))


@cache
def pluck(pitch: int, strength: float) -> np.ndarray:
    """A glassy string: frequency modulation that dies faster than the tone (Chowning, 1973)."""
    count = samples(0.7)
    time = np.arange(count) / SAMPLE_RATE_HZ
    turn = 2 * np.pi * hertz(pitch) * time
    index = (0.7 + 1.1 * strength) * np.exp(-time / 0.09)
    tone = np.sin(turn + index * np.sin(2.0 * turn)) + 0.12 * np.sin(3.0 * turn) * np.exp(-time / 0.05)
    return np.asarray(tone * np.exp(-time / 0.2) * envelope(count, 0.002, 0.08))


@cache
def lead(pitch: int, seconds: float) -> np.ndarray:
    """A soft voice with a slow vibrato that comes in late."""
    count = samples(seconds + 0.12)
    time = np.arange(count) / SAMPLE_RATE_HZ
    depth = 0.0022 * np.clip((time - 0.18) / 0.3, 0.0, 1.0)
    turn = 2 * np.pi * hertz(pitch) * (time - depth / (2 * np.pi * 5.2) * np.cos(2 * np.pi * 5.2 * time))
    tone = np.sin(turn) + 0.32 * np.sin(2 * turn) * np.exp(-time / 0.5) + 0.14 * np.sin(3 * turn)
    return np.asarray(tone * envelope(count, 0.018, 0.14))
