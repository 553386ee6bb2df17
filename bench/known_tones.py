"""The players of the songs with known stems: mono arrays of one stroke, note or phrase each, at 44.1 kHz."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

RATE_HZ = 44_100
Sound = NDArray[np.float64]

_FORMANT_WIDTHS_HZ = (80.0, 95.0, 130.0)
_FORMANT_GAINS = (1.0, 0.9, 0.8)


def through(sound: Sound, kind: str, hertz: float | tuple[float, float], order: int = 2) -> Sound:
    """A Butterworth filter along the first axis."""
    return np.asarray(sosfilt(butter(order, hertz, kind, fs=RATE_HZ, output="sos"), sound, axis=0))


def in_hertz(pitch: Any) -> Any:
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def shape(count: int, attack: float, release: float, decay: float) -> Sound:
    """Rise, slow decay and fall; seconds."""
    rise, fall = min(int(attack * RATE_HZ), count // 2), min(int(release * RATE_HZ), count // 2)
    out = np.exp(-np.arange(count) / RATE_HZ * decay)
    out[:rise] *= np.linspace(0, 1, rise)
    out[count - fall :] *= np.linspace(1, 0, fall)
    return out


def kick(low: float, sweep: float, decay: float) -> Sound:
    time = np.arange(int(0.45 * RATE_HZ)) / RATE_HZ
    turns = low * time + sweep * 0.025 * (1 - np.exp(-time / 0.025))
    body = np.sin(2 * np.pi * turns) * np.exp(-time / decay)
    click = np.random.Generator(np.random.PCG64(7)).standard_normal(time.size) * np.exp(-time / 0.003)
    return 1.2 * body * shape(time.size, 0.0005, 0.03, 0.0) + 0.12 * click


def snare(rng: np.random.Generator, skin: float, ring: float) -> Sound:
    time = np.arange(int(0.3 * RATE_HZ)) / RATE_HZ
    wires = through(rng.standard_normal(time.size), "bandpass", (900, 9000))
    body = np.sin(2 * np.pi * skin * time) * np.exp(-time / 0.06)
    return 0.6 * wires * np.exp(-time / ring) + 0.6 * body


def hat(rng: np.random.Generator, decay: float) -> Sound:
    time = np.arange(int(5 * decay * RATE_HZ)) / RATE_HZ
    return through(rng.standard_normal(time.size), "highpass", 6500) * np.exp(-time / decay)


def tom(low: float) -> Sound:
    time = np.arange(int(0.35 * RATE_HZ)) / RATE_HZ
    return np.sin(2 * np.pi * (low * time + 0.6 * (1 - np.exp(-time / 0.03)))) * np.exp(-time / 0.12)


def wave(shape: int, hertz: float, count: int) -> Sound:
    """0 a saw, 1 a square, 2 a sine with overtones: sums of partials, so that nothing aliases."""
    time = np.arange(count) / RATE_HZ
    partials = {0: range(1, 25), 1: range(1, 25, 2), 2: (1, 2, 3)}[shape]
    weights = {0: 1.0, 1: 1.0, 2: 1.6}[shape]
    tone = np.sum([np.sin(2 * np.pi * k * hertz * time) / k**weights for k in partials], axis=0)
    return np.asarray(tone)


def pad(rng: np.random.Generator, pitch: int, count: int) -> Sound:
    time, out = np.arange(count) / RATE_HZ, np.zeros(count)
    for detune in rng.uniform(-0.06, 0.06, 2):
        hertz, phases = in_hertz(pitch + detune), rng.uniform(0, 2 * np.pi, 14)
        out += np.sum([np.sin(2 * np.pi * k * hertz * time + phases[k]) / k for k in range(1, 14)], axis=0)
    return out * shape(count, 0.12, 0.2, 0.1)


def keys(pitch: int, count: int) -> Sound:
    """An electric piano by frequency modulation (Chowning, 1973)."""
    time = np.arange(count) / RATE_HZ
    turn = 2 * np.pi * in_hertz(pitch) * time
    tone = np.sin(turn + 1.4 * np.exp(-time / 0.2) * np.sin(turn)) + 0.15 * np.sin(14 * turn) * np.exp(
        -time / 0.03
    )
    return np.asarray(tone * shape(count, 0.003, 0.08, 2.5))


def sung(
    rng: np.random.Generator, pitch: Sound, loud: Sound, consonants: Sound, vowels: Sound, side: float
) -> Sound:
    count = pitch.size
    time = np.arange(count) / RATE_HZ
    glide = lfilter([0.0006], [1, -0.9994], pitch - pitch[0]) + pitch[0]
    drift = lfilter([1e-4], [1, -(1 - 1e-4)], rng.standard_normal(count)) * 8
    vibrato = rng.uniform(0.2, 0.5) * np.sin(2 * np.pi * rng.uniform(4.8, 6.2) * time)
    turns = np.cumsum(in_hertz(np.maximum(glide + drift + vibrato, 40))) / RATE_HZ
    source = np.zeros(count)
    for k in range(1, 41):
        source += np.sin(2 * np.pi * k * turns) / k**0.7
    source = source * loud + rng.standard_normal(count) * 0.05 * loud
    smooth = np.stack(
        [lfilter([0.0008], [1, -0.9992], vowels[:, n] - vowels[0, n]) + vowels[0, n] for n in range(3)]
    )
    voice = _formants(source, smooth)
    voice += through(rng.standard_normal(count), "highpass", 4500) * consonants * 2.0
    angle = (side + 1) * np.pi / 4
    return np.stack([np.cos(angle) * voice, np.sin(angle) * voice], axis=1)


def _formants(source: Sound, centres: Sound) -> Sound:
    """Three resonators in parallel whose frequencies move from block to block of 10 ms."""
    out = np.zeros_like(source)
    block = RATE_HZ // 100
    for number, (width, gain) in enumerate(zip(_FORMANT_WIDTHS_HZ, _FORMANT_GAINS, strict=True)):
        radius, state = np.exp(-np.pi * width / RATE_HZ), np.zeros(2)
        for begin in range(0, source.size, block):
            turn = 2 * np.pi * max(centres[number, begin], 200.0) / RATE_HZ
            feedback = [1.0, -2 * radius * np.cos(turn), radius * radius]
            piece, state = lfilter([gain * (1 - radius)], feedback, source[begin : begin + block], zi=state)
            out[begin : begin + block] += piece
    return out + 0.01 * source


def room(rng: np.random.Generator) -> Sound:
    time = np.arange(int(1.2 * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal((time.size, 2)) * np.exp(-time / rng.uniform(0.12, 0.4))[:, None]
    tail[: int(0.012 * RATE_HZ)] = 0.0
    tail = through(tail, "lowpass", 5000, order=1)
    return np.asarray(tail / np.sqrt(np.square(tail).sum(axis=0)))


def reverberated(sound: Sound, room: Sound) -> Sound:
    return np.stack([fftconvolve(sound[:, n], room[:, n])[: len(sound)] for n in range(2)], axis=1)


def level(sound: Sound, decibels: float) -> Sound:
    """At so many decibels of the same loudness, measured where there is sound."""
    power = np.square(sound).mean(axis=1)
    heard = power[power > 1e-6 * power.max(initial=1e-12)]
    return np.asarray(
        sound * (10 ** (decibels / 20) * 0.1 / np.sqrt(max(heard.mean() if heard.size else 0.0, 1e-12)))
    )
