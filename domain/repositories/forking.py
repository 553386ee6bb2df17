"""Forks: a repository of one's own with the same history. Its commits have ids of their own and name the same
stems, so no file is copied; what they have in common with the original is known by their origin."""

from __future__ import annotations

from uuid import UUID

from db import branches as branch_rows
from db import commit_walks
from db import repositories as rows
from db.repositories import Repository
from domain.accounts import Viewer
from domain.repositories import texts
from domain.repositories.changing import added
from domain.repositories.graphs import Graph
from domain.repositories.reading import commit_within, get, missing

MAIN = "main"


async def fork(
    viewer: Viewer, repository_id: UUID, name: str, from_commit_id: UUID | None = None
) -> Repository:
    """With all branches and tags; from a commit: its history alone, with one branch there, and its tags. It
    inherits genre and visibility.

    Raises InvalidInput, NotFound, RateLimited, and Conflict where the viewer has one of that name.
    """
    clean = texts.name(name)
    async with rows.IN_TRANSACTION():
        source = await get(viewer, repository_id, "repository_id")
        source = await rows.held(source.id) or _gone()
        head = (
            None
            if from_commit_id is None
            else (await commit_within(viewer, source, from_commit_id, "from_commit_id")).number
        )
        made = await added(
            viewer,
            clean,
            description=f"Fork of {source.name}",
            is_public=source.is_public,
            genre=source.genre,
            forked_from_id=source.id,
        )
        await _copy(source, made, head)
    return made


async def _copy(source: Repository, made: Repository, head: int | None) -> None:
    if head is None:
        await commit_walks.copy(source, made, None)
        await commit_walks.copy_branches(source, made)
        return
    graph = Graph.of(await commit_walks.edges(source.id))
    await commit_walks.copy(source, made, graph.history(head))
    default = await branch_rows.default(source.id)
    await branch_rows.add(made.id, MAIN if default is None else default.name, head, is_default=True)


def _gone() -> Repository:
    raise missing("repository_id")
