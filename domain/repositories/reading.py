"""Finding repositories, and who may do what: everybody sees a public one, its owner alone a private one,
and only the owner changes it. To whoever may not see it, it is not there."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from db import branches as branch_rows
from db import commits as commit_rows
from db import repositories as rows
from db.branches import Branch, CommitTag
from db.commits import Commit
from db.repositories import Repository
from domain.accounts import Viewer
from domain.errors import Forbidden, InvalidInput, NotFound
from domain.pages import Page, checked_first, decode_cursor
from domain.repositories import texts

MAX_SEARCH_CHARACTERS = 200


async def get(viewer: Viewer, repository_id: UUID, field: str = "id") -> Repository:
    """Raises NotFound."""
    row = await rows.find(viewer.id, repository_id)
    if row is None:
        raise missing(field)
    return row


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, Repository]:
    """Those of `ids` that the viewer may see: one query, for loaders."""
    return {row.id: row for row in await rows.of_ids(viewer.id, ids)} if ids else {}


async def page(
    viewer: Viewer,
    *,
    mine: bool = False,
    search: str | None = None,
    first: int = 50,
    after: str | None = None,
    is_counted: bool = True,
) -> Page[Repository]:
    """Those that the viewer may see, or those that are his, newest first. `search` is a part of the name or
    of the description in any case. Raises InvalidInput."""
    wanted = _checked_search(search)
    size = checked_first(first)
    key = decode_cursor(after)
    place = None if key is None else (key.created_at, key.id)
    found = await rows.newest(viewer.id, mine, wanted, size, place)
    total = await rows.count(viewer.id, mine, wanted) if is_counted else None
    return Page(found.rows, found.has_next, found.has_previous, total)


async def changeable(viewer: Viewer, repository_id: UUID, field: str = "id") -> Repository:
    """The row, locked until the transaction ends: whoever changes what is in it does so one after the other.

    Raises NotFound and Forbidden.
    """
    may_change(viewer, await get(viewer, repository_id, field))
    row = await rows.locked(repository_id)
    if row is None:
        raise missing(field)
    return row


def may_change(viewer: Viewer, repository: Repository) -> None:
    """Raises Forbidden."""
    if repository.owner_id != viewer.id:
        raise Forbidden("Only its owner may change a repository: fork it and change the fork")


async def branches_of(ids: Collection[UUID]) -> dict[UUID, list[Branch]]:
    """Of each repository, the default branch first, then by name."""
    found: dict[UUID, list[Branch]] = {repository_id: [] for repository_id in ids}
    for branch in await branch_rows.of_repositories(ids):
        found[branch.repository_id].append(branch)
    return found


async def tags_of(ids: Collection[UUID]) -> dict[UUID, list[CommitTag]]:
    """Of each repository, newest first."""
    found: dict[UUID, list[CommitTag]] = {repository_id: [] for repository_id in ids}
    for tag in await branch_rows.tags_of_repositories(ids):
        found[tag.repository_id].append(tag)
    return found


async def branch_named(repository: Repository, name: str, field: str) -> Branch:
    """Raises NotFound."""
    found = await branch_rows.named(repository.id, name) if texts.is_ref(name) else None
    if found is None:
        raise NotFound("Branch not found", field=field)
    return found


async def commit(viewer: Viewer, commit_id: UUID, field: str = "id") -> Commit:
    """Raises NotFound."""
    found = await commit_rows.seen(viewer.id, [commit_id])
    if not found:
        raise NotFound("Commit not found", field=field)
    return found[0]


async def commit_within(viewer: Viewer, repository: Repository, commit_id: UUID, field: str) -> Commit:
    """Raises NotFound, and InvalidInput for a commit of another repository."""
    row = await commit(viewer, commit_id, field)
    if row.repository_id != repository.id:
        raise InvalidInput(field, f"{field} names a commit of another repository")
    return row


def missing(field: str = "id") -> NotFound:
    return NotFound("Repository not found", field=field)


def topic(repository_id: UUID) -> str:
    """Where those who follow a repository are woken."""
    return f"repository:{repository_id}"


def _checked_search(search: str | None) -> str | None:
    if search is None or not search.strip():
        return None
    if len(search) > MAX_SEARCH_CHARACTERS:
        raise InvalidInput("search", f"search may have at most {MAX_SEARCH_CHARACTERS} characters")
    if "\0" in search:
        raise InvalidInput("search", "search must not contain a NUL")
    return search.encode(errors="replace").decode()
