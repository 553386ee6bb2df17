"""The kit, stroke by stroke: mono arrays that begin and end at zero.

`number` seeds the noise of a stroke, so that equal strokes do not sound like a machine; `TAKES` of them do.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.signal import butter, sosfilt

from bench.groove.clock import SAMPLE_RATE_HZ, samples

KICK_LOW_HZ, KICK_SWEEP_HZ = 49.0, 150.0
TAKES = 5
CLAP_BURSTS_SECONDS = (0.0, 0.011, 0.021)


def noise(count: int, seed: int) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(count)


def band(signal: np.ndarray, low_hz: float | None, high_hz: float | None) -> np.ndarray:
    """The signal between two frequencies (Butterworth, second order a side); None leaves a side open."""
    if low_hz is not None:
        signal = sosfilt(butter(2, low_hz, "highpass", fs=SAMPLE_RATE_HZ, output="sos"), signal)
    if high_hz is not None:
        signal = sosfilt(butter(2, high_hz, "lowpass", fs=SAMPLE_RATE_HZ, output="sos"), signal)
    return signal


def _faded(stroke: np.ndarray, attack_seconds: float = 0.0005, release_seconds: float = 0.01) -> np.ndarray:
    """Zero at both ends: a stroke that starts or stops in mid-air clicks."""
    rise, fall = samples(attack_seconds), samples(release_seconds)
    stroke[:rise] *= np.linspace(0.0, 1.0, rise)
    stroke[-fall:] *= np.linspace(1.0, 0.0, fall)
    return stroke


@cache
def kick(number: int) -> np.ndarray:
    """A sine that falls from a knock to a low tone, with a tick of noise in front."""
    time = np.arange(samples(0.36)) / SAMPLE_RATE_HZ
    sweep = KICK_SWEEP_HZ * 0.024 * (1.0 - np.exp(-time / 0.024))
    body = np.sin(2 * np.pi * (KICK_LOW_HZ * time + sweep)) * np.exp(-time / 0.13)
    tick = band(noise(time.size, 1000 + number), 1800.0, 7000.0) * np.exp(-time / 0.004)
    return _faded(np.tanh(1.6 * body) * 0.95 + 0.10 * tick)


@cache
def clap(number: int) -> np.ndarray:
    """Three short bursts and a room, over a little of a snare's skin."""
    time = np.arange(samples(0.26)) / SAMPLE_RATE_HZ
    envelope = 0.5 * np.exp(-time / 0.075)
    for start in CLAP_BURSTS_SECONDS:
        envelope += np.where(time >= start, np.exp(-(time - start) / 0.006), 0.0)
    hands = band(noise(time.size, 2000 + number), 900.0, 5200.0) * envelope
    skin = np.sin(2 * np.pi * 188.0 * time) * np.exp(-time / 0.05)
    return _faded(0.55 * hands + 0.25 * skin)


@cache
def snare(number: int) -> np.ndarray:
    time = np.arange(samples(0.16)) / SAMPLE_RATE_HZ
    wires = band(noise(time.size, 3000 + number), 1400.0, 9000.0) * np.exp(-time / 0.045)
    skin = np.sin(2 * np.pi * (196.0 * time + 1.2 * (1 - np.exp(-time / 0.02)))) * np.exp(-time / 0.045)
    return _faded(0.4 * wires + 0.4 * skin)


@cache
def hat(number: int, decay_seconds: float) -> np.ndarray:
    """Noise with a metal edge; a short decay is a closed hat, a long one an open hat."""
    time = np.arange(samples(decay_seconds * 5 + 0.02)) / SAMPLE_RATE_HZ
    metal = sum(np.sign(np.sin(2 * np.pi * hz * time)) for hz in (3231.0, 4127.0, 5417.0, 6173.0))
    colour = band(0.7 * noise(time.size, 4000 + number) + 0.25 * metal, 7200.0, 15000.0)
    return _faded(0.5 * colour * np.exp(-time / decay_seconds))


def crash() -> np.ndarray:
    time = np.arange(samples(2.4)) / SAMPLE_RATE_HZ
    bright = band(noise(time.size, 5001), 4200.0, 14000.0) * np.exp(-time / 0.55)
    return _faded(0.3 * bright, release_seconds=0.3)


def riser(seconds: float) -> np.ndarray:
    """Noise that opens over the given time: four bands that come in one after the other."""
    count = samples(seconds)
    way = np.linspace(0.0, 1.0, count)
    source = noise(count, 6001)
    out = np.zeros(count)
    for place, (low, high) in enumerate(
        ((300.0, 900.0), (900.0, 2200.0), (2200.0, 5000.0), (5000.0, 11000.0))
    ):
        out += band(source, low, high) * np.exp(-(((way - 0.3 - 0.23 * place) / 0.28) ** 2))
    return _faded(out * way**1.6, attack_seconds=0.05, release_seconds=0.03)
