"""Pages of branches and forks of histories made at random, beside the same found by hand."""

from __future__ import annotations

import random
from uuid import UUID, uuid4

import pytest

from db import branches, commit_walks, stems
from db.commits import Commit
from db.repositories import Repository
from domain import commits, repositories
from domain.accounts import Viewer, local_owner
from domain.pages import Key
from domain.repositories.graphs import Graph
from tests.support.music import a_repository

pytestmark = pytest.mark.usefixtures("database")
COMMITS = 40


@pytest.fixture
async def viewer(database: None) -> Viewer:
    return await local_owner()


async def a_history(viewer: Viewer, rng: random.Random) -> tuple[Repository, list[Commit]]:
    """Lines that part and meet; each commit has one of the latest ones as its parent, and some two."""
    repository = await a_repository(viewer)
    stem_set_id = await stems.obtain_set([])
    rows: list[Commit] = []
    histories: dict[int, set[int]] = {}
    for number in range(1, COMMITS + 1):
        latest = range(max(1, number - 6), number)
        parents = rng.sample(latest, min(len(latest), rng.choice((1, 1, 1, 2))))
        histories[number] = {number}.union(*(histories[parent] for parent in parents))
        id = uuid4()
        rows.append(
            Commit(
                id=id,
                repository_id=repository.id,
                number=number,
                origin_id=id,
                parent=parents[0] if parents else None,
                merged=parents[1] if len(parents) > 1 else None,
                reach=len(histories[number]),
                author_id=viewer.id,
                message=str(number),
                stem_set_id=stem_set_id,
                blame={},
                created_at=repository.created_at,  # all at once: the order is that of the numbers
            )
        )
    await Commit.bulk_create(rows)
    repository.last_number = COMMITS
    await repository.save(update_fields=["last_number"])
    await branches.add(repository.id, "main", COMMITS, is_default=True)
    return repository, rows


async def paged(repository_id: UUID, branch: str | None, first: int) -> list[int]:
    """The numbers of all pages, one after the other."""
    found: list[int] = []
    after = None
    while True:
        pages = await commits.histories([repository_id], branch, first=first, after=after)
        page = pages[repository_id]
        assert page.has_previous is (after is not None)
        found += [row.number for row in page.rows]
        if not page.has_next:
            assert page.total == len(found)
            return found
        assert len(page.rows) == first
        after = Key(page.rows[-1].created_at, page.rows[-1].id).encode()


async def test_pages_are_the_history_newest_first(viewer: Viewer, rng: random.Random) -> None:
    repository, rows = await a_history(viewer, rng)
    graph = Graph.of(await commit_walks.edges(repository.id))
    heads = rng.sample(range(1, COMMITS + 1), 4)
    for number in heads:
        await branches.add(repository.id, f"at-{number}", number)
    for number, name in ((COMMITS, "main"), *((number, f"at-{number}") for number in heads)):
        history = sorted(graph.history(number), reverse=True)
        assert rows[number - 1].reach == len(history)
        for first in (1, 7, 100):
            assert await paged(repository.id, name, first) == history
    assert await paged(repository.id, None, 9) == list(range(COMMITS, 0, -1))


async def test_several_repositories_have_their_own_page_each(viewer: Viewer, rng: random.Random) -> None:
    repository, rows = await a_history(viewer, rng)
    start = rng.choice(rows)
    fork = await repositories.fork(viewer, repository.id, "part", start.id)
    empty = await a_repository(viewer, "empty")
    ids = [repository.id, fork.id, empty.id]
    found = await commits.histories(ids, "main", first=5, after=None)
    assert [row.number for row in found[repository.id].rows][:1] == [COMMITS]
    assert [row.number for row in found[fork.id].rows][:1] == [start.number]
    assert [found[id].total for id in ids] == [rows[-1].reach, start.reach, 0]
    assert found[empty.id].rows == []
    behind = Key(rows[-1].created_at, rows[-1].id).encode()  # a commit of the first one alone
    rest = await commits.histories(ids, "main", first=5, after=behind)
    assert [len(rest[id].rows) > 0 for id in ids] == [True, False, False]


async def test_a_fork_has_ids_of_version_four_that_nobody_else_has(
    viewer: Viewer, rng: random.Random
) -> None:
    repository, rows = await a_history(viewer, rng)
    for name in ("one", "two"):
        await repositories.fork(viewer, repository.id, name)
    found = await Commit.all()
    assert len({row.id for row in found}) == len(found) == 3 * COMMITS
    assert {row.id.version for row in found} == {4}
    assert {row.id.variant for row in found} == {rows[0].id.variant}
