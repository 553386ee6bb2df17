"""The drums: one kernel for skins, wires, metal and hands, and one for noise that rises.

A stroke is a falling sine (the skin), band-passed noise (wires, hands) and six squares (metal, as in the
TR-808's cymbals: Werner, Abel and Smith, 2014), each with its own decay.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from numba import njit

from render.music.synth.clock import SAMPLE_RATE_HZ
from render.music.synth.curves import saturated, sine
from render.music.synth.noise import white
from render.music.synth.svf import passed, tuned


class Stroke(NamedTuple):
    """Frequencies in Hz, decays in seconds to 1/e, levels 0..1."""

    seconds: float = 0.4
    skin: float = 0.0
    skin_hz: float = 50.0
    sweep_octaves: float = 2.0
    sweep_seconds: float = 0.03
    skin_decay: float = 0.15
    overtone: float = 0.0
    overtone_ratio: float = 1.6
    click: float = 0.0
    wires: float = 0.0
    wires_low_hz: float = 1000.0
    wires_high_hz: float = 8000.0
    wires_decay: float = 0.1
    wires_attack: float = 0.0005
    metal: float = 0.0
    metal_hz: float = 540.0
    metal_low_hz: float = 7000.0
    metal_decay: float = 0.05
    hands: float = 0.0
    hands_gap: float = 0.011
    drive: float = 0.0


_DULL = 1.2  # damping of the filters
_METAL_RATIOS = (1.0, 1.3420, 1.2312, 1.6532, 1.9523, 2.1523)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _metal(patch: Any, time: Any) -> Any:
    """Six squares that fit no scale."""
    x = 0.0
    for k in range(6):
        place = patch.metal_hz * _METAL_RATIOS[k] * time + 0.37 * k
        x += 0.4 if place - math.floor(place) < 0.5 else -0.4
    return x


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _wires_level(patch: Any, time: Any) -> Any:
    """The envelope of the noise; hands are three bursts before it."""
    level = math.exp(-time / patch.wires_decay) * min(1.0, time / patch.wires_attack)
    if patch.hands > 0.0:
        level *= 0.45
        for burst in range(3):
            late = time - burst * patch.hands_gap
            if late >= 0.0:
                level += patch.hands * math.exp(-late / 0.005)
    return level


@njit(cache=True, nogil=True, error_model="numpy")
def strike(out: Any, patch: Any, seed: int) -> None:
    """Fill the mono array `out` with one stroke, zero at both ends."""
    rate = float(SAMPLE_RATE_HZ)
    count = out.shape[0]
    a1, a2, a3 = tuned(patch.wires_low_hz, _DULL)
    b1, b2, b3 = tuned(patch.wires_high_hz, _DULL)
    c1, c2, c3 = tuned(patch.metal_low_hz, _DULL)
    h1 = h2 = l1 = l2 = m1 = m2 = turn = over = 0.0
    for n in range(count):
        time = n / rate
        value = patch.click * white(seed + 3, n) * math.exp(-time / 0.0015) if patch.click > 0.0 else 0.0
        if patch.skin > 0.0:
            hertz = patch.skin_hz * 2.0 ** (patch.sweep_octaves * math.exp(-time / patch.sweep_seconds))
            turn += hertz / rate
            over += hertz * patch.overtone_ratio / rate
            body = math.exp(-time / patch.skin_decay)
            value += patch.skin * body * (sine(turn) + patch.overtone * sine(over) * body)
        if patch.wires > 0.0:
            x = white(seed, n)
            low, corner, h1, h2 = passed(x, h1, h2, a1, a2, a3)
            low, corner, l1, l2 = passed(x - _DULL * corner - low, l1, l2, b1, b2, b3)
            value += patch.wires * _wires_level(patch, time) * low
        if patch.metal > 0.0:
            x = 0.6 * _metal(patch, time) + 0.6 * white(seed + 9, n)
            low, corner, m1, m2 = passed(x, m1, m2, c1, c2, c3)
            value += patch.metal * math.exp(-time / patch.metal_decay) * (x - _DULL * corner - low)
        if patch.drive > 0.0:
            value = saturated((1.0 + 3.0 * patch.drive) * value) / (1.0 + patch.drive)
        out[n] = value * min(1.0, n / 22.0) * min(1.0, (count - 1 - n) / (0.12 * count))


@njit(cache=True, nogil=True, error_model="numpy")
def add_riser(out: Any, start: int, count: int, gain: float, seed: int) -> None:
    """Noise whose band climbs from 300 Hz to 9 kHz and grows, wide in stereo."""
    l1 = l2 = r1 = r2 = a1 = a2 = a3 = 0.0
    for n in range(min(count, out.shape[0] - start)):
        way = n / count
        if n % 32 == 0:
            a1, a2, a3 = tuned(300.0 * 30.0**way, 0.7)
        middle = white(seed, n)
        level = gain * way * way * min(1.0, (count - 1 - n) / 400.0)
        _, left, l1, l2 = passed(middle + 0.5 * white(seed + 1, n), l1, l2, a1, a2, a3)
        _, right, r1, r2 = passed(middle + 0.5 * white(seed + 2, n), r1, r2, a1, a2, a3)
        out[start + n, 0] += level * left
        out[start + n, 1] += level * right


@njit(cache=True, nogil=True, error_model="numpy")
def add_wind(out: Any, gain: float, seed: int) -> None:
    """Noise around 3 to 8 kHz that comes and goes over some ten seconds, each side at its own pace."""
    for side in range(2):
        s1 = s2 = a1 = a2 = a3 = level = 0.0
        for n in range(out.shape[0]):
            if n % 64 == 0:
                swell = 0.5 + 0.5 * sine(n / SAMPLE_RATE_HZ * 0.083 + 0.3 * side + white(seed, 1))
                a1, a2, a3 = tuned(3000.0 + 5000.0 * swell, 0.9)
                level = gain * (0.35 + 0.65 * swell)
            _, corner, s1, s2 = passed(white(seed + 5 + side, n), s1, s2, a1, a2, a3)
            out[n, side] += level * corner
