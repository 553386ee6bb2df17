"""A track's waveform as a row of peaks, in one pass and in constant memory whatever its length."""

from __future__ import annotations

import numpy as np
from av.audio.frame import AudioFrame

from render.errors import DamagedMedia
from render.media.container import open_media
from render.media.decoding import decoded_frames

_FINER = 16  # buckets held for each peak asked for, so that the last reduction is exact to a sixteenth
_FULL_SCALE = {"u8": (128.0, 128.0), "s16": (0.0, 32768.0), "s32": (0.0, 2147483648.0)}
_CHUNK_SAMPLES = 1 << 16


def peaks(path: str, count: int) -> list[float]:
    """`count` (1 or more) loudest absolute samples over equal parts of the track, any channel, each 0..1.

    A track of fewer samples repeats them. Raises what `open_media` raises, UnsupportedMedia without sound.
    """
    row = _PeakRow(_FINER * count)
    with open_media(path) as container:
        waiting: list[np.ndarray] = []
        held = 0
        for frame in decoded_frames(container):
            waiting.append(_loudest_channel(frame))
            held += waiting[-1].size
            if held >= _CHUNK_SAMPLES:
                row.add(np.concatenate(waiting))
                waiting, held = [], 0
        if waiting:
            row.add(np.concatenate(waiting))
    if row.samples == 0:
        raise DamagedMedia("The file holds no sound that can be decoded.")
    return [float(value) for value in row.reduced(count)]


class _PeakRow:
    """Peaks over buckets of a power-of-two length, which doubles whenever the row would get too long."""

    def __init__(self, most_buckets: int) -> None:
        self._most_buckets = most_buckets
        self._bucket_samples = 1
        self._buckets = np.zeros(0, np.float32)
        self._rest = np.zeros(0, np.float32)  # samples of the bucket that is not full yet
        self.samples = 0

    def add(self, levels: np.ndarray) -> None:
        """`levels`: float32 absolute samples that follow what was added before."""
        self.samples += levels.size
        levels = np.concatenate((self._rest, levels))
        whole = levels.size // self._bucket_samples
        split = whole * self._bucket_samples
        fresh = levels[:split].reshape(whole, self._bucket_samples).max(axis=1, initial=0.0)
        self._rest = levels[split:]
        self._buckets = np.concatenate((self._buckets, fresh))
        while self._buckets.size > 2 * self._most_buckets:
            self._double()

    def _double(self) -> None:
        if self._buckets.size % 2:  # the last one has no partner yet
            lone = np.full(self._bucket_samples, self._buckets[-1], np.float32)
            self._rest = np.concatenate((lone, self._rest))
            self._buckets = self._buckets[:-1]
        self._buckets = self._buckets.reshape(-1, 2).max(axis=1)
        self._bucket_samples *= 2

    def reduced(self, count: int) -> np.ndarray:
        """float32 (count,), clipped to 1."""
        tail = [self._rest.max()] if self._rest.size else []
        buckets = np.concatenate((self._buckets, np.array(tail, np.float32)))
        edges = np.arange(count + 1) * (self.samples / self._bucket_samples) / count
        starts = np.minimum(edges[:-1].astype(np.int64), buckets.size - 1)
        stops = np.minimum(np.maximum(np.ceil(edges[1:] - 1e-9).astype(np.int64), starts + 1), buckets.size)
        loudest = [buckets[start:stop].max() for start, stop in zip(starts, stops, strict=True)]
        return np.minimum(np.array(loudest, np.float32), np.float32(1.0))


def _loudest_channel(frame: AudioFrame) -> np.ndarray:
    """float32 (samples,): the largest absolute value of any channel, full scale 1."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(frame.samples, -1).T
    middle, scale = _FULL_SCALE.get(frame.format.name.removesuffix("p"), (0.0, 1.0))
    levels: np.ndarray = np.abs(values.astype(np.float32) - np.float32(middle)).max(axis=0) / np.float32(
        scale
    )
    levels = np.nan_to_num(levels.astype(np.float32), nan=0.0, posinf=1.0)
    return levels
