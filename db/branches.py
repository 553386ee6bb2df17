"""Branches and tags: names for the commits of a repository, which they know by number.

They are changed in a transaction that has the repository's row locked (`db.repositories.locked`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID, uuid4

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from db import sql


class Branch(Model):
    """A name that moves with the commits that are made on it."""

    id = fields.UUIDField(primary_key=True)
    repository_id = fields.UUIDField()
    name = fields.CharField(max_length=100)
    head = fields.BigIntField()  # the number of its newest commit
    is_default = fields.BooleanField(db_default=False)
    is_protected = fields.BooleanField(db_default=False)
    created_at = fields.DatetimeField()

    class Meta:
        table = "branches"
        constraints = (
            UniqueConstraint(fields=("repository_id", "name"), name="branches_one_name_a_repository"),
            UniqueConstraint(
                fields=("repository_id",), name="branches_one_default_a_repository", condition="is_default"
            ),
            CheckConstraint("head > 0", "branches_head_is_a_number"),
        )


class CommitTag(Model):
    """A name that stays with one commit."""

    id = fields.UUIDField(primary_key=True)
    repository_id = fields.UUIDField()
    name = fields.CharField(max_length=100)
    number = fields.BigIntField()  # of the commit
    message = fields.TextField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "commit_tags"
        constraints = (
            UniqueConstraint(fields=("repository_id", "name"), name="commit_tags_one_name_a_repository"),
            CheckConstraint("number > 0", "commit_tags_number_is_one"),
        )


async def add(repository_id: UUID, name: str, head: int, *, is_default: bool = False) -> Branch:
    return await Branch.create(
        id=uuid4(),
        repository_id=repository_id,
        name=name,
        head=head,
        is_default=is_default,
        is_protected=False,
        created_at=await sql.now(),
    )


async def named(repository_id: UUID, name: str) -> Branch | None:
    return await Branch.get_or_none(repository_id=repository_id, name=name)


async def default(repository_id: UUID) -> Branch | None:
    return await Branch.get_or_none(repository_id=repository_id, is_default=True)


async def at(repository_id: UUID, head: int) -> Branch | None:
    """The branch whose head that commit is: the default one before others, then the oldest."""
    found = Branch.filter(repository_id=repository_id, head=head)
    return await found.order_by("-is_default", "created_at", "name").first()


async def count(repository_id: UUID) -> int:
    return await Branch.filter(repository_id=repository_id).count()


async def of_repositories(ids: Collection[UUID]) -> list[Branch]:
    """The default one of each first, then by name."""
    return await Branch.filter(repository_id__in=list(ids)).order_by("-is_default", "name")


async def change(branch: Branch, values: dict[str, Any]) -> None:
    if values.get("is_default") and not branch.is_default:
        await Branch.filter(repository_id=branch.repository_id, is_default=True).update(is_default=False)
    if values:
        branch.update_from_dict(values)
        await branch.save(update_fields=list(values))


async def remove(branch: Branch) -> None:
    await branch.delete()


async def add_tag(repository_id: UUID, name: str, number: int, message: str | None) -> CommitTag:
    return await CommitTag.create(
        id=uuid4(),
        repository_id=repository_id,
        name=name,
        number=number,
        message=message,
        created_at=await sql.now(),
    )


async def tag_exists(repository_id: UUID, name: str) -> bool:
    return await CommitTag.exists(repository_id=repository_id, name=name)


async def count_tags(repository_id: UUID) -> int:
    return await CommitTag.filter(repository_id=repository_id).count()


async def tags_of_repositories(ids: Collection[UUID]) -> list[CommitTag]:
    """Newest first."""
    return await CommitTag.filter(repository_id__in=list(ids)).order_by("-created_at", "name")


async def remove_tag(repository_id: UUID, name: str) -> bool:
    return await CommitTag.filter(repository_id=repository_id, name=name).delete() > 0


async def remove_all(repository_id: UUID) -> None:
    await Branch.filter(repository_id=repository_id).delete()
    await CommitTag.filter(repository_id=repository_id).delete()
