"""Who asks."""

from datetime import datetime
from typing import Self

import strawberry

from domain import accounts
from domain.accounts import AuthMode, Role

strawberry.enum(Role, description="What a user may do: a VIEWER reads, an EDITOR works, an ADMIN governs.")
strawberry.enum(
    AuthMode,
    description="OPEN: everybody who reaches the server is its local owner. ACCOUNTS: users log in.",
)


@strawberry.type(description="Somebody who owns things here.")
class User:
    id: strawberry.ID
    username: str
    role: Role
    created_at: datetime

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
