"""Repositories of music, their branches and tags. Named queries only; rules are the domain's.

Whoever adds commits to a repository, or changes its branches and tags, has its row locked first (`locked`),
so each of them sees all that came before: no commit is lost, and the numbers of a repository's commits are
in the order in which they can be seen. A branch and a tag name their commit by its number.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from tortoise import fields
from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from db import sql

IN_TRANSACTION = in_transaction  # `async with IN_TRANSACTION():` all or nothing


class Repository(Model):
    id = fields.UUIDField(primary_key=True)
    owner_id = fields.UUIDField()
    name = fields.CharField(max_length=100)
    description = fields.TextField()
    is_public = fields.BooleanField(db_default=False)
    genre = fields.CharField(max_length=50)
    forked_from_id = fields.UUIDField(null=True)  # it may be gone, or private by now
    last_number = fields.BigIntField(db_default=0)  # that of its newest commit
    created_at = fields.DatetimeField()

    class Meta:
        table = "repositories"
        constraints = (
            UniqueConstraint(fields=("owner_id", "name"), name="repositories_one_name_an_owner"),
            CheckConstraint("last_number >= 0", "repositories_numbers_count_up"),
        )
        indexes = (
            Index(fields=("owner_id", "created_at", "id"), name="repositories_of_owner_by_age"),
            Index(fields=("created_at", "id"), name="repositories_by_age"),
        )


class NameTaken(Exception):
    """The owner has a repository of that name."""


class OwnerIsFull(Exception):
    """The owner has as many repositories as allowed."""


@dataclass(frozen=True)
class Slice:
    """Some rows of a list, newest first, and what lies around them."""

    rows: list[Repository]
    has_next: bool
    has_previous: bool


async def insert(owner_id: UUID, limit: int, **values: Any) -> Repository:
    """Raises OwnerIsFull beyond `limit` rows of the owner (exact under concurrency) and NameTaken."""
    async with in_transaction():
        await sql.rows("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"repositories:{owner_id}")
        if await Repository.filter(owner_id=owner_id).count() >= limit:
            raise OwnerIsFull
        if await Repository.filter(owner_id=owner_id, name=values["name"]).exists():
            raise NameTaken
        try:
            return await Repository.create(
                id=uuid4(), owner_id=owner_id, created_at=await sql.now(), **values
            )
        except IntegrityError as error:  # another repository was given the name just now
            raise NameTaken from error


async def find(viewer_id: UUID, repository_id: UUID) -> Repository | None:
    """One that the viewer may see."""
    return await _seen(viewer_id).get_or_none(id=repository_id)


async def of_ids(viewer_id: UUID, ids: Collection[UUID]) -> list[Repository]:
    return await _seen(viewer_id).filter(id__in=list(ids))


_LOCK = "SELECT * FROM repositories WHERE id = $1 FOR NO KEY UPDATE"
_HOLD = "SELECT * FROM repositories WHERE id = $1 FOR SHARE"


async def locked(repository_id: UUID) -> Repository | None:
    """The row, for this transaction alone: nobody else adds to the repository until it ends."""
    found = await sql.objects(Repository, _LOCK, repository_id)
    return found[0] if found else None


async def held(repository_id: UUID) -> Repository | None:
    """The row, and nothing is added to it or taken from it until the transaction ends."""
    found = await sql.objects(Repository, _HOLD, repository_id)
    return found[0] if found else None


async def change(repository: Repository, values: dict[str, Any]) -> None:
    """Sets the values of a locked row. Raises NameTaken."""
    if not values:
        return
    name = values.get("name", repository.name)
    if name != repository.name and await Repository.exists(owner_id=repository.owner_id, name=name):
        raise NameTaken
    repository.update_from_dict(values)
    try:
        await repository.save(update_fields=list(values))
    except IntegrityError as error:
        raise NameTaken from error


async def remove(repository_id: UUID) -> None:
    """The row alone; `db.commits.remove_all` and `db.branches.remove_all` take what is in it."""
    await Repository.filter(id=repository_id).delete()


async def newest(
    viewer_id: UUID, is_mine: bool, search: str | None, first: int, after: tuple[datetime, UUID] | None
) -> Slice:
    """`first` rows older than the row that `after` names."""
    whole = _listed(viewer_id, is_mine, search)
    rest = whole if after is None else whole.filter(_older(*after))
    rows = await rest.order_by("-created_at", "-id").limit(first + 1)
    has_previous = after is not None and await whole.filter(~_older(*after)).exists()
    return Slice(rows[:first], len(rows) > first, has_previous)


async def count(viewer_id: UUID, is_mine: bool, search: str | None) -> int:
    return await _listed(viewer_id, is_mine, search).count()


def _seen(viewer_id: UUID) -> QuerySet[Repository]:
    return Repository.filter(Q(owner_id=viewer_id) | Q(is_public=True))


def _listed(viewer_id: UUID, is_mine: bool, search: str | None) -> QuerySet[Repository]:
    rows = Repository.filter(owner_id=viewer_id) if is_mine else _seen(viewer_id)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(description__icontains=search))
    return rows


def _older(created_at: datetime, repository_id: UUID) -> Q:
    return Q(created_at__lt=created_at) | Q(Q(created_at=created_at), Q(id__lt=repository_id))
