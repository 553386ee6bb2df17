"""The sounds of a mix as streams of one rate and layout, in memory that does not grow with their length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from render.audio.decode import SoundShape, channel_blocks, sound_shape
from render.audio.mixing.facts import Part

Array = NDArray[np.float32]

MAX_RATE_HZ = 96_000  # beyond that nobody hears anything
_SHARED = float(np.sqrt(0.5))  # of a channel that both sides, or a front side too, have to carry
_LEFT, _RIGHT = frozenset({"FL", "DL"}), frozenset({"FR", "DR"})
_LEFT_TOO = frozenset({"SL", "BL", "FLC", "WL", "SDL", "TFL", "TBL"})
_RIGHT_TOO = frozenset({"SR", "BR", "FRC", "WR", "SDR", "TFR", "TBR"})
_NOWHERE = frozenset({"LFE", "LFE2"})


@dataclass(frozen=True)
class Layout:
    """Of a mix: the highest rate of its parts (at most `MAX_RATE_HZ`); stereo, if any part has two channels
    or more."""

    rate_hz: int
    channels: int
    seconds: float  # of the longest part, as the headers say

    @property
    def name(self) -> str:
        return "mono" if self.channels == 1 else "stereo"

    @property
    def channel_names(self) -> tuple[str, ...]:
        return ("FC",) if self.channels == 1 else ("FL", "FR")


def layout_of(shapes: Sequence[SoundShape]) -> Layout:
    return Layout(
        rate_hz=min(MAX_RATE_HZ, max(shape.rate_hz for shape in shapes)),
        channels=1 if all(len(shape.channels) == 1 for shape in shapes) else 2,
        seconds=max(shape.seconds for shape in shapes),
    )


def shapes_of(parts: Sequence[Part]) -> list[SoundShape]:
    """Raises UnsupportedMedia, DamagedMedia and MediaTooLarge."""
    return [sound_shape(part.path) for part in parts]


def summed(
    parts: Sequence[Part], shapes: Sequence[SoundShape], layout: Layout, samples: int
) -> Iterator[Array]:
    """Blocks of (samples, channels): the sum of all parts at their gains, unbounded, until the longest ends.

    All blocks but the last have the length that is asked for. Raises as `channel_blocks`.
    """
    sources = [_Source(_blocks(part, shape, layout)) for part, shape in zip(parts, shapes, strict=True)]
    while True:
        pieces = [source.read(samples) for source in sources]
        length = max(len(piece) for piece in pieces)
        if not length:
            return
        block = np.zeros((length, layout.channels), np.float32)
        for piece, part in zip(pieces, parts, strict=True):
            block[: len(piece)] += piece * np.float32(part.gain)
        yield block
        if length < samples:
            return


def matrix(names: Sequence[str], channels: int) -> Array:
    """(channels of the file, channels of the mix): how the file's are heard.

    Mono is as loud on both sides as it is; surround is folded down as in ITU-R BS.775 (the centre and the
    rears at -3 dB on their sides), without its low-frequency effects.
    """
    if len(names) == 1:
        return np.ones((1, channels), np.float32)
    if len(names) == 2:
        return np.eye(2, dtype=np.float32)
    return np.array([_sides(name) for name in names], np.float32)


def _sides(name: str) -> tuple[float, float]:
    if name in _NOWHERE:
        return 0.0, 0.0
    left = 1.0 if name in _LEFT else 0.0 if name in _RIGHT | _RIGHT_TOO else _SHARED
    right = 1.0 if name in _RIGHT else 0.0 if name in _LEFT | _LEFT_TOO else _SHARED
    return left, right


def _blocks(part: Part, shape: SoundShape, layout: Layout) -> Iterator[Array]:
    folded = matrix(shape.channels, layout.channels)
    is_plain = folded.shape[0] == folded.shape[1] and bool((folded == np.eye(len(folded))).all())
    for block in channel_blocks(part.path, replace(shape, rate_hz=layout.rate_hz)):
        yield block if is_plain else block @ folded


class _Source:
    """Reads a stream of blocks in lengths of the reader's choice."""

    def __init__(self, blocks: Iterator[Array]) -> None:
        self._blocks = blocks
        self._held: list[Array] = []
        self._size = 0

    def read(self, samples: int) -> Array:
        """So many, or fewer where the stream ends; then none."""
        while self._size < samples and (block := next(self._blocks, None)) is not None:
            self._held.append(block)
            self._size += len(block)
        if not self._held:
            return np.zeros((0, 1), np.float32)
        joined = np.concatenate(self._held)
        taken, rest = joined[:samples], joined[samples:]
        self._held, self._size = ([rest.copy()] if len(rest) else []), len(rest)
        return taken
