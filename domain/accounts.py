"""Who asks. Every use case takes a Viewer; in open mode it is the local owner, an ADMIN."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from db import accounts as rows
from db.accounts import User


class Role(StrEnum):
    ADMIN = "ADMIN"
    EDITOR = "EDITOR"
    VIEWER = "VIEWER"


class AuthMode(StrEnum):
    OPEN = "OPEN"
    ACCOUNTS = "ACCOUNTS"


@dataclass(frozen=True)
class Viewer:
    id: UUID
    username: str
    role: Role
    created_at: datetime
    auth_mode: AuthMode = AuthMode.OPEN


async def by_ids(ids: Collection[UUID]) -> dict[UUID, User]:
    """One query, for loaders."""
    return {user.id: user for user in await rows.of_ids(ids)} if ids else {}


async def owner(user_id: UUID) -> Viewer:
    """Whose job it is, for what a worker does in his name. Raises KeyError where there is no such user."""
    return _viewer((await by_ids([user_id]))[user_id])


async def local_owner() -> Viewer:
    """The owner of everything in open mode; made on first sight, one row however many ask at once."""
    return _viewer(await rows.get_or_create_local_owner())


def _viewer(user: User) -> Viewer:
    return Viewer(user.id, user.username, Role(user.role), user.created_at)
