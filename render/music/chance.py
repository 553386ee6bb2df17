"""Choices without a generator's state: each is a hash of a seed and of where it is made. Light.

The mixing is that of splitmix64 (Steele, Lea and Flood, 2014); names are hashed by FNV-1a.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

_MASK = (1 << 64) - 1
T = TypeVar("T")
Place = int | str


def number_of(text: str) -> int:
    """64 bits of a text; not kept, for it may be long and anybody's."""
    value = 0xCBF29CE484222325
    for byte in text.encode("utf-8", "surrogatepass"):
        value = ((value ^ byte) * 0x100000001B3) & _MASK
    return value


@lru_cache(4096)
def number_of_place(name: str) -> int:
    """The same of the name of a choice, of which there are few and short ones."""
    return number_of(name)


def _mixed(value: int) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


@dataclass(frozen=True)
class Chance:
    """All that is left to chance in a piece; `where` names the choice and never depends on other choices."""

    seed: int

    @classmethod
    def of(cls, seed: int, variation: int, genre: str) -> Chance:
        """That of a piece: other words or another genre make other choices."""
        return cls((seed ^ (variation << 32) ^ number_of(genre)) & _MASK)

    def bits(self, *where: Place) -> int:
        value = _mixed((self.seed + 0x9E3779B97F4A7C15) & _MASK)
        for place in where:
            number = place if isinstance(place, int) else number_of_place(place)
            value = _mixed((value * 3 + number * 0xD1B54A32D192ED03 + 1) & _MASK)
        return value

    def unit(self, *where: Place) -> float:
        """In 0..1, below 1."""
        return (self.bits(*where) >> 11) / 9007199254740992.0

    def around(self, *where: Place) -> float:
        """In -1..1, the middle likelier than the ends."""
        return self.unit(*where, "a") + self.unit(*where, "b") - 1.0

    def pick(self, choices: Sequence[T], *where: Place) -> T:
        return choices[self.bits(*where) % len(choices)]
