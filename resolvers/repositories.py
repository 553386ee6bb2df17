"""Repositories, branches and tags: what GraphQL asks of them, in the domain's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from db.accounts import User
from db.branches import Branch, CommitTag
from db.commits import Commit
from db.repositories import Repository
from domain import repositories
from domain.pages import Page, checked_first, decode_cursor
from domain.repositories import BranchChanges, Changes, texts
from resolvers.context import Context
from resolvers.ids import parsed, required

REPOSITORY = "Repository"


async def get(ctx: Context, id: str) -> Repository | None:
    repository_id = parsed(id)
    return None if repository_id is None else await ctx.loaders.repositories.load(repository_id)


async def page(
    ctx: Context, mine: bool, search: str | None, first: int, after: str | None, *, is_counted: bool
) -> Page[Repository]:
    return await repositories.page(
        ctx.viewer, mine=mine, search=search, first=first, after=after, is_counted=is_counted
    )


async def create(ctx: Context, name: str, description: str, is_public: bool, genre: str) -> Repository:
    return await repositories.create(
        ctx.viewer, name, description=description, is_public=is_public, genre=genre
    )


async def update(ctx: Context, id: str, said: Mapping[str, Any]) -> Repository:
    """`said` holds the fields that the client wrote, null as None."""
    changes: Changes = {**said}  # type: ignore[typeddict-item]
    return await repositories.update(ctx.viewer, required(id, REPOSITORY), changes)


async def delete(ctx: Context, id: str) -> None:
    await repositories.delete(ctx.viewer, required(id, REPOSITORY), services=ctx.services)


async def fork(ctx: Context, id: str, name: str, from_commit_id: str | None) -> Repository:
    commit_id = commit_of(from_commit_id, "from_commit_id")
    return await repositories.fork(ctx.viewer, required(id, REPOSITORY, "repository_id"), name, commit_id)


async def create_branch(ctx: Context, id: str, name: str, from_commit_id: str | None) -> Branch:
    commit_id = commit_of(from_commit_id, "from_commit_id")
    repository_id = required(id, REPOSITORY, "repository_id")
    return await repositories.create_branch(ctx.viewer, repository_id, name, commit_id)


async def update_branch(ctx: Context, id: str, name: str, changes: BranchChanges) -> Branch:
    repository_id = required(id, REPOSITORY, "repository_id")
    return await repositories.update_branch(ctx.viewer, repository_id, name, changes)


async def delete_branch(ctx: Context, id: str, name: str) -> None:
    await repositories.delete_branch(ctx.viewer, required(id, REPOSITORY, "repository_id"), name)


async def create_tag(ctx: Context, id: str, name: str, commit_id: str, message: str | None) -> CommitTag:
    repository_id = required(id, REPOSITORY, "repository_id")
    known = required(commit_id, "Commit", "commit_id")
    return await repositories.create_tag(ctx.viewer, repository_id, name, known, message)


async def delete_tag(ctx: Context, id: str, name: str) -> None:
    await repositories.delete_tag(ctx.viewer, required(id, REPOSITORY, "repository_id"), name)


async def owners(ctx: Context, rows: Iterable[Repository]) -> dict[UUID, User]:
    """By the repository's id."""
    return await ctx.loaders.users.load_referred({row.id: row.owner_id for row in rows})


async def originals(ctx: Context, rows: Iterable[Repository]) -> dict[UUID, Repository]:
    """By the fork's id; not those that are gone, or private now."""
    return await ctx.loaders.repositories.load_referred({row.id: row.forked_from_id for row in rows})


async def branches(ctx: Context, rows: Iterable[Repository]) -> dict[UUID, list[Branch]]:
    """By the repository's id, the default branch first."""
    return await ctx.loaders.branches.load_many(row.id for row in rows)


async def tags(ctx: Context, rows: Iterable[Repository]) -> dict[UUID, list[CommitTag]]:
    return await ctx.loaders.tags.load_many(row.id for row in rows)


async def heads(ctx: Context, rows: Iterable[Branch]) -> dict[UUID, Commit]:
    """By the branch's id."""
    return await ctx.loaders.commits.load_referred({row.id: (row.repository_id, row.head) for row in rows})


async def tagged(ctx: Context, rows: Iterable[CommitTag]) -> dict[UUID, Commit]:
    """By the tag's id."""
    return await ctx.loaders.commits.load_referred({row.id: (row.repository_id, row.number) for row in rows})


async def history(
    ctx: Context,
    repository: Repository,
    branch: str | None,
    first: int,
    after: str | None,
    *,
    is_counted: bool,
) -> Page[Commit]:
    checked_first(first)
    decode_cursor(after)  # refuses before anything is loaded
    if branch is not None:
        texts.ref(branch, "branch")
    found = await ctx.loaders.histories(branch, first, after, is_counted).load(repository.id)
    return found or Page(rows=[], has_next=False, has_previous=False, total=0)


def commit_of(text: str | None, field: str) -> UUID | None:
    return None if text is None else required(text, "Commit", field)
