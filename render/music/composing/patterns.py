"""Patterns of sixteenths read as strokes: where, and how hard."""

from __future__ import annotations

from collections.abc import Iterator

STRENGTH = {"X": 1.0, "x": 0.8, "o": 0.58, "-": 0.36}


def strokes(pattern: str, bar: int, steps_a_bar: int) -> Iterator[tuple[int, float]]:
    """The (step, strength 0..1) of one bar. A pattern of 32 is two bars; a bar of 12 has the first twelve."""
    first = 16 * (bar % max(1, len(pattern) // 16))
    for step, sign in enumerate(pattern[first : first + steps_a_bar]):
        if sign != ".":
            yield step, STRENGTH[sign]


def until_next(steps: list[int], number: int, steps_a_bar: int) -> int:
    """How many steps lie between a stroke and the next one of the bar, or the bar's end."""
    return (steps[number + 1] if number + 1 < len(steps) else steps_a_bar) - steps[number]
