"""How loud each part of the pitch is, 120 times a second: what onsets are found in.

The same windows of 46 ms, centred on their tick, as those that move the pictures (`render.audio.spectrum`),
but nothing here has to stay the same to the bit, so it is made the quick way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray

from render.audio.spectrum import FFT, HOP, WINDOW, band_matrix, hann
from render.audio.windows import windowed

_BATCH = 64  # ticks at once: what fits into the cache

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Bands:
    """Arrays over ticks: fine (n, FINE_BANDS) mean power of log bands, power (n) mean square of a hop.

    `samples` is how many there were.
    """

    fine: Array
    power: Array
    samples: int


class BandListener:
    """Takes mono blocks at SAMPLE_RATE_HZ; `bands` says what was there. Holds levels, not the sound."""

    def __init__(self) -> None:
        matrix = band_matrix()
        self._weights = np.ascontiguousarray(matrix.T)
        self._edges = np.stack([(matrix > 0).argmax(axis=0), len(matrix) - (matrix[::-1] > 0).argmax(axis=0)])
        self._window = hann().astype(np.float32)
        self._rows = np.zeros((_BATCH, FFT), np.float32)
        self._held = np.zeros(WINDOW // 2, np.float32)
        self._fine: list[Array] = []
        self._power: list[Array] = []
        self.samples = 0

    def take(self, block: Array) -> None:
        self.samples += len(block)
        self._held = np.concatenate([self._held, block])
        self._transform(_BATCH)

    def bands(self) -> Bands:
        """Called once, at the end."""
        self._held = np.concatenate([self._held, np.zeros(WINDOW // 2 + HOP, np.float32)])
        self._transform(1)
        return Bands(np.concatenate(self._fine), np.concatenate(self._power), self.samples)

    def _transform(self, least: int) -> None:
        """All whole windows, as long as there are `least` of them."""
        count = max(0, (len(self._held) - WINDOW) // HOP + 1)
        done = 0
        while count - done >= least:
            now = min(count - done, _BATCH)
            part = self._held[done * HOP :]
            windowed(part, HOP, self._window, self._rows[:now])
            spectrum = scipy.fft.rfft(self._rows[:now], axis=1)
            fine, power = np.empty((now, len(self._weights)), np.float32), np.empty(now, np.float32)
            _band_power(spectrum.view(np.float32), self._weights, self._edges, fine)
            _mean_squares(part[(WINDOW - HOP) // 2 :], HOP, power)
            self._fine.append(fine)
            self._power.append(power)
            done += now
        self._held = self._held[done * HOP :]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=True)
def _band_power(spectrum: Any, weights: Any, edges: Any, out: Any) -> None:
    """Into `out` (n, bands): weighted sums of squares; `spectrum` (n, 2 bins) has real and imaginary parts in
    turn."""
    bins = spectrum.shape[1] // 2
    power = np.empty(bins, np.float32)
    for tick in range(spectrum.shape[0]):
        for bin in range(bins):
            real, imaginary = spectrum[tick, 2 * bin], spectrum[tick, 2 * bin + 1]
            power[bin] = real * real + imaginary * imaginary
        for band in range(weights.shape[0]):
            total = np.float32(0.0)
            for bin in range(edges[0, band], edges[1, band]):
                total += power[bin] * weights[band, bin]
            out[tick, band] = total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=True)
def _mean_squares(sound: Any, hop: int, out: Any) -> None:
    for tick in range(out.shape[0]):
        total = np.float32(0.0)
        for i in range(tick * hop, (tick + 1) * hop):
            total += sound[i] * sound[i]
        out[tick] = total / hop
