"""Commits: what a repository sounded like once. Named queries only; rules are the domain's.

A commit is known by its id, and within its repository by its number, which its parents are named by. A parent
has a lower number than its child, and the table refuses another: a history has no cycle, its order is that of
the numbers, and a fork copies rows without having to translate anything. A copy in another repository has an
id of its own and the same `origin_id`, by which two histories know what they have in common.

Rows are inserted in a transaction that has the repository's row locked, and are never changed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from tortoise.models import Model

from db import sql, stems
from db.asset_uses import Use, register
from db.repositories import Repository

Place = tuple[UUID, int]  # a commit by its repository and its number there


class Commit(Model):
    id = fields.UUIDField(primary_key=True)
    repository_id = fields.UUIDField()
    number = fields.BigIntField()
    origin_id = fields.UUIDField()  # the commit that this is a copy of; its own id where it was made here
    parent = fields.BigIntField(null=True)
    merged = fields.BigIntField(null=True)  # the second parent, of a merge
    reach = fields.BigIntField()  # how many commits its history has, itself among them
    author_id = fields.UUIDField()
    message = fields.TextField()
    bpm = fields.FloatField(null=True)
    key_signature = fields.CharField(max_length=32, null=True)
    generation_params: Any = fields.JSONField(null=True)
    render_id = fields.UUIDField(null=True)  # a mix that it came with; else its set has the render
    stem_set_id = fields.UUIDField()
    blame: Any = fields.JSONField()  # by type of stem, the number of the commit that brought it
    created_at = fields.DatetimeField()

    class Meta:
        table = "commits"
        constraints = (
            UniqueConstraint(fields=("repository_id", "number"), name="commits_one_a_number"),
            UniqueConstraint(fields=("repository_id", "origin_id"), name="commits_one_copy_a_repository"),
            CheckConstraint("number > 0 AND reach > 0", "commits_count_from_one"),
            CheckConstraint("parent > 0 AND parent < number", "commits_parent_is_older"),
            CheckConstraint("merged > 0 AND merged < number", "commits_merged_is_older"),
            CheckConstraint(
                "merged IS NULL OR (parent IS NOT NULL AND merged <> parent)", "commits_merge_has_two_parents"
            ),
        )
        indexes = (
            Index(fields=("stem_set_id",), name="commits_by_stem_set"),
            Index(fields=("render_id",), name="commits_by_render"),
        )


register(
    Use(
        "the mix of a commit",
        "SELECT render_id AS asset_id FROM commits WHERE render_id IS NOT NULL",
        keeps_deleted=True,
    )
)


# The clock's time and not the transaction's: that began before it waited for the repository.
_INSERT = """
WITH counted AS (
  UPDATE repositories SET last_number = last_number + 1 WHERE id = $1 RETURNING last_number),
made AS (
  INSERT INTO commits (id, repository_id, number, origin_id, parent, merged, reach, author_id, message, bpm,
    key_signature, generation_params, render_id, stem_set_id, blame, created_at)
  SELECT $2, $1, last_number, $2, $3, $4, $5, $6, $7, $8::float8, $9, $10::jsonb, $11, $12, $13::jsonb,
    clock_timestamp()
  FROM counted RETURNING *)
