"""Stems in content-addressed sets: what does not change is stored once, however many commits have it.

A stem is (type, file, gain); a set is what one commit sounds of, found again by the digest of its stems.
Forks and later commits name the same set, and so they share its render, once there is one. `content` tells
whether two stems are the same sound, whoever's file it is: it is made of the bytes' hash, not of the file's
row.

Rows are never changed, but for a set's render, which comes later and stays. Whoever takes up a stem or a set
locks it, and `forget` locks before it looks whether anybody uses it: one of the two comes first and the other
sees it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from uuid import UUID, uuid4

from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from db import sql
from db.asset_uses import Use, register
from db.assets import Asset

TYPES = ("DRUMS", "BASS", "VOCALS", "MELODY", "OTHER")


class Stem(Model):
    id = fields.UUIDField(primary_key=True)
    type = fields.CharField(max_length=8)
    asset_id = fields.UUIDField()
    gain = fields.FloatField()  # a factor of the amplitude
    content = fields.CharField(max_length=64)  # of type, bytes and gain
    duration = fields.FloatField(null=True)  # seconds

    class Meta:
        table = "stems"
        constraints = (
            UniqueConstraint(fields=("asset_id", "type", "gain"), name="stems_once"),
            CheckConstraint("type IN ('DRUMS', 'BASS', 'VOCALS', 'MELODY', 'OTHER')", "stems_type_known"),
            CheckConstraint("gain >= 0", "stems_gain_not_negative"),
        )


class StemSet(Model):
    id = fields.UUIDField(primary_key=True)
    digest = fields.CharField(max_length=64, unique=True)  # of the ids of its stems
    render_id = fields.UUIDField(null=True)  # what its stems sound like together, an asset

    class Meta:
        table = "stem_sets"
        indexes = (Index(fields=("render_id",), name="stem_sets_by_render"),)


class StemSetPart(Model):
    id = fields.BigIntField(primary_key=True, generated=True)
    set_id = fields.UUIDField()
    type = fields.CharField(max_length=8)
    stem_id = fields.UUIDField()

    class Meta:
        table = "stem_set_parts"
        constraints = (UniqueConstraint(fields=("set_id", "type"), name="stem_set_parts_one_a_type"),)
        indexes = (Index(fields=("stem_id",), name="stem_set_parts_by_stem"),)


register(Use("the stem of a commit", "SELECT asset_id FROM stems", keeps_deleted=True))
register(
    Use(
        "the render of a commit's stems",
        "SELECT render_id AS asset_id FROM stem_sets WHERE render_id IS NOT NULL",
        keeps_deleted=True,
    )
)


def content_of(type: str, sha256: str, gain: float) -> str:
    return hashlib.sha256(f"{type}|{sha256}|{gain!r}".encode()).hexdigest()


_OBTAIN = """
WITH made AS (
  INSERT INTO stems (id, type, asset_id, gain, content, duration)
  VALUES ($1, $2, $3, $4::float8, $5, $6::float8)
  ON CONFLICT (asset_id, type, gain) DO UPDATE SET content = EXCLUDED.content RETURNING *)
SELECT * FROM made"""


async def obtain(type: str, asset: Asset, gain: float) -> Stem:
    """The stem, made where there is none, and held until the transaction ends."""
    content = content_of(type, asset.sha256, gain)
    (stem,) = await sql.objects(Stem, _OBTAIN, uuid4(), type, asset.id, gain, content, asset.duration)
    return stem


_OBTAIN_SET = """
WITH made AS (
  INSERT INTO stem_sets (id, digest) VALUES ($1, $2)
  ON CONFLICT (digest) DO UPDATE SET digest = EXCLUDED.digest RETURNING id)
