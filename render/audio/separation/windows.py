"""A song in windows that fade into one another, so that its length costs time and no memory.

Whatever parts a window (our masks, a trained model) is given the windows one by one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from render.audio.decode import SoundShape
from render.audio.separation.facts import Separated
from render.audio.separation.flac import StemFiles
from render.audio.separation.spectrum import Array
from render.audio.separation.version import STEMS

FADE_SECONDS = 1.0
Report = Callable[[float, str | None], None]


def written(
    stretches: Iterable[Mapping[str, Array]], shape: SoundShape, outs: Mapping[str, str], report: Report
) -> Separated:
    """Write stretches of stems, as `faded` gives them, to a FLAC file for each of `STEMS`.

    `report` hears (per cent, sentence). Raises StorageFull and what `stretches` raises; then no file is left.
    """
    began = time.monotonic()
    count, samples = 0, 0
    expected = max(1.0, shape.seconds)
    with StemFiles({stem: Path(outs[stem]) for stem in STEMS}, shape.rate_hz, shape.layout) as files:
        for stems in stretches:
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


def faded(
    blocks: Iterable[Array], samples: int, fade: int, part: Callable[[Array], dict[str, Array]]
) -> Iterator[dict[str, Array]]:
    """Stretches of stems that follow each other without a gap: windows of `samples`, overlapping by `fade`.

    `part` makes each of `STEMS` of a window, (samples, channels) like it.
    """
    rise = ((np.arange(fade) + 0.5) / fade).astype(np.float32)[:, None]
    ending: dict[str, Array] | None = None
    for mix, is_last in windows(blocks, samples, fade):
        stems = part(mix)
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
