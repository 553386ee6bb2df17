"""Who asks."""

from collections.abc import Collection
from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry

from db.accounts import User as Row
from domain import accounts
from domain.accounts import AuthMode, Role
from schema.columns import Columns, attributes, members
from schema.lookahead import Wanted

strawberry.enum(Role, description="What a user may do: a VIEWER reads, an EDITOR works, an ADMIN governs.")
strawberry.enum(
    AuthMode,
    description="OPEN: everybody who reaches the server is its local owner. ACCOUNTS: users log in.",
)

_role = members(Role)
_COLUMNS: Columns = {
    **attributes("username", "created_at"),
    "id": lambda row: str(row.id),
    "role": lambda row: _role(row.role),
}


@strawberry.type(description="Somebody who owns things here.")
class User:
    id: strawberry.ID
    username: str
    role: Role
    created_at: datetime

    @classmethod
    async def by_id(cls, rows: Collection[Row], wanted: Wanted) -> dict[UUID, Self]:
        make = wanted.maker(cls, _COLUMNS)
        return {row.id: make(row) for row in rows}

    @classmethod
    def of(cls, viewer: accounts.Viewer) -> Self:
        return cls(
            id=strawberry.ID(str(viewer.id)),
            username=viewer.username,
            role=viewer.role,
            created_at=viewer.created_at,
        )


@strawberry.type(description="Who this request comes from. In open mode that is the local owner, an ADMIN.")
class Viewer:
    user: User | None
    auth_mode: AuthMode

    @classmethod
    def of(cls, viewer: accounts.Viewer) -> Self:
        return cls(user=User.of(viewer), auth_mode=viewer.auth_mode)
