"""Repositories: create, change, delete."""

from __future__ import annotations

from typing import Any, TypedDict
from uuid import UUID

from db import branches as branch_rows
from db import commits as commit_rows
from db import repositories as rows
from db.repositories import Repository
from domain.accounts import Viewer
from domain.errors import Conflict, InvalidInput, RateLimited
from domain.ports import Services
from domain.repositories import texts
from domain.repositories.reading import changeable, topic

MAX_REPOSITORIES = 10_000  # of one owner


class Changes(TypedDict, total=False):
    """What an update says: an absent key stays as it is, None clears it."""

    name: str | None
    description: str | None
    is_public: bool | None
    genre: str | None


async def create(
    viewer: Viewer, name: str, *, description: str = "", is_public: bool = False, genre: str = ""
) -> Repository:
    """An empty one: its first commit makes its first branch. Raises InvalidInput, Conflict, RateLimited."""
    return await added(
        viewer,
        texts.name(name),
        description=texts.description(description),
        is_public=is_public,
        genre=texts.genre(genre),
    )


async def added(viewer: Viewer, name: str, field: str = "name", **values: Any) -> Repository:
    """A new row of checked values. Raises Conflict and RateLimited."""
    try:
        return await rows.insert(viewer.id, MAX_REPOSITORIES, name=name, **values)
    except rows.NameTaken as error:
        raise taken(name, field) from error
    except rows.OwnerIsFull as error:
        raise RateLimited(
            f"at most {MAX_REPOSITORIES:,} repositories are allowed; delete some first"
        ) from error


async def update(viewer: Viewer, repository_id: UUID, changes: Changes) -> Repository:
    """Raises InvalidInput, NotFound, Forbidden, and Conflict where the name is taken."""
    values = _new_values(changes)
    async with rows.IN_TRANSACTION():
        row = await changeable(viewer, repository_id)
        try:
            await rows.change(row, values)
        except rows.NameTaken as error:
            raise taken(values["name"]) from error
    return row


async def delete(viewer: Viewer, repository_id: UUID, *, services: Services) -> None:
    """With its commits; its forks stay, and so do files, which are their owners'.

    Raises NotFound and Forbidden.
    """
    async with rows.IN_TRANSACTION():
        row = await changeable(viewer, repository_id)
        await branch_rows.remove_all(row.id)
        await commit_rows.remove_all(row.id)
        await rows.remove(row.id)
    await services.events.nudge(topic(repository_id))


def taken(name: str, field: str = "name") -> Conflict:
    return Conflict(f"You have a repository that is called {name} already", field=field)


def _new_values(changes: Changes) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "name" in changes:
        name = changes["name"]
        if name is None:
            raise InvalidInput("name", "name cannot be cleared: a repository always has one")
        values["name"] = texts.name(name)
    if "description" in changes:
        values["description"] = texts.description(changes["description"] or "")
    if "genre" in changes:
        values["genre"] = texts.genre(changes["genre"] or "")
    if "is_public" in changes:
        values["is_public"] = bool(changes["is_public"])
    return values
