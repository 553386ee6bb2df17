"""The room and the desk: placing, panning, ducking, echo, reverb, a filter that moves. Stereo is (n, 2)."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, oaconvolve, sosfilt

from bench.groove.clock import SAMPLE_RATE_HZ, samples
from bench.groove.drums import noise


def panned(mono: np.ndarray, place: float) -> np.ndarray:
    """Equal power: -1 is left, 1 is right."""
    angle = (place + 1.0) * np.pi / 4.0
    return np.stack([mono * np.cos(angle), mono * np.sin(angle)], axis=1)


def add(bus: np.ndarray, start: int, sound: np.ndarray, gain: float) -> None:
    """Put a sound onto a bus; what would reach beyond the end is left out."""
    end = min(start + len(sound), len(bus))
    bus[start:end] += gain * sound[: end - start]


def ducking(count: int, starts: list[int], depth: float, seconds: float) -> np.ndarray:
    """A gain that makes room at each start (the kick) and comes back within `seconds`."""
    gain = np.ones(count)
    length = samples(seconds)
    way = np.arange(length) / length
    lead_in = samples(0.004)
    dip = np.concatenate([np.linspace(0.0, 1.0, lead_in), (0.5 + 0.5 * np.cos(np.pi * way)) ** 1.5])
    for start in starts:
        first = max(start - lead_in, 0)
        part = gain[first : first + len(dip)]
        np.minimum(part, 1.0 - depth * dip[: len(part)], out=part)
    return gain


def moving_lowpass(bus: np.ndarray, cutoff_hz: np.ndarray) -> np.ndarray:
    """A low pass whose cutoff moves: fixed filters, mixed by where the cutoff lies between them (octaves)."""
    corners = np.array([220.0, 500.0, 1100.0, 2400.0, 5200.0])
    place = np.interp(np.log2(cutoff_hz), np.log2(corners), np.arange(len(corners)))
    out = np.zeros_like(bus)
    for number, corner in enumerate(corners):
        share = np.clip(1.0 - np.abs(place - number), 0.0, 1.0)
        if share.any():
            sos = butter(2, corner, "lowpass", fs=SAMPLE_RATE_HZ, output="sos")
            out += sosfilt(sos, bus, axis=0) * share[:, None]
    return out


def echoes(bus: np.ndarray, seconds: float, feedback: float, repeats: int) -> np.ndarray:
    """Echoes that change sides and grow darker; without the dry sound."""
    sos = butter(1, 3800.0, "lowpass", fs=SAMPLE_RATE_HZ, output="sos")
    step = samples(seconds)
    out = np.zeros_like(bus)
    echo = bus
    for number in range(repeats):
        echo = sosfilt(sos, echo, axis=0)[:, ::-1] * feedback
        start = step * (number + 1)
        out[start:] += echo[: len(bus) - start]
    return out


def reverb(bus: np.ndarray, seconds: float) -> np.ndarray:
    """A hall: the bus convolved with noise that decays, its highs faster; without the dry sound."""
    count = samples(seconds)
    time = np.arange(count) / SAMPLE_RATE_HZ
    out = np.empty_like(bus)
    for side in range(2):
        bright, dark = noise(count, 7001 + side), noise(count, 7011 + side)
        dark = sosfilt(butter(1, 2200.0, "lowpass", fs=SAMPLE_RATE_HZ, output="sos"), dark)
        tail = 0.35 * bright * np.exp(-time / (seconds * 0.09)) + dark * np.exp(-time / (seconds * 0.19))
        tail *= np.clip(time / 0.012, 0.0, 1.0) * np.clip((seconds - time) / 0.2, 0.0, 1.0)
        tail = sosfilt(butter(2, 180.0, "highpass", fs=SAMPLE_RATE_HZ, output="sos"), tail)
        tail /= np.sqrt(np.sum(tail**2))
        out[:, side] = oaconvolve(bus[:, side], tail)[: len(bus)]
    return out
