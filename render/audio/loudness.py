"""Integrated loudness and true peak as ITU-R BS.1770-4 has them, from the channels as they are stored.

The K-weighting is the standard's pair of filters, made for whatever sample rate there is (the standard gives
coefficients for 48 kHz alone; these are its analogue prototypes through the bilinear transform, as in
libebur128). Blocks of 400 ms overlap by three quarters; the gates are at -70 LUFS and 10 LU below the mean of
what passes that. The true peak is the highest sample of four times the rate (annex 2).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from render.audio.decode import LOW_FREQUENCIES, Channels

_STEPS_A_SECOND = 10
_STEPS_A_BLOCK = 4
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = 10.0
_OFFSET_LUFS = -0.691
_SURROUND = frozenset({"SL", "SR", "BL", "BR", "SDL", "SDR", "WL", "WR"})
_SURROUND_WEIGHT = 1.41
_SHELF_HZ = 1681.974450955533
_LOWEST_PEAK = 1e-6  # -120 dBTP: below that there is nothing

# Annex 2 of the standard, twelve taps a phase; the other two phases are these backwards.
_FIRST_PHASE = """0.0017089843750 0.0109863281250 -0.0196533203125 0.0332031250000 -0.0594482421875
0.1373291015625 0.9721679687500 -0.1022949218750 0.0476074218750 -0.0266113281250 0.0148925781250
-0.0083007812500"""
_SECOND_PHASE = """-0.0291748046875 0.0292968750000 -0.0517578125000 0.0891113281250 -0.1665039062500
0.4650878906250 0.7797851562500 -0.2003173828125 0.1015625000000 -0.0582275390625 0.0330810546875
-0.0189208984375"""
_HALF = np.array([[float(tap) for tap in phase.split()] for phase in (_FIRST_PHASE, _SECOND_PHASE)])
_TAPS = np.concatenate([_HALF, _HALF[::-1, ::-1]]).astype(np.float32)
_OVERSHOOT = np.abs(_TAPS).sum(axis=1)  # more than this times a sample no phase can reach
_HISTORY = _TAPS.shape[1] - 1
_STRETCH = 64  # samples that are looked at together


class Meter:
    """Takes blocks of channels one after the other; `lufs` and `peak_dbtp` say what was heard.

    A stream that changes its rate or layout in the middle is measured as two: the blocks of both count.
    """

    def __init__(self) -> None:
        self._energies: list[float] = []
        self._peak = 0.0
        self._shape: tuple[tuple[str, ...], int] | None = None
        self._step_samples, self._filled, self._energy = 0, 0, 0.0
        self._last: NDArray[np.float32] = np.zeros((0, _HISTORY), np.float32)

    def take(self, block: Channels) -> None:
        shape = (block.names, block.sample_rate_hz)
        if shape != self._shape:
            self._begin(block.names, block.sample_rate_hz)
            self._shape = shape
        self._peak = _true_peak(block.sound, self._last, _TAPS, _OVERSHOOT, self._peak)
        count = block.sound.shape[1]
        done = np.empty(count // self._step_samples + 2)
        self._filled, self._energy, steps = _weighted_energy(
            block.sound, self._filters, self._states, self._weights, self._step_samples,
            self._filled, self._energy, done,
        )  # fmt: skip
        self._energies.extend(done[:steps])

    def lufs(self) -> float | None:
        """None for what is shorter than a block, or never above the absolute gate."""
        steps = np.array(self._energies)
        if len(steps) < _STEPS_A_BLOCK:
            return None
        blocks = np.convolve(steps, np.ones(_STEPS_A_BLOCK) / _STEPS_A_BLOCK, "valid")
        heard = blocks[blocks > _power(_ABSOLUTE_GATE_LUFS)]
        if not len(heard):
            return None
        loud = heard[heard > heard.mean() * 10.0 ** (-_RELATIVE_GATE_LU / 10.0)]
        return _OFFSET_LUFS + 10.0 * math.log10(float(loud.mean()))

    def peak_dbtp(self) -> float | None:
        """None for digital silence."""
        return 20.0 * math.log10(self._peak) if self._peak > _LOWEST_PEAK else None

    def _begin(self, names: tuple[str, ...], sample_rate_hz: int) -> None:
        self._filters = k_weighting(sample_rate_hz)
        self._states = np.zeros((len(names), 4))
        self._weights = np.array([_weight(name) for name in names])
        self._step_samples = round(sample_rate_hz / _STEPS_A_SECOND)
        self._filled, self._energy = 0, 0.0
        self._last = np.zeros((len(names), _HISTORY), np.float32)


def _power(lufs: float) -> float:
    return math.pow(10.0, (lufs - _OFFSET_LUFS) / 10.0)


def _weight(name: str) -> float:
    if name in LOW_FREQUENCIES:
        return 0.0
    return _SURROUND_WEIGHT if name in _SURROUND else 1.0


def k_weighting(sample_rate_hz: int) -> NDArray[np.float64]:
    """(2, 5): b0, b1, b2, a1, a2 of the shelf that stands for the head, and of the high pass after it.

    Raises ValueError for rates that the shelf does not fit below (3.4 kHz).
    """
    if sample_rate_hz <= 2.0 * _SHELF_HZ:
        raise ValueError(f"no loudness at {sample_rate_hz} Hz")
    warped = math.tan(math.pi * _SHELF_HZ / sample_rate_hz)
    quality = 0.7071752369554196
    high = 10.0 ** (3.999843853973347 / 20.0)
    band = high**0.4996667741545416
    scale = 1.0 + warped / quality + warped**2
    shelf = (
        (high + band * warped / quality + warped**2) / scale,
        2.0 * (warped**2 - high) / scale,
        (high - band * warped / quality + warped**2) / scale,
        2.0 * (warped**2 - 1.0) / scale,
        (1.0 - warped / quality + warped**2) / scale,
    )
    warped = math.tan(math.pi * 38.13547087602444 / sample_rate_hz)
    quality = 0.5003270373238773
    scale = 1.0 + warped / quality + warped**2
    high_pass = (
        1.0,
        -2.0,
        1.0,
        2.0 * (warped**2 - 1.0) / scale,
        (1.0 - warped / quality + warped**2) / scale,
    )
    return np.array([shelf, high_pass])


@njit(nogil=True, cache=True, error_model="numpy")
def _weighted_energy(
    sound: Any, filters: Any, states: Any, weights: Any, step: int, filled: int, energy: float, done: Any
) -> Any:
    """Mean squares of finished steps into `done`; (samples of the open step, its sum so far, steps done)."""
    b0, b1, b2, a1, a2 = filters[0]
    _, _, _, d1, d2 = filters[1]
    count = sound.shape[1]
    start = 0
    steps = 0
    while start < count:
        end = min(count, start + step - filled)
        for first in range(0, sound.shape[0], 2):
            # Two at a time: each waits for its own last sample, so one fills the other's pauses.
            second = min(first + 1, sound.shape[0] - 1)
            s0, s1, t0, t1 = states[first]
            u0, u1, v0, v1 = states[second]
            total, other = 0.0, 0.0
            for i in range(start, end):
                x = np.float64(sound[first, i])
                y = b0 * x + s0
                s0 = b1 * x - a1 * y + s1
                s1 = b2 * x - a2 * y
                z = y + t0
                t0 = -2.0 * y - d1 * z + t1
                t1 = y - d2 * z
                total += z * z
                p = np.float64(sound[second, i])
                q = b0 * p + u0
                u0 = b1 * p - a1 * q + u1
                u1 = b2 * p - a2 * q
                r = q + v0
                v0 = -2.0 * q - d1 * r + v1
                v1 = q - d2 * r
                other += r * r
            states[first, 0], states[first, 1], states[first, 2], states[first, 3] = s0, s1, t0, t1
            energy += weights[first] * total
            if second != first:
                states[second, 0], states[second, 1], states[second, 2], states[second, 3] = u0, u1, v0, v1
                energy += weights[second] * other
        filled += end - start
        start = end
        if filled == step:
            done[steps] = energy / step
            steps += 1
            filled, energy = 0, 0.0
    return filled, energy, steps


@njit(nogil=True, cache=True, error_model="numpy", fastmath=True)
def _true_peak(sound: Any, last: Any, taps: Any, overshoot: Any, peak: Any) -> Any:
    """The highest of `peak` and all phases. Stretches that cannot reach it are passed over unfiltered."""
    phases, length = taps.shape
    history = length - 1
    count = sound.shape[1]
    line = np.zeros(history + _STRETCH, np.float32)
    value = np.zeros(_STRETCH, np.float32)
    for channel in range(sound.shape[0]):
        line[:history] = last[channel]
        for start in range(0, count, _STRETCH):
            size = min(_STRETCH, count - start)
            line[history : history + size] = sound[channel, start : start + size]
            line[history + size :] = 0.0
            highest = np.float32(0.0)
            for i in range(history + _STRETCH):
                highest = max(highest, abs(line[i]))
            peak = max(peak, highest)
            for phase in range(phases):
                if highest * overshoot[phase] <= peak:
                    continue
                value[:] = 0.0
                for tap in range(length):
                    share = taps[phase, tap]
                    for i in range(_STRETCH):
                        value[i] += share * line[history + i - tap]
                reached = np.float32(0.0)
                for i in range(size):
                    reached = max(reached, abs(value[i]))
                peak = max(peak, reached)
            for i in range(history):
                line[i] = line[size + i]
        last[channel] = line[:history]
    return peak
