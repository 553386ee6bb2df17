"""The low drum that is struck again and again, taken out as a waveform.

Kick and bass lie in the same few bins, where no mask can part them. But a kick sounds much the same each time
and the bass beneath it does not: the median over all strokes, aligned, is the stroke without the bass. Each
stroke is then subtracted as loud as it fits (least squares), and only where it explains what is there. A song
without such strokes loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks, resample_poly

from render.audio.separation.spectrum import Array

LOW_RATE_HZ = 2756  # what the search works at, nearly
LOWEST_HZ, HIGHEST_HZ = 28.0, 200.0
STROKE_SECONDS = 0.36
LEAD_SECONDS = 0.02  # a stroke begins at most so long before its attack is seen
NEAREST_SECONDS = 0.12
REACH_SECONDS = 0.0045  # how far a stroke is moved to fit
ROUNDS = 4
SEEDS = 12  # strokes of which each is tried as what the others are like
FEWEST = 4
LIKENESS = 0.45  # correlation with the median stroke, below which it is another sound
LOUDEST = 1.6
LASTING = 0.3  # power of a stroke's last third over its first
_HOP_SECONDS = 0.0058
_CLICK_HZ = (1500.0, 9000.0)

Low = NDArray[np.float32]


def kicks(mix: Array, rate_hz: int) -> Array:
    """The strokes' part of (samples, channels), of the same shape; zeros where there are none."""
    factor = max(1, round(rate_hz / LOW_RATE_HZ))
    low_hz = rate_hz / factor
    low = _banded(np.asarray(resample_poly(mix, 1, factor, axis=0), np.float32), low_hz)
    begins = _attacks(mix, rate_hz, low, low_hz) - round(LEAD_SECONDS * low_hz)
    length, reach = round(STROKE_SECONDS * low_hz), round(REACH_SECONDS * low_hz)
    begins = begins[(begins > 2 * reach) & (begins + length + 2 * reach < len(low))]
    strokes = _fitted(low, begins, length, reach)
    if strokes is None:
        return np.zeros_like(mix)
    found = np.zeros_like(low)
    for begin, loud in zip(strokes.begins, strokes.loud, strict=True):
        found[begin : begin + length] += loud * strokes.shape
    return np.asarray(resample_poly(found, factor, 1, axis=0), np.float32)[: len(mix)]


def _banded(low: Low, low_hz: float) -> Low:
    frequencies = np.fft.rfftfreq(len(low), 1 / low_hz)
    with np.errstate(divide="ignore"):
        above = 1 / (1 + (LOWEST_HZ / frequencies) ** 8)
    share = above / (1 + (frequencies / HIGHEST_HZ) ** 12)
    return np.fft.irfft(np.fft.rfft(low, axis=0) * share[:, None], n=len(low), axis=0).astype(np.float32)


def _attacks(mix: Array, rate_hz: int, low: Low, low_hz: float) -> NDArray[np.int64]:
    """Samples of `low` where the low end and the click above it rise together."""
    hop = max(1, round(_HOP_SECONDS * rate_hz))
    sides = np.square(low).mean(axis=1)
    width = round(0.02 * low_hz)
    level = np.sqrt(np.maximum(np.convolve(sides, np.ones(width) / width, "same"), 0))
    middle = mix.mean(axis=1) - mix.mean()
    click = _click(middle / max(float(np.abs(middle).max()), 1e-9), rate_hz, hop)
    centres = (np.arange(click.size) + 0.5) * hop / rate_hz
    body = np.interp(centres, np.arange(level.size) / low_hz, level)
    both = np.sqrt(_rises(body, 4) * _rises(click, 3))
    peaks, _ = find_peaks(both, height=0.25, distance=max(1, round(NEAREST_SECONDS * rate_hz / hop)))
    return np.asarray(np.rint(centres[peaks] * low_hz), np.int64)


