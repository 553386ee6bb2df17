"""Compiles or loads every kernel of the synthesiser and of hearing a hum, so that no request waits."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from render.music.following import warm as following
from render.music.piece import compose
from render.music.prompt import resolve

_PROMPTS = (
    "lo-fi hip hop with piano, 5 seconds, 240 bpm",
    "ambient, only pads, 240 bpm, 5 seconds",
    "pop with 808 and acoustic guitar, 5 seconds, 240 bpm",
)
"""Between them they reach all kernels: strings, partials, modulation, oscillators, drive, tape, riser,
echo.
"""


def warm() -> None:
    """Compose the shortest pieces, one process at a time: the first one compiles, the others load what it
    wrote.
    """
    with _alone():
        for prompt in _PROMPTS:
            compose(resolve(prompt, seed=1))
        following.warm()


@contextmanager
def _alone() -> Iterator[None]:
    """The lock is on this folder itself: it needs no file, and a killed holder lets go of it."""
    folder = os.open(Path(__file__).parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
