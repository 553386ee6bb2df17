"""What histories have in common, beside the plain definition of it, on graphs made at random."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from db.commit_walks import Edges
from domain.repositories.graphs import Graph, merge_base, taken_over

Parents = list[tuple[int | None, int | None]]


@st.composite
def histories(draw: st.DrawFn) -> Parents:
    """The parents of the commits 1, 2, ...: each has a lower number, some are merges, some are roots."""
    parents: Parents = [(None, None)]
    for number in range(2, draw(st.integers(2, 14)) + 1):
        first = draw(st.none() | st.integers(1, number - 1))
        second = None if first is None else draw(st.none() | st.integers(1, number - 1))
        parents.append((first, None if second == first else second))
    return parents


def graph(parents: Parents, numbers: list[int] | None = None) -> Graph:
    """`numbers` chooses some commits, which are numbered anew; what is not chosen is nobody's parent."""
    chosen = numbers or list(range(1, len(parents) + 1))
    place: dict[int | None, int] = {number: index + 1 for index, number in enumerate(chosen)}
    return Graph.of(
        Edges(
            [place[n] for n in chosen],
            [place.get(parents[n - 1][0]) for n in chosen],
            [place.get(parents[n - 1][1]) for n in chosen],
            [UUID(int=n) for n in chosen],
        )
    )


def ancestors(parents: Parents, number: int) -> set[int]:
    return {number}.union(*(ancestors(parents, p) for p in parents[number - 1] if p is not None))


@given(histories(), st.data())
def test_the_base_is_common_and_no_other_common_commit_comes_from_it(
    parents: Parents, data: st.DataObject
) -> None:
    ours, theirs = (data.draw(st.integers(1, len(parents))) for _ in range(2))
    whole = graph(parents)
    common = ancestors(parents, ours) & ancestors(parents, theirs)
    base = merge_base(whole, ours, whole, theirs)
    if not common:
        assert base is None
        return
    assert base in common
    assert not any(base in ancestors(parents, other) - {other} for other in common)
    assert whole.history(ours) == ancestors(parents, ours)


@given(histories(), st.data())
def test_a_history_that_is_taken_over_is_the_same_graph(parents: Parents, data: st.DataObject) -> None:
    ours, theirs = (data.draw(st.integers(1, len(parents))) for _ in range(2))
    here = graph(parents, sorted(ancestors(parents, ours)))
    there = graph(parents, sorted(ancestors(parents, theirs)))
    head = there.numbers[UUID(int=theirs)]
    last = max(here.origins)
    taken = taken_over(there, head, here, last)
    assert {there.origins[number] for number in taken.news} == {
        UUID(int=n) for n in ancestors(parents, theirs) - ancestors(parents, ours)
    }
    known = {number: (here.parents[number], here.origins[number]) for number in here.origins}
    for number in taken.news:
        mine = tuple(taken.numbers[parent] for parent in there.parents[number])
        assert all(parent < taken.numbers[number] for parent in mine)
        known[taken.numbers[number]] = mine, there.origins[number]
    whole = Graph(
        {number: mine for number, (mine, _) in known.items()},
        {number: origin for number, (_, origin) in known.items()},
        {origin: number for number, (_, origin) in known.items()},
    )
    found = {whole.origins[number].int for number in whole.history(taken.numbers[head])}
    assert found == ancestors(parents, theirs)
    base, direct = merge_base(here, here.numbers[UUID(int=ours)], there, head), graph(parents)
    expected = merge_base(direct, ours, direct, theirs)
    assert (None if base is None else here.origins[base].int) == expected
