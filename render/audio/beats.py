"""Tempo and beats from an onset curve at 120 Hz, in memory and time linear in the length.

Tempo: the autocorrelation of the onset curve, averaged over pieces of 16 s, weighted by how usual a tempo is.
Beats: dynamic programming (Ellis, "Beat Tracking by Dynamic Programming", 2007) around that period, so that
beats follow the onsets. A curve without a beat gives none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

RATE_HZ = 120.0
SLOWEST_BPM, FASTEST_BPM = 50.0, 210.0
_USUAL_BPM = 118.0
_PIECE_TICKS = int(16 * RATE_HZ)
_CLEAR = 0.12  # autocorrelation below which there is no beat to follow
_TIGHTNESS = 90.0


def period_ticks(onset: NDArray[np.float64]) -> float | None:
    """The beat's period in ticks (a fraction), or None where nothing repeats."""
    longest = int(RATE_HZ * 60.0 / SLOWEST_BPM) + 2
    shortest = int(RATE_HZ * 60.0 / FASTEST_BPM)
    if len(onset) < 3 * longest:
        return None
    total = np.zeros(2 * longest)
    for start in range(0, max(1, len(onset) - _PIECE_TICKS // 2), _PIECE_TICKS):
        piece = onset[start : start + _PIECE_TICKS]
        piece = piece - piece.mean()
        size = 1 << int(2 * len(piece) - 1).bit_length()
        spectrum = np.fft.rfft(piece, size)
        row = np.fft.irfft(spectrum * np.conj(spectrum), size)[: 2 * longest]
        total[: len(row)] += row
    if total[0] <= 1e-9:
        return None
    total /= total[0]
    lags = np.arange(shortest, longest)
    usual = np.exp(-0.5 * (np.log2(60.0 * RATE_HZ / lags / _USUAL_BPM) / 0.9) ** 2)
    score = (total[lags] + 0.5 * total[2 * lags - 1]) * usual
    best = int(score.argmax())
    lag = _shortest(total, int(lags[best]), shortest)
    if total[lag] < _CLEAR:
        return None
    before, here, after = total[lag - 1], total[lag], total[lag + 1]
    bend = before - 2 * here + after
    return float(lag + (0.5 * (before - after) / bend if bend < 0 else 0.0))


def _shortest(total: NDArray[np.float64], lag: int, shortest: int) -> int:
    """Half of the period where that repeats nearly as well: a beat also repeats after two."""
    while lag // 2 > shortest:
        around = np.arange(lag // 2 - 1, lag // 2 + 3)
        half = int(around[total[around].argmax()])
        if total[half] < 0.8 * total[lag]:
            break
        lag = half
    return lag


@njit(nogil=True, cache=True, error_model="numpy")
def _best_paths(onset: Any, period: float, tightness: float) -> Any:
    count = onset.shape[0]
    score = np.zeros(count)
    back = np.full(count, -1, np.int64)
    near = int(period * 0.5)
    far = int(period * 2.0)
    cost = np.zeros(far + 1)
    for distance in range(near, far + 1):
        ratio = distance / period
        bend = ratio - 1.0 / ratio
        cost[distance] = tightness * 0.25 * bend * bend / 10.0
    for k in range(count):
        best = 0.0
        for previous in range(max(0, k - far), k - near + 1):
            value = score[previous] - cost[k - previous]
            if value > best:
                best = value
                back[k] = previous
        score[k] = onset[k] + 0.98 * best
    return score, back


@njit(nogil=True, cache=True, error_model="numpy")
def follow(level: Any, release: float, attack: float) -> Any:
    """A one-pole envelope: of a rise `attack` is left to do after a tick, of a fall `release`."""
    out = np.empty(level.shape[0])
    now = 0.0
    for k in range(level.shape[0]):
        keep = attack if level[k] > now else release
        now = level[k] + (now - level[k]) * keep
        out[k] = now
    return out


def beat_ticks(onset: NDArray[np.float64]) -> NDArray[np.int64]:
    """The ticks of the beats, rising; empty where there is no beat."""
    period = period_ticks(onset)
    return np.zeros(0, np.int64) if period is None else path(onset, period)


def path(onset: NDArray[np.float64], period: float, tightness: float = _TIGHTNESS) -> NDArray[np.int64]:
    """The ticks of the beats that follow the onsets (0..1) best at about this period of ticks, rising; the
    tighter, the less they leave it."""
    score, back = _best_paths(np.ascontiguousarray(onset, np.float64), period, tightness)
    tail = max(0, len(score) - int(period))
    k = tail + int(score[tail:].argmax())
    beats = []
    while k >= 0:
        beats.append(k)
        k = int(back[k])
    return np.array(beats[::-1], np.int64)


def phase(beats: NDArray[np.int64], ticks: int) -> NDArray[np.float32]:
    """For each tick the way from the last beat to the next, 0..1; outside the beats the period goes on."""
    if len(beats) < 2:
        return np.zeros(ticks, np.float32)
    period = float(np.median(np.diff(beats)))
    before = np.arange(beats[0] - period, -period, -period)[::-1]
    after = np.arange(beats[-1] + period, ticks + period, period)
    times = np.concatenate([before, beats.astype(np.float64), after])
    at = np.interp(np.arange(ticks), times, np.arange(len(times)))
    return (at - np.floor(at)).astype(np.float32)
