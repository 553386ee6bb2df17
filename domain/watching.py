"""A watch in two parts, so that many who watch the same may go on together.

    opening     how it is now, or what was missed, up to what the database shows: each for himself
    following   every change after a mark, until the end: one for all who are at that mark

A `Mark` says how far somebody has seen. Each step of either part carries one, so whoever stops anywhere can
go on from there, alone or with others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


class Mark(Protocol):
    """How far one watcher has seen; only marks of the same watch are compared."""

    def covers(self, other: Any) -> bool:
        """Whether all that one who is there has seen was seen here too; False where that is not certain."""
        ...

    def has_seen(self, other: Any) -> bool:
        """Whether the one change that led there was seen here. False where that is not certain."""
        ...

    def meets(self, other: Any) -> bool:
        """Whether one who is here, and is then told the change that led there, is exactly there: he has seen
        no more than that. False where that is not certain."""
        ...


@dataclass(frozen=True, slots=True)
class Version:
    """The mark of what has versions: whoever has seen one has seen all before it.

    `is_set_back` where a database that was set back led there from a higher one: nobody who was elsewhere has
    seen that, and he is to read by himself.
    """

    number: int
    is_set_back: bool = field(default=False, compare=False)

    def covers(self, other: Version) -> bool:
        return self.number >= other.number

    def has_seen(self, other: Version) -> bool:
        return self.number >= other.number and not other.is_set_back

    def meets(self, other: Version) -> bool:
        return self.number < other.number and not other.is_set_back


M = TypeVar("M", bound=Mark)


@dataclass(frozen=True, slots=True)
class Step(Generic[T, M]):
    """What comes next and where its reader is then. No item where only that is new; after the last step
    nothing will come any more."""

    item: T | None
    mark: M
    is_last: bool = False
