"""One pass over the sound: what each tick of 1/120 s sounds like, before anything is normalised.

Windows are centred on their tick, so nothing lags. The bass level is the documented one: a Hann window of 46
ms, the mean magnitude of its spectrum from 0 to 250 Hz.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

TICK_RATE_HZ = 120
SAMPLE_RATE_HZ = 24_000
HOP = SAMPLE_RATE_HZ // TICK_RATE_HZ
WINDOW = 1104  # 46 ms
FFT = 1200  # bins of 20 Hz
BASS_HZ = 250.0
FINE_BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 40.0, 11_000.0
_BATCH = 512  # ticks analysed at once: another number would change the last bits of the sums

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Spectrum:
    """Arrays over ticks: bass (n), fine (n, FINE_BANDS) power of log bands, power (n) mean square."""

    bass: Array
    fine: Array
    power: Array
    samples: int


def _hann() -> NDArray[np.float64]:
    return 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)


def band_edges() -> NDArray[np.float64]:
    """FINE_BANDS + 1 frequencies in Hz, evenly spaced in octaves."""
    return LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** (np.arange(FINE_BANDS + 1) / FINE_BANDS)


def _band_matrix() -> Array:
    """(bins, FINE_BANDS): a bin is shared by the bands that it touches; each band's weights sum to 1."""
    edges = band_edges() / (SAMPLE_RATE_HZ / FFT)
    bins = np.arange(FFT // 2 + 1)
    low = np.maximum(bins[:, None] - 0.5, edges[None, :-1])
    high = np.minimum(bins[:, None] + 0.5, edges[None, 1:])
    share = np.clip(high - low, 0.0, None)
    return np.asarray(share / share.sum(axis=0, keepdims=True), np.float32)


def _ticks(blocks: Iterable[Array]) -> Iterator[tuple[Array, int]]:
    """Pieces of sound that hold whole windows, each with the number of ticks to take from it, hop by hop."""
    held = np.zeros(WINDOW // 2, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        count = (len(held) - WINDOW) // HOP + 1 if len(held) >= WINDOW else 0
        while count >= _BATCH:
            yield held[: (_BATCH - 1) * HOP + WINDOW], _BATCH
            held = held[_BATCH * HOP :]
            count -= _BATCH
    held = np.concatenate([held, np.zeros(WINDOW // 2 + HOP, np.float32)])
    count = (len(held) - WINDOW) // HOP + 1
    while count > 0:
        now = min(count, _BATCH)
        yield held[: (now - 1) * HOP + WINDOW], now
        held = held[now * HOP :]
        count -= now


def measure(blocks: Iterable[Array], on_samples: Callable[[int], None] | None = None) -> Spectrum:
    """The spectrum of mono blocks at SAMPLE_RATE_HZ; `on_samples` hears how many were read so far."""
    window = _hann().astype(np.float32)
    matrix = _band_matrix()
    bass_bins = int(BASS_HZ / (SAMPLE_RATE_HZ / FFT)) + 1
    read = 0

    def counted() -> Iterator[Array]:
        nonlocal read
        for block in blocks:
            read += len(block)
            yield block
            if on_samples is not None:
                on_samples(read)

    bass, fine, power = [], [], []
    for sound, count in _ticks(counted()):
        view = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP][:count]
        magnitude = np.abs(scipy.fft.rfft(view * window, n=FFT, axis=1)).astype(np.float32)
        bass.append(magnitude[:, :bass_bins].mean(axis=1))
        fine.append((magnitude * magnitude) @ matrix)
        power.append(np.square(view).mean(axis=1))
    return Spectrum(np.concatenate(bass), np.concatenate(fine), np.concatenate(power), read)
