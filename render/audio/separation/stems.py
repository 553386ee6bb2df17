"""What the child runs: from a song to four files, window by window."""

from __future__ import annotations

from collections.abc import Mapping

from render.audio.decode import SoundShape, channel_blocks, sound_shape
from render.audio.separation.facts import Separated
from render.audio.separation.spectrum import Grid
from render.audio.separation.window import parted
from render.audio.separation.windows import FADE_SECONDS, Report, faded, written

WINDOW_SECONDS = 16.0  # a window hears enough strokes to know the kick
LEAST_WINDOW_SECONDS = 8.0


def separate(path: str, outs: Mapping[str, str], report: Report = lambda percent, message: None) -> Separated:
    """Write the stems of the song at `path` to `outs`, a FLAC file for each of `STEMS`.

    They have the song's rate, channels and length, and sum to it. `report` hears (per cent, sentence). Raises
    UnsupportedMedia, DamagedMedia, MediaTooLarge, StorageFull; then no file is left.
    """
    shape = sound_shape(path)
    grid = Grid(shape.rate_hz)
    stretches = faded(
        channel_blocks(path, shape),
        _window_samples(shape),
        round(FADE_SECONDS * shape.rate_hz),
        lambda mix: parted(mix, shape.channels, grid),
    )
    return written(stretches, shape, outs, report)


def _window_samples(shape: SoundShape) -> int:
    """Fewer seconds for sound that has more samples in each: memory has one bound for all."""
    heavy = shape.rate_hz * max(2, len(shape.channels)) / 96_000
    seconds = min(WINDOW_SECONDS, max(LEAST_WINDOW_SECONDS, WINDOW_SECONDS / heavy))
    return round(seconds * shape.rate_hz)
