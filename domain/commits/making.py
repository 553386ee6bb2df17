"""Making commits. Where one goes is settled under the repository's lock, so that none overtakes another:

branch and parent   on that branch, if the parent is its head; else CONFLICT, because others were faster
branch alone        on its head as it is then
parent alone        on the branch whose head the parent is (the default one first); a parent that is no
                    head begins a line without a name, seen in the history
neither             on the head of the default branch

The first commit makes the first branch, called as asked or `main`, which is the default one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from db import branches as branch_rows
from db import commits as rows
from db import stems as stem_rows
from db.branches import Branch
from db.commits import Commit
from db.jobs import Job
from db.repositories import IN_TRANSACTION, Repository
from db.stems import Stem
from domain.accounts import Viewer
from domain.commits import figures, rendering
from domain.commits.reading import stems_of
from domain.commits.stems import NewStem, audio_held, blame, taken_up
from domain.errors import Conflict, NotFound, RateLimited
from domain.ports import Services
from domain.repositories import texts
from domain.repositories.forking import MAIN
from domain.repositories.reading import branch_named, changeable, commit_within, topic

MAX_COMMITS = 100_000  # of one repository


@dataclass(frozen=True)
class NewCommit:
    """`stems` is the whole set; None takes the parent's."""

    repository_id: UUID
    message: str
    branch: str | None = None
    parent_commit_id: UUID | None = None
    bpm: float | None = None
    key_signature: str | None = None
    generation_params: Any = None
    render_id: UUID | None = None
    stems: Sequence[NewStem] | None = None


@dataclass(frozen=True)
class Figures:
    """What is kept of a commit beside its place and its stems."""

    message: str
    bpm: float | None = None
    key_signature: str | None = None
    generation_params: Any = None
    render_id: UUID | None = None


@dataclass(frozen=True)
class Made:
    """A new commit, and the job that it needs, which is to be rung for once the commit is there."""

    commit: Commit
    job: Job | None


@dataclass(frozen=True)
class Spot:
    """Where a commit goes: behind `parent`, with `branch` moved to it, or a branch of `new_branch` made."""

    parent: Commit | None
    branch: Branch | None = None
    new_branch: str | None = None


async def create(viewer: Viewer, new: NewCommit, *, services: Services) -> Commit:
    """Raises InvalidInput, NotFound, Forbidden, Conflict and RateLimited."""
    said = said_of(new)
    async with IN_TRANSACTION():
        repository = await changeable(viewer, new.repository_id, "repository_id")
        made = await put(viewer, repository, await spot_of(viewer, repository, new), new, said)
    await services.events.nudge(topic(repository.id))
    await rendering.ring(made.job, services=services)
    return made.commit


def said_of(new: NewCommit) -> Figures:
    """Raises InvalidInput."""
    return Figures(
        texts.message(new.message),
        figures.bpm(new.bpm),
        figures.key_signature(new.key_signature),
        figures.generation_params(new.generation_params),
        new.render_id,
    )


async def put(viewer: Viewer, repository: Repository, spot: Spot, new: NewCommit, said: Figures) -> Made:
    """The commit at that place of a locked repository, with the stems that are asked for."""
    before = {} if spot.parent is None else await stems_of(spot.parent)
    stems = before if new.stems is None else await taken_up(viewer, repository, new.stems, before)
    if new.render_id is not None:
        await audio_held(viewer, new.render_id, "render_id")
    return await added(viewer, repository, spot, stems, before, said)


async def added(
    viewer: Viewer,
    repository: Repository,
    spot: Spot,
    stems: Mapping[str, Stem],
    before: Mapping[str, Stem],
    said: Figures,
) -> Made:
    """The commit in a locked repository, its branch moved and its render asked for; `before` are the stems of
    its parent."""
    checked_room(repository, 1)
    parent = spot.parent
    stem_set_id = await stem_rows.obtain_set(stems.values())
    if said.render_id is None:
        said = replace(said, render_id=rendering.kept_render(stem_set_id, parent))
    commit = await rows.insert(
        repository,
        author_id=viewer.id,
        parent=parent,
        merged=None,
        reach=1 if parent is None else parent.reach + 1,
        stem_set_id=stem_set_id,
        blame=blame(stems, (before, {} if parent is None else parent.blame)),
        **vars(said),
    )
    await moved(repository, spot, commit)
    return Made(commit, await rendering.ask(commit, stems))


def checked_room(repository: Repository, more: int) -> None:
    """Raises RateLimited where so many commits more would be too many."""
    if repository.last_number + more > MAX_COMMITS:
        raise RateLimited(f"a repository may have at most {MAX_COMMITS:,} commits: fork it and go on there")


async def moved(repository: Repository, spot: Spot, commit: Commit) -> None:
    if spot.branch is not None:
        await branch_rows.change(spot.branch, {"head": commit.number})
    elif spot.new_branch is not None:
        await branch_rows.add(repository.id, spot.new_branch, commit.number, is_default=True)


async def spot_of(viewer: Viewer, repository: Repository, new: NewCommit) -> Spot:
    """Raises NotFound, InvalidInput and Conflict."""
    if repository.last_number == 0:
        return await _first(viewer, repository, new)
    if new.branch is not None:
        branch = await branch_named(repository, new.branch, "branch")
        parent = await head_of(branch)
        if new.parent_commit_id is not None:
            given = await commit_within(viewer, repository, new.parent_commit_id, "parent_commit_id")
            if given.id != parent.id:
                raise Conflict(
                    f"{branch.name} has moved: its head is {parent.id}, and not the given parent_commit_id",
                    field="parent_commit_id",
                )
        return Spot(parent, branch)
    if new.parent_commit_id is not None:
        parent = await commit_within(viewer, repository, new.parent_commit_id, "parent_commit_id")
        return Spot(parent, await branch_rows.at(repository.id, parent.number))
    default = await branch_rows.default(repository.id)
    if default is None:
        raise NotFound("The repository has no default branch", field="branch")
    return Spot(await head_of(default), default)


async def _first(viewer: Viewer, repository: Repository, new: NewCommit) -> Spot:
    if new.parent_commit_id is not None:
        await commit_within(viewer, repository, new.parent_commit_id, "parent_commit_id")  # none is
    return Spot(None, new_branch=MAIN if new.branch is None else texts.ref(new.branch, "branch"))


async def head_of(branch: Branch) -> Commit:
    commit = await rows.numbered(branch.repository_id, branch.head)
    assert commit is not None, "a branch has a head"
    return commit
