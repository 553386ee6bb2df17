"""Committing what a job has made: where its owner wanted it when he asked, and never not at all.

Where it is to go is looked at twice. When it is asked for, repository, branch and parent must be there and
the owner's to change. When it is made the world may have moved: it goes where the same words lead then, and
where they lead nowhere any more (the branch was moved past the parent, or is gone) on a line without a name,
behind the commit that it was meant to follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import UUID

from db import branches as branch_rows
from db import commits as rows
from db.commits import Commit
from db.repositories import Repository
from domain.accounts import Viewer
from domain.commits.making import NewCommit, Spot, checked_room, head_of, put, said_of, spot_of
from domain.errors import Conflict, NotFound
from domain.repositories import texts
from domain.repositories.forking import MAIN
from domain.repositories.reading import branch_named, changeable, commit_within, get, may_change


@dataclass(frozen=True)
class Meant:
    """Where a commit is to go, in the words of `NewCommit`. `behind` is the commit that it would have
    followed when it was asked for (None in an empty repository), `line` the branch that it would have moved
    (None: a line without a name).
    """

    repository_id: UUID
    branch: str | None
    parent_commit_id: UUID | None
    behind: UUID | None
    line: str | None

    def as_json(self) -> dict[str, Any]:
        return {
            name: str(value) if isinstance(value, UUID) else value for name, value in asdict(self).items()
        }

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Self:
        parent, behind = said["parent_commit_id"], said["behind"]
        return cls(
            repository_id=UUID(said["repository_id"]),
            branch=said["branch"],
            parent_commit_id=None if parent is None else UUID(parent),
            behind=None if behind is None else UUID(behind),
            line=said["line"],
        )


@dataclass(frozen=True)
class Kept:
    """`branch` is the one that the commit moved or made, None for a line without a name. `has_moved`: that is
    so because the branch was no longer where it had been."""

    commit: Commit
    branch: str | None
    has_moved: bool


async def meant(
    viewer: Viewer, repository_id: UUID, branch: str | None, parent_commit_id: UUID | None
) -> Meant:
    """Raises NotFound, Forbidden and InvalidInput. A parent that is no longer the head of `branch` is taken:
    its commit opens a line without a name.
    """
    repository = await get(viewer, repository_id, "repository_id")
    may_change(viewer, repository)
    parent = None
    if parent_commit_id is not None:
        parent = await commit_within(viewer, repository, parent_commit_id, "parent_commit_id")
    if repository.last_number == 0:
        name = MAIN if branch is None else texts.ref(branch, "branch")
        return Meant(repository.id, branch, None, None, name)
    line = await _line(repository, branch, parent)
    if parent is None:
        assert line is not None, "a repository with commits has a default branch"
        parent = await head_of(line)
    return Meant(repository.id, branch, parent_commit_id, parent.id, None if line is None else line.name)


async def keep(viewer: Viewer, meant: Meant, new: NewCommit) -> Kept:
    """The commit `new`, in the transaction that is open. Who follows the repository has to be nudged
    afterwards.

    Raises NotFound where the repository is gone, Forbidden, RateLimited where it is full, InvalidInput; then
    no row was written.
    """
    said = said_of(new)
    repository = await changeable(viewer, meant.repository_id, "repository_id")
    checked_room(repository, 1)
    try:
        spot = await spot_of(viewer, repository, new)
    except (Conflict, NotFound):
        spot = Spot(await _followed(repository, meant))
    commit = (await put(viewer, repository, spot, new, said)).commit
    branch = spot.new_branch if spot.branch is None else spot.branch.name
    return Kept(commit, branch, branch is None and meant.line is not None)


async def _line(
    repository: Repository, branch: str | None, parent: Commit | None
) -> branch_rows.Branch | None:
    """The branch that a commit with these words would move now."""
    if branch is not None:
        return await branch_named(repository, branch, "branch")
    if parent is not None:
        return await branch_rows.at(repository.id, parent.number)
    return await branch_rows.default(repository.id)


async def _followed(repository: Repository, meant: Meant) -> Commit | None:
    """The commit that it was meant to follow; in what was an empty repository then, the newest one now."""
    if meant.behind is not None:
        found = await rows.seen(repository.owner_id, [meant.behind])
        if found:
            return found[0]
    return await rows.numbered(repository.id, repository.last_number)
