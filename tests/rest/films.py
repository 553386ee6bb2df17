"""What a downloaded MP4 really is, counted by decoding it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Self

import av


@dataclass(frozen=True)
class Film:
    width: int
    height: int
    frames: int
    fps: float
    has_sound: bool

    @classmethod
    def of(cls, content: bytes) -> Self:
        with av.open(io.BytesIO(content), "r") as container:
            stream = container.streams.video[0]
            frames = 0
            for _ in container.decode(stream):
                frames += 1
            rate = float(stream.average_rate or 0)
            return cls(stream.width, stream.height, frames, rate, bool(container.streams.audio))
