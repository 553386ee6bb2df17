"""Which part of a watch one execution of a subscription is asked for (`domain.watching`), and how far it is.

Without a part it is the whole watch. With one, the document's own beginning (a snapshot, or what its `after`
says) counts only for an opening that has no start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.watching import Step


@dataclass(slots=True)
class Part:
    """`mark` is how far all has come that was yielded so far; None until a watch has begun at all."""

    mark: Any = None  # a domain.watching.Mark of the watch that is executed
    is_over: bool = False  # nothing will come any more

    def reach(self, step: Step[Any, Any]) -> None:
        self.mark, self.is_over = step.mark, step.is_last


@dataclass(slots=True)
class Opening(Part):
    """Up to now. `only_newest` is for who could not keep up: what is overtaken already is left out."""

    start: Any = None
    only_newest: bool = False


@dataclass(slots=True)
class Following(Part):
    """From `mark` on, until the end."""
