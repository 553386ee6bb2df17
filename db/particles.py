"""Particle systems: a type, a whole config and perhaps a song. Named queries only; rules are the domain's.

A change of a row reads it under a lock, so two patches of different keys both stay. An audio that is taken
up is held (`FOR SHARE`) until the change commits, so it cannot be deleted in between.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from tortoise import fields
from tortoise.connection import get_connection
from tortoise.expressions import Q
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model
from tortoise.transactions import in_transaction

from db import sql
from db.asset_uses import Use, register
from db.assets import Asset, held_for_reading


class ParticleSystem(Model):
    id = fields.UUIDField(primary_key=True)
    owner_id = fields.UUIDField()
    name = fields.CharField(max_length=200)
    particle_type = fields.CharField(max_length=24)
    config: Any = fields.JSONField()
    audio_id = fields.UUIDField(null=True)  # an asset; cleared when that asset is deleted
    version = fields.BigIntField(default=1)  # grows with every change
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "particle_systems"
        constraints = (
            CheckConstraint(
                "particle_type IN ('SNOW', 'ZEN', 'ENHANCED', 'BOUNCING', 'CONTINUOUS_SPAWNING', 'NO_MUSIC')",
                "particle_systems_type_known",
            ),
        )
        indexes = (Index(fields=("owner_id", "created_at", "id"), name="particle_systems_by_age"),)


register(
    Use(
        "the song of a particle system",
        "SELECT audio_id AS asset_id FROM particle_systems WHERE audio_id IS NOT NULL",
    )
)


class AudioGone(Exception):
    """The asset does not exist, is another owner's or was deleted."""


class OwnerIsFull(Exception):
    """The owner has as many systems as allowed."""


@dataclass(frozen=True)
class Slice:
    """Some rows of an owner's list, newest first, and what lies around them."""

    rows: list[ParticleSystem]
    has_next: bool
    has_previous: bool


async def insert(
    owner_id: UUID, name: str, particle_type: str, config: dict[str, Any], audio_id: UUID | None, limit: int
) -> ParticleSystem:
    """Raises OwnerIsFull beyond `limit` rows of the owner (exact under concurrency) and AudioGone."""
    async with in_transaction() as connection:
        await connection.execute_query(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [f"particle_systems:{owner_id}"]
        )
        if await ParticleSystem.filter(owner_id=owner_id).count() >= limit:
            raise OwnerIsFull
        await _hold_audio(owner_id, audio_id)
        now = await sql.now()
        return await ParticleSystem.create(
            id=uuid4(),
            created_at=now,
            updated_at=now,
            owner_id=owner_id,
            name=name,
            particle_type=particle_type,
            config=config,
            audio_id=audio_id,
        )


async def find(owner_id: UUID, system_id: UUID) -> ParticleSystem | None:
    return await ParticleSystem.get_or_none(id=system_id, owner_id=owner_id)


async def of_ids(owner_id: UUID, system_ids: Collection[UUID]) -> list[ParticleSystem]:
    return await ParticleSystem.filter(owner_id=owner_id, id__in=list(system_ids))


async def song_row(asset_id: UUID) -> Asset | None:
    """The row of a song that a job holds as its input, deleted or not."""
    return await Asset.get_or_none(id=asset_id)


async def change(
    owner_id: UUID, system_id: UUID, changes: Callable[[ParticleSystem], dict[str, Any]]
) -> ParticleSystem | None:
    """Sets what `changes` makes of the locked row; an empty dict leaves it as it is. None: no such row."""
    async with in_transaction():
        row = await (
            ParticleSystem.filter(id=system_id, owner_id=owner_id).select_for_update(no_key=True).first()
        )
        if row is None:
            return None
        values = changes(row)
        if values:
            await _hold_audio(owner_id, values.get("audio_id"))
            row.update_from_dict({**values, "version": row.version + 1, "updated_at": await sql.now()})
            await row.save(update_fields=[*values, "version", "updated_at"])
        return row


async def remove(owner_id: UUID, system_id: UUID) -> bool:
    return await ParticleSystem.filter(id=system_id, owner_id=owner_id).delete() > 0


async def count(owner_id: UUID) -> int:
    return await ParticleSystem.filter(owner_id=owner_id).count()


async def newest(owner_id: UUID, first: int, after: tuple[datetime, UUID] | None) -> Slice:
    """`first` rows older than the row that `after` names."""
    whole = ParticleSystem.filter(owner_id=owner_id)
    rest = whole if after is None else whole.filter(_older(*after))
    rows = await rest.order_by("-created_at", "-id").limit(first + 1)
    has_previous = after is not None and await whole.filter(~_older(*after)).exists()
    return Slice(rows[:first], len(rows) > first, has_previous)


async def every(owner_id: UUID) -> list[ParticleSystem]:
    """All of an owner, newest first; the limit of systems bounds it."""
    return await ParticleSystem.filter(owner_id=owner_id).order_by("-created_at", "-id")


@dataclass(frozen=True)
class Totals:
    """Figures of one owner's particle renders. `average_seconds` is of runs that really rendered."""

    queued: int
    rendering: int
    completed: int
    failed: int
    cancelled: int
    average_seconds: float | None
    output_bytes: int


_TOTALS = """
SELECT count(*) FILTER (WHERE state = 'PENDING') AS queued,
       count(*) FILTER (WHERE state = 'PROCESSING') AS rendering,
       count(*) FILTER (WHERE state = 'COMPLETED') AS completed,
       count(*) FILTER (WHERE state = 'FAILED') AS failed,
       count(*) FILTER (WHERE state = 'CANCELLED') AS cancelled,
       (avg(extract(epoch FROM completed_at - started_at))
           FILTER (WHERE state = 'COMPLETED' AND NOT cached))::float8 AS average_seconds,
       (SELECT coalesce(sum(size), 0)::int8 FROM (
           SELECT DISTINCT assets.key, assets.size
           FROM assets JOIN job_outputs ON job_outputs.asset_id = assets.id
           JOIN jobs made ON made.id = job_outputs.job_id
           WHERE made.owner_id = $1 AND made.kind = $2 AND assets.deleted_at IS NULL) kept) AS output_bytes
FROM jobs WHERE owner_id = $1 AND kind = $2
"""


async def totals(owner_id: UUID, kind: str) -> Totals:
    (row,) = await get_connection("default").execute_query_dict(_TOTALS, [owner_id, kind])
    return Totals(**row)


async def _hold_audio(owner_id: UUID, asset_id: UUID | None) -> None:
    if asset_id is not None and not await held_for_reading(owner_id, [asset_id]):
        raise AudioGone


def _older(created_at: datetime, system_id: UUID) -> Q:
    return Q(created_at__lt=created_at) | Q(Q(created_at=created_at), Q(id__lt=system_id))
