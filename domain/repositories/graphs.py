"""A history as a graph: pure functions. Parents have lower numbers, so going down from a number meets every
commit after its children, and the highest of several common ancestors is one that no other comes from."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from db.commit_walks import Edges


@dataclass(frozen=True)
class Graph:
    """The commits of one repository by number, and by the commit that they are copies of."""

    parents: dict[int, tuple[int, ...]]
    origins: dict[int, UUID]
    numbers: dict[UUID, int]

    @classmethod
    def of(cls, edges: Edges) -> Graph:
        parents: dict[int, tuple[int, ...]] = {
            number: (() if parent is None else (parent,) if merged is None else (parent, merged))
            for number, parent, merged in zip(edges.numbers, edges.parents, edges.merged, strict=True)
        }
        origins = dict(zip(edges.numbers, edges.origins, strict=True))
        return cls(parents, origins, dict(zip(edges.origins, edges.numbers, strict=True)))

    def history(self, head: int) -> set[int]:
        """The numbers of a commit and of all that it comes from."""
        found, ahead = {head}, [head]
        while ahead:
            for parent in self.parents[ahead.pop()]:
                if parent not in found:
                    found.add(parent)
                    ahead.append(parent)
        return found


def merge_base(ours: Graph, our_head: int, theirs: Graph, their_head: int) -> int | None:
    """The newest commit that both come from, by its number in `ours`; None where they have none in common."""
    known = {theirs.origins[number] for number in theirs.history(their_head)}
    return max((n for n in ours.history(our_head) if ours.origins[n] in known), default=None)


@dataclass(frozen=True)
class Taken:
    """How a history is taken over from another repository: `numbers` says which number each of its commits
    has in this one, `news` are those that are not there yet, oldest first."""

    numbers: dict[int, int]
    news: list[int]


def taken_over(theirs: Graph, their_head: int, ours: Graph, last_number: int) -> Taken:
    numbers: dict[int, int] = {}
    news: list[int] = []
    for number in sorted(theirs.history(their_head)):
        known = ours.numbers.get(theirs.origins[number])
        if known is None:
            news.append(number)
            known = last_number + len(news)
        numbers[number] = known
    return Taken(numbers, news)
