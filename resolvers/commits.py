"""Commits, their stems, merges and differences: what GraphQL asks of them, in the domain's words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from db.accounts import User
from db.assets import Asset
from db.commits import Commit, Place
from db.jobs import Job
from db.repositories import Repository
from domain import commits
from domain.commits import (
    CommitDiff,
    Heard,
    Merge,
    MergeResult,
    MergeSide,
    NewCommit,
    NewStem,
    StemDiff,
    StemOf,
    StemType,
)
from domain.errors import NotFound
from domain.jobs import JobOptions
from resolvers.context import Context
from resolvers.ids import parsed, required
from resolvers.repositories import REPOSITORY

COMMIT = "Commit"


async def get(ctx: Context, id: str) -> Commit | None:
    commit_id = parsed(id)
    if commit_id is None:
        return None
    try:
        return await commits.get(ctx.viewer, commit_id)
    except NotFound:
        return None


async def create(
    ctx: Context,
    repository_id: str,
    message: str,
    *,
    branch: str | None,
    parent_commit_id: str | None,
    bpm: float | None,
    key_signature: str | None,
    generation_params: Any,
    render_id: str | None,
    stems: Sequence[NewStem] | None,
) -> Commit:
    parent = None if parent_commit_id is None else required(parent_commit_id, COMMIT, "parent_commit_id")
    new = NewCommit(
        repository_id=required(repository_id, REPOSITORY, "repository_id"),
        message=message,
        branch=branch,
        parent_commit_id=parent,
        bpm=bpm,
        key_signature=key_signature,
        generation_params=generation_params,
        render_id=None if render_id is None else required(render_id, "Audio file", "render_id"),
        stems=stems,
    )
    return await commits.create(ctx.viewer, new, services=ctx.services)


def new_stem(type: StemType, asset_id: str, gain: float) -> NewStem:
    """Raises NotFound for what can be no asset's id."""
    return NewStem(type, required(asset_id, "Audio file", "asset_id"), gain)


async def merge(
    ctx: Context,
    repository_id: str,
    source: str,
    target: str,
    *,
    source_repository_id: str | None,
    message: str | None,
    resolutions: Sequence[tuple[StemType, MergeSide]],
    dry_run: bool,
) -> MergeResult:
    source_id = source_repository_id
    asked = Merge(
        repository_id=required(repository_id, REPOSITORY, "repository_id"),
        source=source,
        target=target,
        source_repository_id=(
            None if source_id is None else required(source_id, REPOSITORY, "source_repository_id")
        ),
        message=message,
        resolutions=resolutions,
        dry_run=dry_run,
    )
    return await commits.merge(ctx.viewer, asked, services=ctx.services)


async def revert(ctx: Context, id: str, branch: str) -> Commit:
    return await commits.revert(ctx.viewer, required(id, COMMIT), branch, services=ctx.services)


async def diff(ctx: Context, base_id: str, head_id: str) -> CommitDiff:
    base, head = required(base_id, COMMIT, "base_id"), required(head_id, COMMIT, "head_id")
    return await commits.diff(ctx.viewer, base, head)


async def heard(stems: Sequence[StemDiff]) -> list[Heard]:
    return await commits.heard(stems)


async def render_stem_diff(
    ctx: Context, base_id: str, head_id: str, type: StemType, options: JobOptions
) -> Job:
    base, head = required(base_id, COMMIT, "base_id"), required(head_id, COMMIT, "head_id")
    return await commits.render_stem_diff(ctx.viewer, base, head, type, options, services=ctx.services)


async def merge_base(of: CommitDiff) -> Commit | None:
    return await commits.common(of.base, of.head)


async def repositories(ctx: Context, rows: Iterable[Commit]) -> dict[UUID, Repository]:
    """By the commit's id."""
    return await ctx.loaders.repositories.load_referred({row.id: row.repository_id for row in rows})


async def authors(ctx: Context, rows: Iterable[Commit]) -> dict[UUID, User]:
    """By the commit's id."""
    return await ctx.loaders.users.load_referred({row.id: row.author_id for row in rows})


async def parents(ctx: Context, rows: Iterable[Commit]) -> dict[Place, Commit]:
    """The first and the second ones of all, by place."""
    return await ctx.loaders.commits.load_many({place for row in rows for place in parents_of(row)})


def parents_of(row: Commit) -> list[Place]:
    return [(row.repository_id, number) for number in (row.parent, row.merged) if number is not None]


async def renders(ctx: Context, rows: Iterable[Commit]) -> dict[UUID, Asset]:
    """By the commit's id."""
    return await ctx.loaders.mixes.load_referred({row.id: commits.mix_of(row) for row in rows})


async def stems(ctx: Context, rows: Collection[Commit]) -> dict[UUID, list[StemOf]]:
    """By the commit's id, in the order of the types."""
    sets = await ctx.loaders.stem_sets.load_many(row.stem_set_id for row in rows)
    return {row.id: [StemOf(row, stem) for stem in sets[row.stem_set_id].values()] for row in rows}


async def files(ctx: Context, stems: Iterable[StemOf]) -> dict[UUID, Asset]:
    """By the asset's id."""
    return await ctx.loaders.commit_files.load_many(one.stem.asset_id for one in stems)


async def changed_in(ctx: Context, stems: Iterable[StemOf]) -> dict[Place, Commit]:
    """The commits that brought the stems, by place."""
    return await ctx.loaders.commits.load_many(one.changed_in for one in stems)
