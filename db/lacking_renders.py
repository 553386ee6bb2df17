"""Sets of stems that are in use and lack what the job of a new commit would have given them: commits that are
older than such jobs, and those whose job has failed."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from db import sql


@dataclass(frozen=True)
class Lacking:
    """A set, and the oldest commit that has it, if possible one without a mix of its own."""

    set_id: UUID
    commit_id: UUID
    owner_id: UUID  # of the commit's repository
    is_to_mix: bool  # else its stems are to be listened to


# By the key of the table, so that a page costs what it looks at; whatever is asked of a set has an index.
_LACKING = """
SELECT mixed.id AS set_id, shown.commit_id, shown.owner_id, shown.is_to_mix
FROM stem_sets AS mixed CROSS JOIN LATERAL (
  SELECT commits.id AS commit_id, repositories.owner_id,
    mixed.render_id IS NULL AND commits.render_id IS NULL AS is_to_mix
  FROM commits JOIN repositories ON repositories.id = commits.repository_id
  WHERE commits.stem_set_id = mixed.id
  ORDER BY commits.render_id IS NOT NULL, commits.created_at, commits.id LIMIT 1) AS shown
WHERE mixed.id > $1 AND EXISTS (
  SELECT 1 FROM stem_set_parts AS part
  JOIN stems ON stems.id = part.stem_id JOIN assets ON assets.id = stems.asset_id
  WHERE part.set_id = mixed.id AND (shown.is_to_mix OR NOT EXISTS (
    SELECT 1 FROM sound_portraits AS heard
    WHERE heard.sha256 = assets.sha256 AND heard.version >= $2)))
ORDER BY mixed.id LIMIT $3"""


async def page(after: UUID, version: int, limit: int) -> list[Lacking]:
    """Those behind `after`, in order; `version` is that of the portraits that are read."""
    return [Lacking(**row) for row in await sql.rows(_LACKING, after, version, limit)]


_HELD = "SELECT id FROM stem_sets WHERE id = $1 FOR UPDATE"


async def hold(set_id: UUID) -> bool:
    """Nobody asks for the set's render until the open transaction ends; False where the set is gone."""
    return bool(await sql.rows(_HELD, set_id))


_IS_SEEN_TO = """
SELECT EXISTS (
  SELECT 1 FROM jobs WHERE cache_key = $2 AND params->>'stem_set_id' = $1::uuid::text
    AND (completed_at IS NULL OR completed_at > now() - $3 * interval '1 second')) AS is_seen_to"""


async def is_seen_to(set_id: UUID, cache_key: str, within_seconds: float) -> bool:
    """Whether a job with that key, of anybody, is to see to the set, or has ended so recently."""
    (row,) = await sql.rows(_IS_SEEN_TO, set_id, cache_key, within_seconds)
    return bool(row["is_seen_to"])
