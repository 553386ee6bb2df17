"""The pitch of one voice, every 10 ms: YIN with the thresholds of pYIN, and the best path through what it
finds.

The difference function and its normalisation are those of YIN (de Cheveigné and Kawahara, 2002). A dip counts
for as many thresholds as it is the first to go below, thresholds having the distribution Beta(2, 18) (pYIN,
Mauch and Dixon, 2014): in closed form, so no threshold is tried. The path through the dips of all frames,
with a state for "no voice", has the costs of jumps and turns of Boersma's (1993).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

Array = NDArray[np.float64]

SAMPLE_RATE_HZ = 16_000
HOP = 160
FRAME_SECONDS = HOP / SAMPLE_RATE_HZ
LOWEST_HZ, HIGHEST_HZ = 60.0, 2100.0  # a low man's hum, a whistle

_WINDOW = 768  # nearly three periods of the lowest pitch
_LONGEST, _SHORTEST = int(SAMPLE_RATE_HZ / LOWEST_HZ) + 2, int(SAMPLE_RATE_HZ / HIGHEST_HZ)
_SPAN = _WINDOW + _LONGEST
_BAND_HZ = (50.0, 2600.0)  # no rumble, and little breath
_LEVEL_WINDOW = 400  # samples: 25 ms
_BATCH = 256
_DIPS = 12
_FAINTEST_DB = -65.0  # of full scale
_BELOW_LOUD_DB = 38.0
_SPREAD = 18.0  # the second parameter of the thresholds' distribution
_JUMP, _FARTHEST, _TURN = 0.25, 3.0, 2.5  # natural logarithms: a semitone, any leap, beginning or ending

_DOUBT = 0.1  # what it says for "no voice" that a dip is shallow: breath makes all of them so


@dataclass(frozen=True)
class PitchTrack:
    """One value a frame; frame k is at k * FRAME_SECONDS. `pitch` is a MIDI number with its fraction, nan
    where there is no voice, `strength` 0..1 how periodic the sound is there, `level_db` of full scale over
    25 ms."""

    pitch: Array
    strength: Array
    level_db: Array

    @property
    def is_voiced(self) -> NDArray[np.bool_]:
        return np.isfinite(self.pitch)


def followed(sound: NDArray[np.float32]) -> PitchTrack:
    """The voice of mono sound at SAMPLE_RATE_HZ, about -1..1."""
    if len(sound) <= _SPAN:
        sound = np.pad(sound, (0, _SPAN + 1 - len(sound)))
    band = sosfiltfilt(
        butter(2, _BAND_HZ, "bandpass", fs=SAMPLE_RATE_HZ, output="sos"), sound.astype(np.float64)
    )
    count = 1 + (len(band) - 1) // HOP
    level = _levels(band, count)
    lags, masses = _dips_of(band, count)
    masses[level < max(_FAINTEST_DB, float(np.percentile(level, 95.0)) - _BELOW_LOUD_DB)] = 0.0
    pitch = np.where(lags > 0.0, 69.0 + 12.0 * np.log2(SAMPLE_RATE_HZ / np.maximum(lags, 1.0) / 440.0), 0.0)
    path = _best_path(pitch, masses, _JUMP, _FARTHEST, _TURN, _DOUBT)
    frame = np.arange(count)
    found = path >= 0
    chosen = np.maximum(path, 0)
    return PitchTrack(
        np.where(found, pitch[frame, chosen], np.nan),
        np.minimum(1.0, masses.sum(axis=1)),
        level,
    )


def _levels(band: Array, count: int) -> Array:
    padded = np.concatenate([[0.0], np.cumsum(np.pad(band, _LEVEL_WINDOW // 2 + HOP) ** 2)])
    first = np.arange(count) * HOP + HOP
    power = (padded[np.minimum(first + _LEVEL_WINDOW, len(padded) - 1)] - padded[first]) / _LEVEL_WINDOW
    return np.asarray(10.0 * np.log10(np.maximum(power, 1e-12)))


def _dips_of(band: Array, count: int) -> tuple[Array, Array]:
    """(count, _DIPS): the lags of each frame's dips in samples, and the thresholds that each is the first
    under."""
    padded = np.pad(band, (_SPAN // 2, _SPAN + HOP))
    view = np.lib.stride_tricks.sliding_window_view(padded, _SPAN)[::HOP]
    lags, masses = np.zeros((count, _DIPS)), np.zeros((count, _DIPS))
    size = scipy.fft.next_fast_len(_SPAN, real=True)
    for first in range(0, count, _BATCH):
        frames = np.ascontiguousarray(view[first : min(first + _BATCH, count)])
        head = scipy.fft.rfft(frames[:, :_WINDOW], size, axis=1)
        product = scipy.fft.irfft(np.conj(head) * scipy.fft.rfft(frames, size, axis=1), size, axis=1)
        end = first + len(frames)
        _dips(frames, product, _WINDOW, _SHORTEST, _LONGEST, _SPREAD, lags[first:end], masses[first:end])
    return lags, masses


@njit(cache=True, nogil=True, error_model="numpy")
def _below(value: float, spread: float) -> Any:
    """The share of thresholds below a value: the distribution function of Beta(2, spread)."""
    if value >= 1.0:
        return 1.0
    return 1.0 - (1.0 - value) ** spread * (1.0 + spread * value)


@njit(cache=True, nogil=True, error_model="numpy")
def _dips(
    frames: Any, product: Any, window: int, shortest: int, longest: int, spread: float, lags: Any, masses: Any
) -> None:
    """Fill in lags and masses; the difference is divided by its own mean up to each lag."""
    differences = np.zeros(longest)
    for t in range(frames.shape[0]):
        first = 0.0
        for j in range(window):
            first += frames[t, j] ** 2
        moved, total = first, 0.0
        differences[0] = 1.0
        for lag in range(1, longest):
            moved += frames[t, lag + window - 1] ** 2 - frames[t, lag - 1] ** 2
            difference = max(0.0, first + moved - 2.0 * product[t, lag])
            total += difference
            differences[lag] = difference * lag / total if total > 0.0 else 1.0
        lowest, found = 1.0, 0
        for lag in range(max(2, shortest), longest - 1):
            before, here, after = differences[lag - 1], differences[lag], differences[lag + 1]
            if here < lowest and here <= before and here < after and found < lags.shape[1]:
                bend = before - 2.0 * here + after
                shift = 0.5 * (before - after) / bend if bend > 0.0 else 0.0
                lags[t, found] = lag + shift
                depth = max(0.0, here - 0.25 * (before - after) * shift)
                masses[t, found] = _below(lowest, spread) - _below(depth, spread)
                lowest = depth
                found += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _best_path(pitch: Any, masses: Any, jump: float, farthest: float, turn: float, doubt: float) -> Any:
    """Which dip of each frame, -1 for no voice."""
    frames, count = masses.shape
    score = np.full((frames, count + 1), -np.inf)
    before = np.zeros((frames, count + 1), np.int32)
    for t in range(frames):
        voiced = 0.0
        for i in range(count):
            voiced += masses[t, i]
        for i in range(count + 1):
            if i < count and masses[t, i] <= 0.0:
                continue
            heard = (
                np.log(masses[t, i] + 1e-4) if i < count else np.log(doubt * max(1.0 - voiced, 0.0) + 1e-2)
            )
            best, origin = 0.0 if t == 0 else -np.inf, count
            if t > 0:
                for j in range(count + 1):
                    value = score[t - 1, j]
                    if (i < count) != (j < count):
                        value -= turn
                    elif i < count:
                        value -= min(farthest, jump * abs(pitch[t, i] - pitch[t - 1, j]))
                    if value > best:
                        best, origin = value, j
            score[t, i] = best + heard
            before[t, i] = origin
    path = np.zeros(frames, np.int32)
    path[frames - 1] = np.argmax(score[frames - 1])
    for t in range(frames - 1, 0, -1):
        path[t - 1] = before[t, path[t]]
    for t in range(frames):
        if path[t] == count:
            path[t] = -1
    return path
