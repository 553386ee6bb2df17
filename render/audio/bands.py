"""How loud each part of the pitch is, 60 times a second: what onsets are found in.

Windows of 92 ms, centred on their moment, in 80 bands: a new note of a choir or of strings is no louder than
the last one, it is elsewhere, and shorter windows or wider bands have both in one. (What moves the pictures,
`render.audio.spectrum`, has shorter windows and is left alone.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray

from render.audio.spectrum import HOP as TICK
from render.audio.spectrum import SAMPLE_RATE_HZ
from render.audio.windows import windowed

TICKS_A_FRAME = 2
HOP = TICKS_A_FRAME * TICK
WINDOW = 2208  # 92 ms
BANDS = 80
_FFT = 2400  # bins of 10 Hz
_LOWEST_HZ, _HIGHEST_HZ = 40.0, 11_000.0
_BATCH = 64  # frames at once: what fits into the cache

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Bands:
    """`fine` (frames, BANDS): mean power of log bands, a frame every TICKS_A_FRAME ticks; `power` (ticks):
    mean square of each tick's own samples. `samples` is how many there were."""

    fine: Array
    power: Array
    samples: int


def band_edges() -> NDArray[np.float64]:
    """BANDS + 1 frequencies in Hz, evenly spaced in octaves."""
    return _LOWEST_HZ * (_HIGHEST_HZ / _LOWEST_HZ) ** (np.arange(BANDS + 1) / BANDS)


def _shares() -> Array:
    """(BANDS, bins): a bin is shared by the bands that it touches; each band's weights sum to 1."""
    edges = band_edges() / (SAMPLE_RATE_HZ / _FFT)
    bins = np.arange(_FFT // 2 + 1)
    low = np.maximum(bins - 0.5, edges[:-1, None])
    high = np.minimum(bins + 0.5, edges[1:, None])
    share = np.clip(high - low, 0.0, None)
    return np.asarray(share / share.sum(axis=1, keepdims=True), np.float32)


class BandListener:
    """Takes mono blocks at SAMPLE_RATE_HZ; `bands` says what was there. Holds levels, not the sound."""

    def __init__(self) -> None:
        self._shares = _shares()
        is_there = self._shares > 0
        self._edges = np.stack([is_there.argmax(axis=1), _FFT // 2 + 1 - is_there[:, ::-1].argmax(axis=1)])
        self._window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
        self._rows = np.zeros((_BATCH, _FFT), np.float32)
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
        fine = np.concatenate(self._fine)
        self._fine.clear()  # of an hour it is 70 MB
        return Bands(fine, np.concatenate(self._power), self.samples)

    def _transform(self, least: int) -> None:
        """All whole windows, as long as there are `least` of them."""
        count = max(0, (len(self._held) - WINDOW) // HOP + 1)
        done = 0
        while count - done >= least:
            now = min(count - done, _BATCH)
            part = self._held[done * HOP :]
            windowed(part, HOP, self._window, self._rows[:now])
            spectrum = scipy.fft.rfft(self._rows[:now], axis=1)
            fine, power = np.empty((now, BANDS), np.float32), np.empty(now * TICKS_A_FRAME, np.float32)
            _band_power(spectrum.view(np.float32), self._shares, self._edges, fine)
            _mean_squares(part[(WINDOW - TICK) // 2 :], TICK, power)
            self._fine.append(fine)
            self._power.append(power)
            done += now
        self._held = self._held[done * HOP :]


@njit(nogil=True, cache=True, error_model="numpy", fastmath=True)
def _band_power(spectrum: Any, shares: Any, edges: Any, out: Any) -> None:
    """Into `out` (n, bands): weighted sums of squares; `spectrum` (n, 2 bins) has real and imaginary parts in
    turn."""
    bins = spectrum.shape[1] // 2
    power = np.empty(bins, np.float32)
    for tick in range(spectrum.shape[0]):
        for bin in range(bins):
            real, imaginary = spectrum[tick, 2 * bin], spectrum[tick, 2 * bin + 1]
            power[bin] = real * real + imaginary * imaginary
        for band in range(shares.shape[0]):
            total = np.float32(0.0)
            for bin in range(edges[0, band], edges[1, band]):
                total += power[bin] * shares[band, bin]
            out[tick, band] = total


@njit(nogil=True, cache=True, error_model="numpy", fastmath=True)
def _mean_squares(sound: Any, hop: int, out: Any) -> None:
    for tick in range(out.shape[0]):
        total = np.float32(0.0)
        for i in range(tick * hop, (tick + 1) * hop):
            total += sound[i] * sound[i]
        out[tick] = total / hop
