"""Branches: names that move with the commits made on them. The first commit of a repository makes the first
one, which is the default. Neither the default branch nor a protected one can be deleted, and a protected one
keeps its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db import branches as rows
from db.branches import Branch
from db.repositories import IN_TRANSACTION, Repository
from domain.accounts import Viewer
from domain.errors import Conflict, InvalidInput, RateLimited
from domain.repositories import texts
from domain.repositories.reading import branch_named, changeable, commit_within

MAX_BRANCHES = 200  # of one repository: a list of them has no pages


@dataclass(frozen=True)
class BranchChanges:
    """What is None stays as it is."""

    name: str | None = None
    is_protected: bool | None = None
    is_default: bool | None = None


async def create_branch(
    viewer: Viewer, repository_id: UUID, name: str, from_commit_id: UUID | None = None
) -> Branch:
    """At that commit, by default at the head of the default branch. Raises InvalidInput, NotFound, Forbidden,
    and Conflict where the name is taken or there is no commit yet."""
    clean = texts.ref(name)
    async with IN_TRANSACTION():
        repository = await changeable(viewer, repository_id, "repository_id")
        head = await _head(viewer, repository, from_commit_id)
        await _require_free(repository, clean)
        if await rows.count(repository.id) >= MAX_BRANCHES:
            raise RateLimited(f"at most {MAX_BRANCHES} branches are allowed; delete some first")
        return await rows.add(repository.id, clean, head)


async def update_branch(viewer: Viewer, repository_id: UUID, name: str, changes: BranchChanges) -> Branch:
    """Raises InvalidInput, NotFound, Forbidden, and Conflict for a name that is taken or is protected."""
    new_name = None if changes.name is None else texts.ref(changes.name, "new_name")
    async with IN_TRANSACTION():
        repository = await changeable(viewer, repository_id, "repository_id")
        branch = await branch_named(repository, name, "name")
        values = _values(branch, changes)
        if new_name is not None and new_name != branch.name:
            if values.get("is_protected", branch.is_protected):
                raise Conflict(f"{branch.name} is protected: it keeps its name", field="new_name")
            await _require_free(repository, new_name, "new_name")
            values["name"] = new_name
        await rows.change(branch, values)
    return branch


async def delete_branch(viewer: Viewer, repository_id: UUID, name: str) -> None:
    """Its commits stay, as a line without a name. Raises NotFound, Forbidden, and Conflict for the default
    branch or a protected one."""
    async with IN_TRANSACTION():
        repository = await changeable(viewer, repository_id, "repository_id")
        branch = await branch_named(repository, name, "name")
        if branch.is_default:
            raise Conflict(f"{name} is the default branch: make another one the default first", field="name")
        if branch.is_protected:
            raise Conflict(f"{name} is protected: take the protection off first", field="name")
        await rows.remove(branch)


def _values(branch: Branch, changes: BranchChanges) -> dict[str, Any]:
    if changes.is_default is False and branch.is_default:
        raise InvalidInput("is_default", "is_default cannot be taken off: make another branch the default")
    said = {"is_protected": changes.is_protected, "is_default": changes.is_default}
    return {key: value for key, value in said.items() if value is not None and value != getattr(branch, key)}


async def _head(viewer: Viewer, repository: Repository, commit_id: UUID | None) -> int:
    if commit_id is not None:
        commit = await commit_within(viewer, repository, commit_id, "from_commit_id")
        return int(commit.number)
    default = await rows.default(repository.id)
    if default is None:
        raise Conflict("The repository has no commit yet: the first one makes its first branch")
    return int(default.head)


async def _require_free(repository: Repository, name: str, field: str = "name") -> None:
    if await rows.named(repository.id, name) is not None:
        raise Conflict(f"There is a branch that is called {name} already", field=field)
