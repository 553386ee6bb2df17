"""What a child runs: from a file to its portrait, in one pass, of which the portrait alone is held."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from render.audio.decode import Channels, heard_blocks, sound_shape
from render.audio.loudness import Meter
from render.audio.portraits.likeness import BANDS, CELL_SECONDS, Portrait, packed
from render.audio.spectrum import band_edges

__all__ = ["Portrait", "portray"]

SAMPLE_RATE_HZ = 24_000
CELL_SAMPLES = round(CELL_SECONDS * SAMPLE_RATE_HZ)
FRAMES = 4  # of a cell
HOP = CELL_SAMPLES // FRAMES
WINDOW = 2048
_BATCH = 64  # cells at once
Array = NDArray[np.float32]
Report = Callable[[float, str | None], None]


def portray(path: str, report: Report = lambda percent, message: None) -> Portrait:
    """The portrait of the first audio stream of a file; `report` hears per cent and a sentence.

    Loudness is that of the channels as they are stored, of a single one as of the same sound on two (BS.1770
    hears it 3.01 LU lower, but the mixer plays it on both sides); the cells are those of their mean. Raises
    what `heard_blocks` raises.
    """
    meter = Meter()

    def take(block: Channels) -> None:
        meter.take(_on_both_sides(block) if len(block.names) == 1 else block)

    expected = max(1.0, sound_shape(path).seconds)
    cells: list[NDArray[np.float64]] = []
    for found in _cells(heard_blocks(path, SAMPLE_RATE_HZ, take)):
        cells.append(found)
        done = sum(len(one) for one in cells) * CELL_SECONDS
        report(min(99.0, 100.0 * done / expected), "listening to the stems")
    return Portrait(meter.lufs(), packed(np.concatenate(cells)))


def _on_both_sides(block: Channels) -> Channels:
    return Channels(np.repeat(block.sound, 2, axis=0), ("FL", "FR"), block.sample_rate_hz)


def _cells(blocks: Iterable[Array]) -> Iterator[NDArray[np.float64]]:
    """(n, BANDS) of mean squares."""
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    matrix = _bands() * (2.0 / (WINDOW * float(np.square(window).sum(dtype=np.float64))))
    for sound in _pieces(blocks):
        view = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP]
        power = np.square(np.abs(scipy.fft.rfft(view * window, axis=1)), dtype=np.float64)
        yield (power @ matrix).reshape(-1, FRAMES, BANDS).mean(axis=1)


def _pieces(blocks: Iterable[Array]) -> Iterator[Array]:
    """Sound that holds whole cells, the last one filled up with silence, with what their windows overhang."""
    held = np.zeros(WINDOW // 2, np.float32)
    overhang = WINDOW - HOP
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= _BATCH * CELL_SAMPLES + overhang:
            yield held[: _BATCH * CELL_SAMPLES + overhang]
            held = held[_BATCH * CELL_SAMPLES :]
    sound = len(held) - WINDOW // 2
    count = max(1, -(-sound // CELL_SAMPLES))
    yield np.concatenate([held, np.zeros(count * CELL_SAMPLES + overhang, np.float32)])[
        : count * CELL_SAMPLES + overhang
    ]


def _bands() -> NDArray[np.float64]:
    """(bins, BANDS): which part of a bin lies in which band."""
    edges = band_edges() / (SAMPLE_RATE_HZ / WINDOW)
    bins = np.arange(WINDOW // 2 + 1)
    low = np.maximum(bins[:, None] - 0.5, edges[None, :-1])
    high = np.minimum(bins[:, None] + 0.5, edges[None, 1:])
    return np.asarray(np.clip(high - low, 0.0, None), np.float64)