SELECT * FROM made"""


async def insert(
    repository: Repository,
    *,
    author_id: UUID,
    parent: Commit | None,
    merged: Commit | None,
    reach: int,
    stem_set_id: UUID,
    blame: dict[str, int],
    message: str,
    bpm: float | None,
    key_signature: str | None,
    generation_params: Any,
    render_id: UUID | None,
) -> Commit:
    """The next commit of a locked repository. A type in `blame` with 0 was brought by this very commit."""
    number = repository.last_number + 1
    whole = {type: known or number for type, known in blame.items()}
    (commit,) = await sql.objects(
        Commit,
        _INSERT,
        repository.id,
        uuid4(),
        None if parent is None else parent.number,
        None if merged is None else merged.number,
        reach,
        author_id,
        message,
        bpm,
        key_signature,
        None if generation_params is None else orjson.dumps(generation_params).decode(),
        render_id,
        stem_set_id,
        orjson.dumps(whole).decode(),
    )
    repository.last_number = commit.number
    return commit


_SEEN = """
SELECT c.* FROM commits AS c JOIN repositories AS r ON r.id = c.repository_id
WHERE c.id = ANY($2::uuid[]) AND (r.owner_id = $1 OR r.is_public)"""


async def seen(viewer_id: UUID, ids: Collection[UUID]) -> list[Commit]:
    """Those of the ids that lie in repositories which the viewer may see."""
    return await sql.objects(Commit, _SEEN, viewer_id, list(ids))


_AT = """
SELECT c.* FROM unnest($1::uuid[], $2::bigint[]) AS place (repository_id, number)
JOIN commits AS c ON c.repository_id = place.repository_id AND c.number = place.number"""


async def at(places: Collection[Place]) -> dict[Place, Commit]:
    repositories, numbers = [place[0] for place in places], [place[1] for place in places]
    found = await sql.objects(Commit, _AT, repositories, numbers)
    return {(commit.repository_id, commit.number): commit for commit in found}


async def numbered(repository_id: UUID, number: int) -> Commit | None:
    return (await at([(repository_id, number)])).get((repository_id, number))


_LINES = """
SELECT c.id, parent.id AS parent_id, merged.id AS merged_id, c.message, c.created_at, c.bpm, c.key_signature
FROM commits AS c
LEFT JOIN commits AS parent ON parent.repository_id = c.repository_id AND parent.number = c.parent
LEFT JOIN commits AS merged ON merged.repository_id = c.repository_id AND merged.number = c.merged
WHERE c.repository_id = $1 ORDER BY c.number"""


@dataclass(frozen=True, slots=True)
class Line:
    """What a list of a whole history shows of a commit: there may be very many."""

    id: UUID
    parent_id: UUID | None
    merged_id: UUID | None
    message: str
    created_at: datetime
    bpm: float | None
    key_signature: str | None


async def lines(repository_id: UUID) -> list[Line]:
    """All commits, the oldest first."""
    return [Line(**row) for row in await sql.rows(_LINES, repository_id)]


async def after_number(repository_id: UUID, number: int, limit: int) -> list[Commit]:
    """Those that came after, in their order."""
    return await sql.objects(
        Commit,
        "SELECT * FROM commits WHERE repository_id = $1 AND number > $2 ORDER BY number LIMIT $3",
        repository_id,
        number,
        limit,
    )


_USES_ASSET = """
SELECT DISTINCT stem.asset_id FROM stems AS stem
WHERE stem.asset_id = ANY($2::uuid[]) AND EXISTS (
  SELECT 1 FROM stem_set_parts AS part JOIN commits AS c ON c.stem_set_id = part.set_id
  WHERE part.stem_id = stem.id AND c.repository_id = $1)"""


async def assets_within(repository_id: UUID, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the files that are stems of the repository already."""
    return {row["asset_id"] for row in await sql.rows(_USES_ASSET, repository_id, list(ids))}


_SHOWN = """
SELECT EXISTS (
  SELECT 1 FROM commits AS c JOIN repositories AS r ON r.id = c.repository_id
  WHERE c.render_id = $2 AND (r.owner_id = $1 OR r.is_public)
) OR EXISTS (
  SELECT 1 FROM stem_sets AS mixed JOIN commits AS c ON c.stem_set_id = mixed.id
  JOIN repositories AS r ON r.id = c.repository_id
  WHERE mixed.render_id = $2 AND (r.owner_id = $1 OR r.is_public)
) OR EXISTS (
  SELECT 1 FROM stems AS stem JOIN stem_set_parts AS part ON part.stem_id = stem.id
  JOIN commits AS c ON c.stem_set_id = part.set_id JOIN repositories AS r ON r.id = c.repository_id
  WHERE stem.asset_id = $2 AND (r.owner_id = $1 OR r.is_public)) AS is_shown"""


async def shows_asset(viewer_id: UUID, asset_id: UUID) -> bool:
    """Whether a commit that the viewer may see has the file, as a stem or as its mix."""
    (row,) = await sql.rows(_SHOWN, viewer_id, asset_id)
    return bool(row["is_shown"])


_REMOVE = """
WITH gone AS (DELETE FROM commits WHERE repository_id = $1 RETURNING stem_set_id)
SELECT DISTINCT stem_set_id FROM gone"""


async def remove_all(repository_id: UUID) -> None:
    """All commits of a locked repository, and what only they had."""
    sets = [row["stem_set_id"] for row in await sql.rows(_REMOVE, repository_id)]
    await stems.forget(sets)
