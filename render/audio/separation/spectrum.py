"""The short-time spectrum that masks are made for, and its way back to sound.

Hann windows of about 93 ms on both ways, four deep: what is not masked comes back exactly (to float32).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Array = NDArray[np.float32]
Complex = NDArray[np.complex64]

WINDOW_SECONDS = 0.093
DEEP = 4  # windows over each sample


@dataclass(frozen=True)
class Grid:
    """Frames and bins at one sample rate."""

    rate_hz: int

    @cached_property
    def size(self) -> int:
        """Samples of a window: the power of two next to 93 ms (4096 at 44.1 and 48 kHz)."""
        return int(2 ** round(np.log2(WINDOW_SECONDS * self.rate_hz)))

    @property
    def hop(self) -> int:
        return self.size // DEEP

    @property
    def bin_hz(self) -> float:
        return self.rate_hz / self.size

    @cached_property
    def frequencies(self) -> NDArray[np.float64]:
        return np.asarray(np.arange(self.size // 2 + 1) * self.bin_hz, np.float64)

    def frames(self, seconds: float) -> int:
        """An odd number of frames, about so long."""
        return 2 * round(seconds * self.rate_hz / self.hop / 2) + 1

    def bins(self, hertz: float) -> int:
        """An odd number of bins, about so wide."""
        return 2 * round(hertz / self.bin_hz / 2) + 1

    @cached_property
    def _window(self) -> Array:
        phase = 2 * np.pi * (np.arange(self.size) + 0.5) / self.size
        return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)

    @cached_property
    def _weight(self) -> Array:
        """What the squared windows over a sample sum to."""
        return np.asarray(np.square(self._window).reshape(DEEP, self.hop).sum(axis=0), np.float32)

    def analyse(self, sound: Array) -> Complex:
        """(samples) to (frames, bins)."""
        count = -(-sound.size // self.hop) + DEEP - 1
        padded = np.zeros((count - 1) * self.hop + self.size, np.float32)
        begin = self.size - self.hop
        padded[begin : begin + sound.size] = sound
        view = np.lib.stride_tricks.sliding_window_view(padded, self.size)[:: self.hop]
        return np.asarray(scipy.fft.rfft(view * self._window, axis=1), np.complex64)

    def synthesise(self, spectrum: Complex, samples: int) -> Array:
        """What `analyse` made of so many samples, back again."""
        pieces = scipy.fft.irfft(spectrum, n=self.size, axis=1) * self._window
        count = len(pieces)
        pieces = pieces.reshape(count, DEEP, self.hop)
        out = np.zeros((count + DEEP - 1, self.hop), np.float32)
        for number in range(DEEP):
            out[number : number + count] += pieces[:, number]
        out /= self._weight
        begin = self.size - self.hop
        return out.reshape(-1)[begin : begin + samples].copy()