SELECT id FROM made"""


async def obtain_set(stems: Collection[Stem]) -> UUID:
    """The set of these stems, made where there is none, and held until the transaction ends."""
    digest = hashlib.sha256(",".join(sorted(str(stem.id) for stem in stems)).encode()).hexdigest()
    fresh = uuid4()
    (row,) = await sql.rows(_OBTAIN_SET, fresh, digest)
    set_id: UUID = row["id"]
    if set_id == fresh:
        await StemSetPart.bulk_create(
            StemSetPart(set_id=set_id, type=stem.type, stem_id=stem.id) for stem in stems
        )
    return set_id


_OF_SETS = """
SELECT part.set_id, stem.* FROM stem_set_parts AS part JOIN stems AS stem ON stem.id = part.stem_id
WHERE part.set_id = ANY($1::uuid[])"""


async def of_sets(ids: Collection[UUID]) -> dict[UUID, dict[str, Stem]]:
    """By set and by type, in the order of `TYPES`; an empty set is there too."""
    found: dict[UUID, dict[str, Stem]] = {set_id: {} for set_id in ids}
    rows = await sql.rows(_OF_SETS, list(found))
    for row in sorted(rows, key=lambda row: TYPES.index(row["type"])):
        found[row["set_id"]][row["type"]] = Stem._init_from_db(**row)
    return found


Mix = tuple[UUID | None, UUID]  # the mix that a commit came with, if it did, and its set of stems

_MIXES = """
SELECT wanted.own_id, wanted.set_id, asset.*
FROM unnest($1::uuid[], $2::uuid[]) AS wanted (own_id, set_id)
LEFT JOIN stem_sets AS mixed ON mixed.id = wanted.set_id
JOIN assets AS asset ON asset.id = coalesce(wanted.own_id, mixed.render_id)"""


async def mixes_of(wanted: Collection[Mix]) -> dict[Mix, Asset]:
    """The files that they sound like as a whole, as far as there are, whoever's they are: one query."""
    owns, sets = [own for own, _ in wanted], [set_id for _, set_id in wanted]
    rows = await sql.rows(_MIXES, owns, sets)
    return {(row.pop("own_id"), row.pop("set_id")): Asset._init_from_db(**row) for row in rows}


async def has_render(set_id: UUID) -> bool:
    """Of a held set. Nothing is mixed twice: a job that makes a render settles under the same lock."""
    return bool(await sql.rows("SELECT 1 FROM stem_sets WHERE id = $1 AND render_id IS NOT NULL", set_id))


_IS_ASKED = """
SELECT EXISTS (
  SELECT 1 FROM jobs WHERE cache_key = $2 AND owner_id = $3 AND state <> 'CANCELLED'
    AND params->>'stem_set_id' = $1::uuid::text) AS is_asked"""


async def is_asked_for(set_id: UUID, cache_key: str, owner_id: UUID) -> bool:
    """Whether a job of the owner with that key was to see to a held set, and was not cancelled."""
    (row,) = await sql.rows(_IS_ASKED, set_id, cache_key, owner_id)
    return bool(row["is_asked"])


_SET_RENDER = """
WITH kept AS (
  UPDATE stem_sets SET render_id = coalesce(render_id, $2) WHERE id = $1 RETURNING id)
SELECT id FROM kept"""


async def keep_render(set_id: UUID, asset_id: UUID) -> bool:
    """Make the file what the set sounds like, unless it has a render already; False where the set is gone."""
    return bool(await sql.rows(_SET_RENDER, set_id, asset_id))


async def assets_of(ids: Collection[UUID]) -> list[Asset]:
    """Files by id, whoever's they are and though their owner has deleted them: what a commit has stays."""
    return await Asset.filter(id__in=list(ids))


_FORGET_SETS = """
WITH gone AS (
  DELETE FROM stem_sets WHERE id = ANY($1::uuid[])
  AND NOT EXISTS (SELECT 1 FROM commits WHERE commits.stem_set_id = stem_sets.id) RETURNING id),
parts AS (DELETE FROM stem_set_parts USING gone WHERE set_id = gone.id RETURNING stem_id)
SELECT DISTINCT stem_id FROM parts"""

_FORGET_STEMS = """
WITH gone AS (
  DELETE FROM stems WHERE id = ANY($1::uuid[])
  AND NOT EXISTS (SELECT 1 FROM stem_set_parts WHERE stem_id = stems.id) RETURNING id)
SELECT id FROM gone"""


# In the order in which a commit takes them up, so that no two wait for each other.
_HOLD_STEMS = """
SELECT id FROM stems WHERE id IN (SELECT stem_id FROM stem_set_parts WHERE set_id = ANY($1::uuid[]))
ORDER BY array_position($2::text[], type::text), id FOR UPDATE"""


async def forget(set_ids: Sequence[UUID]) -> None:
    """Remove those of the sets, and of their stems, that no commit has any more."""
    await sql.rows(_HOLD_STEMS, list(set_ids), list(TYPES))
    await sql.rows(
        "SELECT id FROM stem_sets WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", list(set_ids)
    )
    stems = [row["stem_id"] for row in await sql.rows(_FORGET_SETS, list(set_ids))]
    await sql.rows(_FORGET_STEMS, stems)
