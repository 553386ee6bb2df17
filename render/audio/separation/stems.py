"""What the child runs: from a song to four files, window by window."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from render.audio.decode import SoundShape, channel_blocks, sound_shape
from render.audio.separation.facts import Separated
from render.audio.separation.flac import StemFiles
from render.audio.separation.spectrum import Array, Grid
from render.audio.separation.version import STEMS
from render.audio.separation.window import parted

__all__ = ["Separated", "separate", "windows"]

WINDOW_SECONDS = 16.0  # a window hears enough strokes to know the kick
LEAST_WINDOW_SECONDS = 8.0
FADE_SECONDS = 1.0
Report = Callable[[float, str | None], None]


def separate(path: str, outs: Mapping[str, str], report: Report = lambda percent, message: None) -> Separated:
    """Write the stems of the song at `path` to `outs`, a FLAC file for each of `STEMS`.

    They have the song's rate, channels and length, and sum to it. `report` hears (per cent, sentence). Raises
    UnsupportedMedia, DamagedMedia, MediaTooLarge, StorageFull; then no file is left.
    """
    began = time.monotonic()
    shape = sound_shape(path)
    count, samples = 0, 0
    expected = max(1.0, shape.seconds)
    with StemFiles({stem: Path(outs[stem]) for stem in STEMS}, shape.rate_hz, shape.layout) as files:
        for stems in _stems_of(channel_blocks(path, shape), shape):
            files.add(stems)
            count += 1
            samples += len(stems[STEMS[0]])
            done = samples / shape.rate_hz
            report(min(99.0, 100.0 * done / expected), f"{done:.0f} of {max(expected, done):.0f} s")
    report(100.0, None)
    return Separated(
        duration=samples / shape.rate_hz,
        sample_rate=shape.rate_hz,
        channels=len(shape.channels),
        size=sum(Path(outs[stem]).stat().st_size for stem in STEMS),
        windows=count,
        seconds=time.monotonic() - began,
    )


def _stems_of(blocks: Iterable[Array], shape: SoundShape) -> Iterator[dict[str, Array]]:
    """Stretches of stems that follow each other without a gap: windows, faded into one another."""
    grid = Grid(shape.rate_hz)
    fade = round(FADE_SECONDS * shape.rate_hz)
    rise = ((np.arange(fade) + 0.5) / fade).astype(np.float32)[:, None]
    ending: dict[str, Array] | None = None
    for mix, is_last in windows(blocks, _window_samples(shape), fade):
        stems = parted(mix, shape.channels, grid)
        if ending is not None:
            for stem in STEMS:
                stems[stem][:fade] = rise * stems[stem][:fade] + (1 - rise) * ending[stem]
        ending = None if is_last else {stem: stems[stem][-fade:].copy() for stem in STEMS}
        yield stems if is_last else {stem: stems[stem][:-fade] for stem in STEMS}


def windows(blocks: Iterable[Array], samples: int, overlap: int) -> Iterator[tuple[Array, bool]]:
    """Overlapping windows of (samples, channels) and whether each is the last.

    The last is half as long to half as long again as the others, so that it knows enough of the song; a
    song that is no longer than that is one window.
    """
    held: list[Array] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if size > samples * 3 // 2:
            joined = np.concatenate(held)
            yield joined[:samples], False
            held = [joined[samples - overlap :]]
            size = len(held[0])
    yield np.concatenate(held), True


def _window_samples(shape: SoundShape) -> int:
    """Fewer seconds for sound that has more samples in each: memory has one bound for all."""
    heavy = shape.rate_hz * max(2, len(shape.channels)) / 96_000
    seconds = min(WINDOW_SECONDS, max(LEAST_WINDOW_SECONDS, WINDOW_SECONDS / heavy))
    return round(seconds * shape.rate_hz)
