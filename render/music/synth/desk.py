"""The desk: filters, drive, ducking, echo, reverb and tape on a bus (n, 2). All but `driven` are linear.

Reverb: a feedback delay network of eight lines with a Householder matrix and damping (Jot and Chaigne, 1991).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from render.music.synth.clock import SAMPLE_RATE_HZ, samples
from render.music.synth.curves import saturated
from render.music.synth.noise import white
from render.music.synth.svf import passed, tuned

Bus = NDArray[np.float32]
_LINES = np.array([1031, 1327, 1523, 1871, 2053, 2311, 2539, 2803], np.int64)  # primes, 23 to 64 ms
_BLOCK = 32
_FLAT = 1.4142


@njit(cache=True, nogil=True, error_model="numpy")
def cut(bus: Any, low_hz: float, high_hz: float) -> None:
    """Keep what lies between two frequencies, in place (12 dB an octave a side; 0 and 20000 leave it
    open).
    """
    a1, a2, a3 = tuned(max(low_hz, 1.0), _FLAT)
    b1, b2, b3 = tuned(min(high_hz, 20_000.0), _FLAT)
    closed = high_hz < 19_999.0
    h1 = h2 = l1 = l2 = p1 = p2 = q1 = q2 = 0.0
    for n in range(bus.shape[0]):
        low, corner, h1, h2 = passed(bus[n, 0], h1, h2, a1, a2, a3)
        x = bus[n, 0] - _FLAT * corner - low
        low, corner, p1, p2 = passed(bus[n, 1], p1, p2, a1, a2, a3)
        y = bus[n, 1] - _FLAT * corner - low
        if closed:
            x, _, l1, l2 = passed(x, l1, l2, b1, b2, b3)
            y, _, q1, q2 = passed(y, q1, q2, b1, b2, b3)
        bus[n, 0] = x
        bus[n, 1] = y


@njit(cache=True, nogil=True, error_model="numpy")
def sweep(bus: Any, octaves: Any) -> None:
    """A low-pass that moves, in place; `octaves` above 20 Hz, one value for each 32 samples."""
    l1 = l2 = r1 = r2 = b1 = b2 = b3 = 0.0
    for n in range(bus.shape[0]):
        if n % _BLOCK == 0:
            hertz = 20.0 * 2.0 ** octaves[min(n // _BLOCK, octaves.shape[0] - 1)]
            b1, b2, b3 = tuned(min(19_000.0, hertz), 1.3)
        bus[n, 0], _, l1, l2 = passed(bus[n, 0], l1, l2, b1, b2, b3)
        bus[n, 1], _, r1, r2 = passed(bus[n, 1], r1, r2, b1, b2, b3)


@njit(cache=True, nogil=True, error_model="numpy")
def drive(bus: Any, amount: float) -> None:
    """Saturation, in place: louder inside than outside."""
    inside = 1.0 + amount
    softer = 1.0 / math.sqrt(inside)
    for n in range(bus.shape[0]):
        bus[n, 0] = saturated(inside * bus[n, 0]) * softer
        bus[n, 1] = saturated(inside * bus[n, 1]) * softer


@njit(cache=True, nogil=True, error_model="numpy")
def add_reverb(out: Any, send: Any, seconds: float, damping_hz: float, gain: float, pre: int) -> None:
    """Add to `out` the room's answer to `send`, `pre` samples later; it falls by 60 dB in `seconds`.

    The room hears what lies between 260 Hz and 9 kHz; its highs die first.
    """
    count = _LINES.shape[0]
    size = 4096
    lines = np.zeros((count, size))
    keep = np.zeros(count)
    for k in range(count):
        keep[k] = 10.0 ** (-3.0 * _LINES[k] / (seconds * SAMPLE_RATE_HZ))
    soft = math.exp(-2.0 * math.pi * damping_hz / SAMPLE_RATE_HZ)
    low = np.zeros(count)
    taps = np.zeros(count)
    a1, a2, a3 = tuned(260.0, _FLAT)
    b1, b2, b3 = tuned(9000.0, _FLAT)
    h1 = h2 = l1 = l2 = p1 = p2 = q1 = q2 = 0.0
    for n in range(out.shape[0]):
        x = send[n - pre, 0] if n >= pre else 0.0
        y = send[n - pre, 1] if n >= pre else 0.0
        deep, corner, h1, h2 = passed(x, h1, h2, a1, a2, a3)
        left, _, l1, l2 = passed(x - _FLAT * corner - deep, l1, l2, b1, b2, b3)
        deep, corner, p1, p2 = passed(y, p1, p2, a1, a2, a3)
        right, _, q1, q2 = passed(y - _FLAT * corner - deep, q1, q2, b1, b2, b3)
        total = 0.0
        for k in range(count):
            tap = lines[k, (n - _LINES[k]) & (size - 1)]
            low[k] = tap + soft * (low[k] - tap)
            taps[k] = keep[k] * low[k]
            total += taps[k]
        total *= 2.0 / count
        for k in range(count):
            lines[k, n & (size - 1)] = taps[k] - total + (left if k % 2 == 0 else right)
        out[n, 0] += gain * (taps[0] - taps[2] + taps[4] - taps[6] + 0.4 * (taps[1] - taps[3]))
        out[n, 1] += gain * (taps[1] - taps[3] + taps[5] - taps[7] + 0.4 * (taps[0] - taps[2]))


@njit(cache=True, nogil=True, error_model="numpy")
def add_echo(out: Any, send: Any, delay: int, feedback: float, gain: float) -> None:
    """Add echoes that go from side to side, each duller than the one before; `send` may be `out` itself."""
    left = np.zeros(delay)
    right = np.zeros(delay)
    dull_left = dull_right = thin_left = thin_right = 0.0
    at = 0
    for n in range(out.shape[0]):
        x = left[at]
        y = right[at]
        dull_left += 0.35 * (x - dull_left)
        dull_right += 0.35 * (y - dull_right)
        thin_left += 0.03 * (dull_left - thin_left)
        thin_right += 0.03 * (dull_right - thin_right)
        left[at] = 0.5 * (send[n, 0] + send[n, 1]) + feedback * (dull_right - thin_right)
        right[at] = feedback * (dull_left - thin_left) + 0.25 * send[n, 1]
        out[n, 0] += gain * (dull_left - thin_left)
        out[n, 1] += gain * (dull_right - thin_right)
        at += 1
        if at == delay:
            at = 0


@njit(cache=True, nogil=True, error_model="numpy")
def duck(bus: Any, starts: Any, depth: float, length: int) -> None:
    """Turn the bus down by `depth` (0..1) at each start, in 3 ms, and back up within `length` samples, in
    place.
    """
    dip = 132
    next_start = 0
    last = -length - dip
    for n in range(bus.shape[0]):
        while next_start < starts.shape[0] and starts[next_start] <= n + dip:
            last = starts[next_start]
            next_start += 1
        since = n - last
        if since >= length:
            continue
        if since < 0:
            gain = 1.0 - depth * (1.0 + since / dip)
        else:
            way = since / length
            gain = 1.0 - depth * (1.0 - way) * (1.0 - way)
        bus[n, 0] *= gain
        bus[n, 1] *= gain


@njit(cache=True, nogil=True, error_model="numpy")
def taped(bus: Any, depth: float, crackle: float, seed: int) -> Any:
    """The bus as an old tape or record plays it: wow, flutter, and crackle."""
    out = np.zeros_like(bus)
    count = bus.shape[0]
    rate = float(SAMPLE_RATE_HZ)
    tick = 0.0
    for n in range(count):
        time = n / rate
        back = 2.0 + depth * (
            60.0 * (1.0 + math.sin(2.0 * math.pi * 0.55 * time))
            + 6.0 * (1.0 + math.sin(2.0 * math.pi * 6.3 * time))
        )
        whole = int(back)
        part = back - whole
        if white(seed, n) > 0.99983:
            tick = crackle * white(seed + 1, n)
        tick *= 0.72
        hiss = 0.02 * crackle * white(seed + 2, n)
        at = n - whole
        for side in range(2):
            value = 0.0
            if at >= 1:
                value = bus[at, side] * (1.0 - part) + bus[at - 1, side] * part
            out[n, side] = value + tick + hiss
    return out


def curve(count: int, points: list[tuple[int, float]]) -> NDArray[np.float64]:
    """Values for `sweep`: straight between (sample, hertz) points on an octave scale."""
    at = np.arange(0, count + _BLOCK, _BLOCK)
    where = [float(place) for place, _ in points]
    return np.interp(at, where, [math.log2(hertz / 20.0) for _, hertz in points])


def faded(bus: Bus, seconds: float) -> None:
    """Fade out over the last `seconds`, in place, and open over the first 2 ms."""
    length, opening = min(samples(seconds), len(bus)), min(samples(0.002), len(bus))
    fall = 0.5 + 0.5 * np.cos(np.pi * (1 + np.arange(length)) / length)
    bus[len(bus) - length :] *= fall[:, None].astype(np.float32)
    bus[:opening] *= np.linspace(0.0, 1.0, opening, dtype=np.float32)[:, None]