def _click(sound: Array, rate_hz: int, hop: int) -> NDArray[np.float64]:
    """Level of the band of attacks, hop by hop, compressed."""
    size = 4 * hop
    count = -(-sound.size // hop)
    padded = np.zeros((count - 1) * hop + size, np.float32)
    begin = (size - hop) // 2
    padded[begin : begin + sound.size] = sound[: padded.size - begin]
    view = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    frequencies = np.fft.rfftfreq(size, 1 / rate_hz)
    wanted = (frequencies > _CLICK_HZ[0]) & (frequencies < _CLICK_HZ[1])
    window = np.hanning(size).astype(np.float32)
    levels = np.abs(np.fft.rfft(view * window, axis=1)[:, wanted])
    return np.asarray(np.log1p(20 * levels).mean(axis=1), np.float64)


def _rises(curve: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """How much it rose over so many steps, 1 at the strong ones; ripples of what is steady are none."""
    rise = np.zeros_like(curve)
    rise[steps:] = np.maximum(curve[steps:] - curve[:-steps], 0)
    strong = max(float(np.percentile(rise, 99.5)), 0.2 * float(np.percentile(curve, 95)))
    return rise / strong if strong > 1e-9 else np.zeros_like(rise)


@dataclass(frozen=True)
class _Strokes:
    shape: Low  # (length, channels)
    begins: NDArray[np.int64]
    loud: NDArray[np.float64]


def _fitted(low: Low, begins: NDArray[np.int64], length: int, reach: int) -> _Strokes | None:
    """The common stroke and where it is struck; None where there are too few alike."""
    if begins.size < FEWEST:
        return None
    found = _most_alike(low, begins, length, reach)
    for _ in range(ROUNDS):
        if found.is_alike.sum() < FEWEST:
            return None
        shape = _median_stroke(low, found.begins[found.is_alike], length)
        found = _matched(low, found.begins, shape, reach)
    if found.is_alike.sum() < FEWEST or not _dies_away(shape):
        return None
    return _Strokes(shape, found.begins[found.is_alike], np.clip(found.loud[found.is_alike], 0, LOUDEST))


@dataclass(frozen=True)
class _Match:
    """Strokes moved to where a shape fits them best: which are like it, and how loud they are beside it."""

    begins: NDArray[np.int64]
    likeness: NDArray[np.float64]
    loud: NDArray[np.float64]

    @property
    def is_alike(self) -> NDArray[np.bool_]:
        return self.likeness > LIKENESS


def _matched(low: Low, begins: NDArray[np.int64], shape: Low, reach: int) -> _Match:
    moved = np.array([_moved(low, begin, shape, reach) for begin in begins])
    pieces = np.stack([low[begin : begin + len(shape)] for begin in moved])
    products = np.einsum("nlc,lc->n", pieces, shape)
    power, powers = float(np.square(shape).sum()) + 1e-9, np.square(pieces).sum(axis=(1, 2))
    return _Match(moved, products / np.sqrt(power * powers + 1e-12), products / power)


def _most_alike(low: Low, begins: NDArray[np.int64], length: int, reach: int) -> _Match:
    """What resembles the stroke that resembles most others: kicks, though toms and snares are among them."""
    tried = begins[:: -(-begins.size // SEEDS)]
    matches = [_matched(low, begins, low[begin : begin + length], reach) for begin in tried]
    return max(matches, key=lambda match: float(match.likeness[match.is_alike].sum()))


def _median_stroke(low: Low, begins: NDArray[np.int64], length: int) -> Low:
    stroke = np.median(np.stack([low[begin : begin + length] for begin in begins]), axis=0)
    tail = length // 4
    stroke[-tail:] *= np.linspace(1, 0, tail)[:, None]
    return np.asarray(stroke, np.float32)


def _dies_away(shape: Low) -> bool:
    """A drum's tone does; one that goes on is the bass that sounds with each hat."""
    third = len(shape) // 3
    return bool(np.square(shape[-third:]).sum() < LASTING * np.square(shape[:third]).sum())


def _moved(low: Low, begin: int, shape: Low, reach: int) -> int:
    """Where, near `begin`, the stroke fits best."""
    first = max(0, begin - reach)
    piece = low[first : begin + len(shape) + reach]
    fit = sum(np.correlate(piece[:, c], shape[:, c], "valid") for c in range(shape.shape[1]))
    moved = first + int(np.argmax(fit))
    return int(min(max(moved, reach), len(low) - len(shape) - reach))
