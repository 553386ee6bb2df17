"""What tells a player from a machine: small delays and uneven strength, the same each time."""

from __future__ import annotations

from render.music.chance import Chance, Place
from render.music.composing.score import Clock

_LATEST_SECONDS = 0.009


def late_beats(clock: Clock, looseness: float, chance: Chance, *where: Place) -> float:
    """How late (never early) a stroke comes, in beats."""
    seconds = looseness * _LATEST_SECONDS * chance.unit(*where, "late")
    return seconds / clock.beat_seconds


def strength(wanted: float, looseness: float, chance: Chance, *where: Place) -> float:
    return max(0.05, min(1.0, wanted * (1.0 + 0.22 * looseness * chance.around(*where, "strength"))))
