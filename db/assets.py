"""Stored files: a row is one owner's reference, `key` names the bytes (several rows may share a key).

Whoever stores or collects bytes does it in `key_held`: the two can then never cross, so the delete of a
last reference and a new upload of the same content leave either both row and bytes, or neither.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from tortoise import fields
from tortoise.connection import get_connection
from tortoise.expressions import Q
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from db import asset_uses, sql


class Asset(Model):
    id = fields.UUIDField(primary_key=True)
    owner_id = fields.UUIDField()
    kind = fields.CharField(max_length=8)
    filename = fields.CharField(max_length=255)
    content_type = fields.CharField(max_length=100)
    size = fields.BigIntField()
    sha256 = fields.CharField(max_length=64)
    key = fields.CharField(max_length=255)  # where the bytes lie in storage
    duration = fields.FloatField(null=True)  # seconds
    width = fields.IntField(null=True)
    height = fields.IntField(null=True)
    sample_rate = fields.IntField(null=True)  # Hz
    channels = fields.IntField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    deleted_at = fields.DatetimeField(null=True)  # gone for its owner; the bytes stay while a job needs them

    class Meta:
        table = "assets"
        constraints = (
            CheckConstraint("kind IN ('AUDIO', 'VIDEO', 'IMAGE', 'OTHER')", "assets_kind_known"),
            CheckConstraint("size >= 0", "assets_size_not_negative"),
            UniqueConstraint(
                fields=("owner_id", "filename"),
                name="assets_one_name_an_owner",
                condition="deleted_at IS NULL",
            ),
        )
        indexes = (
            Index(fields=("owner_id", "created_at", "id"), name="assets_by_age"),
            Index(fields=("key",), name="assets_by_key"),
            Index(fields=("sha256",), name="assets_by_content"),
        )


@asynccontextmanager
async def key_held(key: str) -> AsyncIterator[None]:
    """One transaction that has the key for itself."""
    async with in_transaction() as connection:
        await connection.execute_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [key])
        yield


async def insert_if_name_is_free(owner_id: UUID, values: dict[str, Any]) -> Asset | None:
    """None where the owner has a file of that name. Waits for a transaction that is about to take it."""
    row = Asset(id=uuid4(), owner_id=owner_id, created_at=await sql.now(), **values)
    await Asset.bulk_create([row], ignore_conflicts=True)
    return await Asset.get_or_none(id=row.id)


async def names_beginning(owner_id: UUID, stem: str) -> set[str]:
    names = await _live(owner_id).filter(filename__startswith=stem).values_list("filename", flat=True)
    return set(names)  # type: ignore[arg-type]


async def of_key(owner_id: UUID, key: str) -> list[Asset]:
    return await _live(owner_id).filter(key=key).order_by("-created_at", "-id")


async def of_name(owner_id: UUID, filename: str) -> Asset | None:
    return await _live(owner_id).get_or_none(filename=filename)


async def of_id(owner_id: UUID, asset_id: UUID) -> Asset | None:
    return await _live(owner_id).get_or_none(id=asset_id)


async def of_ids(owner_id: UUID, ids: Collection[UUID]) -> list[Asset]:
    return await _live(owner_id).filter(id__in=list(ids))


async def held_for_reading(owner_id: UUID, ids: Collection[UUID]) -> list[Asset]:
    """Those that live, locked against deletion until the transaction ends."""
    rows = await get_connection("default").execute_query_dict(
        "SELECT id FROM assets WHERE owner_id = $1 AND id = ANY($2) AND deleted_at IS NULL"
        " ORDER BY id FOR SHARE",
        [owner_id, list(ids)],
    )
    return await of_ids(owner_id, [row["id"] for row in rows])


async def page(
    owner_id: UUID, kind: str | None, search: str | None, after: tuple[datetime, UUID] | None, limit: int
) -> list[Asset]:
    rows = _listed(owner_id, kind, search)
    if after is not None:
        created_at, row_id = after
        rows = rows.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, id__lt=row_id))
    return await rows.order_by("-created_at", "-id").limit(limit)


async def count(owner_id: UUID, kind: str | None, search: str | None) -> int:
    return await _listed(owner_id, kind, search).count()


async def mark_deleted(owner_id: UUID, asset_id: UUID) -> tuple[Asset | None, list[UUID]]:
    """(the row that was live, the particle systems that lost their song by it), in one transaction."""
    async with in_transaction() as connection:
        asset = await _live(owner_id).select_for_update().get_or_none(id=asset_id)
        if asset is None:
            return None, []
        await connection.execute_query("UPDATE assets SET deleted_at = now() WHERE id = $1", [asset_id])
        systems = await connection.execute_query_dict(
            "UPDATE particle_systems SET audio_id = NULL, version = version + 1, updated_at = now()"
            " WHERE owner_id = $1 AND audio_id = $2 RETURNING id",
            [owner_id, asset_id],
        )
    return asset, [row["id"] for row in systems]


async def is_key_in_use(key: str) -> bool:
    """By a live row, or by a deleted one that an unfinished job reads."""
    return await _is_any_in_use(Asset.filter(key=key))


async def is_content_in_use(sha256: str) -> bool:
    """The same for every key that holds this content."""
    return await _is_any_in_use(Asset.filter(sha256=sha256))


async def _is_any_in_use(rows: QuerySet[Asset]) -> bool:
    found = await rows.only("id", "deleted_at")
    if any(row.deleted_at is None for row in found):
        return True
    return bool(await asset_uses.in_use([row.id for row in found], only_keeping_deleted=True))


async def forget_deleted(key: str) -> None:
    """Remove the rows that only remember a deletion: nothing reads them any more."""
    deleted = {row.id for row in await Asset.filter(key=key, deleted_at__isnull=False).only("id")}
    read = await asset_uses.in_use(deleted, only_keeping_deleted=True)
    if deleted - read:
        await Asset.filter(id__in=list(deleted - read)).delete()


async def deleted_keys(limit: int, after: str) -> list[tuple[str, str]]:
    """(key, content hash) of deleted rows, by key, those that come after `after`."""
    rows = await get_connection("default").execute_query_dict(
        "SELECT key, min(sha256) AS sha256 FROM assets WHERE deleted_at IS NOT NULL AND key > $1"
        " GROUP BY key ORDER BY key LIMIT $2",
        [after, limit],
    )
    return [(row["key"], row["sha256"]) for row in rows]


async def known_keys(keys: Collection[str]) -> set[str]:
    """Those of `keys` that some row names, deleted or not."""
    found = await Asset.filter(key__in=list(keys)).distinct().values_list("key", flat=True)
    return set(found)  # type: ignore[arg-type]


async def known_contents(hashes: Collection[str]) -> set[str]:
    """Those of `hashes` that some row has, deleted or not."""
    found = await Asset.filter(sha256__in=list(hashes)).distinct().values_list("sha256", flat=True)
    return set(found)  # type: ignore[arg-type]


async def unfinished_jobs(ids: Collection[UUID]) -> set[UUID]:
    rows = await get_connection("default").execute_query_dict(
        "SELECT id FROM jobs WHERE id = ANY($1) AND state IN ('PENDING', 'PROCESSING')", [list(ids)]
    )
    return {row["id"] for row in rows}


def _live(owner_id: UUID) -> QuerySet[Asset]:
    return Asset.filter(owner_id=owner_id, deleted_at__isnull=True)


def _listed(owner_id: UUID, kind: str | None, search: str | None) -> QuerySet[Asset]:
    rows = _live(owner_id)
    if kind is not None:
        rows = rows.filter(kind=kind)
    if search:
        rows = rows.filter(filename__icontains=search)
    return rows
