"""The drums: one kernel for skins, wires, metal and hands, and one for noise that rises.

A stroke is a falling sine (the skin), band-passed noise (wires, hands) and six squares (metal, as in the
TR-808's
cymbals: Werner, Abel and Smith, 2014), each with its own decay.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from numba import njit

from render.music.synth.clock import SAMPLE_RATE_HZ
from render.music.synth.curves import saturated, sine
from render.music.synth.noise import white


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


_METAL_RATIOS = (1.0, 1.3420, 1.2312, 1.6532, 1.9523, 2.1523)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _coefficients(hertz: Any) -> Any:
    g = math.tan(math.pi * min(hertz, 20_000.0) / SAMPLE_RATE_HZ)
    a1 = 1.0 / (1.0 + g * (g + 1.2))
    return a1, g * a1, g * g * a1


@njit(cache=True, nogil=True, error_model="numpy")
def strike(out: Any, patch: Any, seed: int) -> None:
    """Fill the mono array `out` with one stroke, zero at both ends."""
    rate = float(SAMPLE_RATE_HZ)
    count = out.shape[0]
    ha1, ha2, ha3 = _coefficients(patch.wires_low_hz)
    la1, la2, la3 = _coefficients(patch.wires_high_hz)
    ma1, ma2, ma3 = _coefficients(patch.metal_low_hz)
    h1 = h2 = l1 = l2 = m1 = m2 = 0.0
    turn = 0.0
    over = 0.0
    for n in range(count):
        time = n / rate
        value = 0.0
        if patch.skin > 0.0:
            hertz = patch.skin_hz * 2.0 ** (patch.sweep_octaves * math.exp(-time / patch.sweep_seconds))
            turn += hertz / rate
            over += hertz * patch.overtone_ratio / rate
            body = math.exp(-time / patch.skin_decay)
            value += patch.skin * body * (sine(turn) + patch.overtone * sine(over) * body)
        if patch.click > 0.0:
            value += patch.click * white(seed + 3, n) * math.exp(-time / 0.0015)
        if patch.wires > 0.0:
            envelope = math.exp(-time / patch.wires_decay) * min(1.0, time / patch.wires_attack)
            if patch.hands > 0.0:
                envelope *= 0.45
                for burst in range(3):
                    late = time - burst * patch.hands_gap
                    if late >= 0.0:
                        envelope += patch.hands * math.exp(-late / 0.005)
            x = white(seed, n)
            v3 = x - h2
            v1 = ha1 * h1 + ha2 * v3
            v2 = h2 + ha2 * h1 + ha3 * v3
            h1 = 2.0 * v1 - h1
            h2 = 2.0 * v2 - h2
            x = x - 1.2 * v1 - v2
            v3 = x - l2
            v1 = la1 * l1 + la2 * v3
            v2 = l2 + la2 * l1 + la3 * v3
            l1 = 2.0 * v1 - l1
            l2 = 2.0 * v2 - l2
            value += patch.wires * envelope * v2
        if patch.metal > 0.0:
            x = 0.0
            for k in range(6):
                place = patch.metal_hz * _METAL_RATIOS[k] * time + 0.37 * k
                x += 0.4 if place - math.floor(place) < 0.5 else -0.4
            x = 0.6 * x + 0.6 * white(seed + 9, n)
            v3 = x - m2
            v1 = ma1 * m1 + ma2 * v3
            v2 = m2 + ma2 * m1 + ma3 * v3
            m1 = 2.0 * v1 - m1
            m2 = 2.0 * v2 - m2
            value += patch.metal * math.exp(-time / patch.metal_decay) * (x - 1.2 * v1 - v2)
        if patch.drive > 0.0:
            value = saturated((1.0 + 3.0 * patch.drive) * value) / (1.0 + patch.drive)
        fade = min(1.0, n / 22.0) * min(1.0, (count - 1 - n) / (0.12 * count))
        out[n] = value * fade


@njit(cache=True, nogil=True, error_model="numpy")
def add_riser(
    out: Any, start: int, count: int, gain: float, low_hz: float, high_hz: float, seed: int
) -> None:
    """Noise whose band climbs from one frequency to the other and grows, wide in stereo."""
    l1 = l2 = r1 = r2 = 0.0
    a1 = a2 = a3 = 0.0
    for n in range(min(count, out.shape[0] - start)):
        way = n / count
        if n % 32 == 0:
            g = math.tan(math.pi * low_hz * (high_hz / low_hz) ** way / SAMPLE_RATE_HZ)
            a1 = 1.0 / (1.0 + g * (g + 0.7))
            a2 = g * a1
            a3 = g * a2
        middle = white(seed, n)
        level = gain * way * way * min(1.0, (count - 1 - n) / 400.0)
        v3 = middle + 0.5 * white(seed + 1, n) - l2
        v1 = a1 * l1 + a2 * v3
        v2 = l2 + a2 * l1 + a3 * v3
        l1 = 2.0 * v1 - l1
        l2 = 2.0 * v2 - l2
        out[start + n, 0] += level * v1
        v3 = middle + 0.5 * white(seed + 2, n) - r2
        v1 = a1 * r1 + a2 * v3
        v2 = r2 + a2 * r1 + a3 * v3
        r1 = 2.0 * v1 - r1
        r2 = 2.0 * v2 - r2
        out[start + n, 1] += level * v1


@njit(cache=True, nogil=True, error_model="numpy")
def add_wind(out: Any, gain: float, seed: int) -> None:
    """Noise around 3 to 8 kHz that comes and goes over some ten seconds, each side at its own pace."""
    for side in range(2):
        s1 = s2 = 0.0
        a1 = a2 = a3 = level = 0.0
        for n in range(out.shape[0]):
            if n % 64 == 0:
                time = n / SAMPLE_RATE_HZ
                swell = 0.5 + 0.5 * sine(time * 0.083 + 0.3 * side + white(seed, 1))
                g = math.tan(math.pi * (3000.0 + 5000.0 * swell) / SAMPLE_RATE_HZ)
                a1 = 1.0 / (1.0 + g * (g + 0.9))
                a2 = g * a1
                a3 = g * a2
                level = gain * (0.35 + 0.65 * swell)
            v3 = white(seed + 5 + side, n) - s2
            v1 = a1 * s1 + a2 * v3
            v2 = s2 + a2 * s1 + a3 * v3
            s1 = 2.0 * v1 - s1
            s2 = 2.0 * v2 - s2
            out[n, side] += level * v1
