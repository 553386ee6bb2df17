"""Frames of a particle film as planes: a pure function of type, config, features and frame number.

Frame n alone, in a full run, in any chunking and with any number of threads is the same to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from render.audio.features import TICK_RATE_HZ, AudioFeatures
from render.particles.config import ParticleConfig, ParticleType
from render.particles.drive import ATTACK_TICKS, drive_table
from render.particles.painter import Painter
from render.particles.scene import Scene

Planes = NDArray[np.uint8]


def frames(
    kind: ParticleType,
    config: ParticleConfig,
    features: AudioFeatures | None,
    *,
    start_frame: int = 0,
    count: int,
    ring: int = 4,
    threads: int = 1,
) -> Iterator[Planes]:
    """`count` frames from `start_frame` on as uint8 planes (height * 3 // 2, width), yuv420p BT.709 limited.

    The arrays are taken from a ring: one is valid until `ring - 1` more were taken.
    """
    last_tick, _ = _moment(start_frame + max(0, count - 1), config.fps)
    # A beat begins ATTACK_TICKS early, so the table reaches that far behind the last tick that is shown.
    drive = drive_table(kind, config, features, last_tick + 2 + ATTACK_TICKS)
    scene = Scene(kind, config, drive, with_past=config.trails > 0)
    painter = Painter(kind, config, scene, threads)
    buffers = [np.empty((config.height * 3 // 2, config.width), np.uint8) for _ in range(ring)]
    with ThreadPoolExecutor(threads) as pool:
        for number in range(start_frame, start_frame + count):
            tick, part = _moment(number, config.fps)
            scene.advance(tick)
            planes = buffers[number % ring]
            painter.paint(tick, part, planes, pool if threads > 1 else None)
            yield planes


def frame(kind: ParticleType, config: ParticleConfig, features: AudioFeatures | None, number: int) -> Planes:
    """Frame `number` alone."""
    return next(frames(kind, config, features, start_frame=number, count=1, ring=1))


def _moment(number: int, fps: int) -> tuple[int, float]:
    """The tick at or before a frame, and the part of the next tick that has passed."""
    tick, rest = divmod(number * TICK_RATE_HZ, fps)
    return tick, rest / fps
