"""Compiles or loads every kernel of the synthesiser and of hearing a hum, so that no request waits."""

from __future__ import annotations

from pathlib import Path

from render.music.following import warm as following
from render.music.piece import compose
from render.music.prompt import resolve
from render.one_at_a_time import alone

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
    with alone(Path(__file__).parent):
        for prompt in _PROMPTS:
            compose(resolve(prompt, seed=1))
        following.warm()
