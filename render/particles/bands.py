"""Which items touch which band of rows: a counting sort."""

from __future__ import annotations

import math
from typing import Any

from numba import njit

BAND_ROWS = 64


@njit(inline="always", error_model="numpy")
def _bands_of(items: Any, sprites: Any, i: Any, bands: Any) -> Any:
    half = (sprites.table[3, items.classes[i]] >> 10) + 1
    start = items.place[1, i]
    end = start + items.place[3, i] * (items.counts[i] - 1)
    top = math.floor(min(start, end)) - half - 1
    bottom = math.floor(max(start, end)) + half + 1
    return max(0, int(top) >> 6), min(bands - 1, int(bottom) >> 6)


@njit(nogil=True, cache=True, error_model="numpy")
def sort_into_bands(items: Any, sprites: Any, n: int, order: Any) -> Any:
    """Fills `order` for the first n items; returns how many entries that takes.

    Nothing is written to `order.order` when it is too small.
    """
    starts = order.starts
    bands = starts.shape[0] - 1
    starts[:] = 0
    for i in range(n):
        first, last = _bands_of(items, sprites, i, bands)
        for band in range(first, last + 1):
            starts[band + 1] += 1
    for band in range(bands):
        starts[band + 1] += starts[band]
    total = starts[bands]
    if total > order.order.shape[0]:
        return total
    for i in range(n):
        first, last = _bands_of(items, sprites, i, bands)
        for band in range(first, last + 1):
            order.order[starts[band]] = i
            starts[band] += 1
    for band in range(bands, 0, -1):
        starts[band] = starts[band - 1]
    starts[0] = 0
    return total
