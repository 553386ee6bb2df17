"""Who owns what. In open mode there is exactly one owner, the local one."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID, uuid4

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from db import sql

LOCAL_OWNER = "local"


class User(Model):
    id = fields.UUIDField(primary_key=True)
    username = fields.CharField(max_length=64, unique=True)
    role = fields.CharField(max_length=16)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "users"
        constraints = (CheckConstraint("role IN ('ADMIN', 'EDITOR', 'VIEWER')", "users_role_known"),)


async def of_ids(ids: Collection[UUID]) -> list[User]:
    return await User.filter(id__in=list(ids))


async def get_or_create_local_owner() -> User:
    user = await User.get_or_none(username=LOCAL_OWNER)
    if user is None:
        fresh = User(id=uuid4(), username=LOCAL_OWNER, role="ADMIN", created_at=await sql.now())
        await User.bulk_create([fresh], ignore_conflicts=True)
        user = await User.get(username=LOCAL_OWNER)
    return user
