"""Sound in overlapping windows, ready to be transformed."""

from __future__ import annotations

from typing import Any

from numba import njit


@njit(nogil=True, cache=True, error_model="numpy", fastmath=True)
def windowed(sound: Any, hop: int, window: Any, out: Any) -> None:
    """Into each row k of `out`, whose columns beyond the window stay as they are: `sound` from k * hop on,
    times `window`."""
    for row in range(out.shape[0]):
        start = row * hop
        for i in range(window.shape[0]):
            out[row, i] = sound[start + i] * window[i]
