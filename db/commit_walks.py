"""Walking histories: pages of them, what they are made of, and copies of them in forks.

A page of a branch walks from its head, the highest number first, and stops when the page is full: what has
been seen but not walked yet is a short list, one number for each line that runs side by side. So a first page
costs the same whatever comes behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from uuid import UUID

from db import sql
from db.commits import Commit
from db.repositories import Repository

_BEFORE = """($3::uuid IS NULL
    OR {number} < (SELECT number FROM commits WHERE id = $3 AND repository_id = wanted.repository_id))"""

_BRANCHES = f"""
SELECT c.* FROM unnest($1::uuid[]) AS wanted (repository_id)
JOIN branches AS branch ON branch.repository_id = wanted.repository_id AND branch.name = $2
CROSS JOIN LATERAL (
  WITH RECURSIVE walk (number, rest) AS (
    SELECT branch.head, ARRAY[]::bigint[]
    UNION ALL
    SELECT ahead.numbers[1], ahead.numbers[2:] FROM walk
    JOIN commits AS passed ON passed.repository_id = branch.repository_id AND passed.number = walk.number
    CROSS JOIN LATERAL (
      SELECT array_agg(DISTINCT known ORDER BY known DESC) AS numbers
      FROM unnest(walk.rest || passed.parent || passed.merged) AS known WHERE known IS NOT NULL) AS ahead
    WHERE ahead.numbers IS NOT NULL)
  SELECT number FROM walk WHERE {_BEFORE.format(number="walk.number")} LIMIT $4) AS line
JOIN commits AS c ON c.repository_id = wanted.repository_id AND c.number = line.number
ORDER BY c.repository_id, c.number DESC"""  # noqa: S608

_REPOSITORIES = f"""
SELECT c.* FROM unnest($1::uuid[]) AS wanted (repository_id)
CROSS JOIN LATERAL (
  SELECT * FROM commits WHERE repository_id = wanted.repository_id AND $2::text IS NULL
    AND {_BEFORE.format(number="number")}
  ORDER BY number DESC LIMIT $4) AS c
ORDER BY c.repository_id, c.number DESC"""  # noqa: S608


async def pages(
    repository_ids: Sequence[UUID], branch: str | None, after: UUID | None, limit: int
) -> dict[UUID, list[Commit]]:
    """At most `limit` commits of each repository, newest first, behind the commit `after`: of all lines, or
    of the history of its branch of that name. A repository without such a branch has none."""
    statement = _REPOSITORIES if branch is None else _BRANCHES
    found: dict[UUID, list[Commit]] = {repository_id: [] for repository_id in repository_ids}
    for commit in await sql.objects(Commit, statement, list(found), branch, after, limit):
        found[commit.repository_id].append(commit)
    return found


_COUNTED = """
SELECT repository_id, count(*) AS n FROM commits WHERE repository_id = ANY($1::uuid[]) AND $2::text IS NULL
GROUP BY repository_id"""

_REACHED = """
SELECT branch.repository_id, head.reach AS n FROM branches AS branch
JOIN commits AS head ON head.repository_id = branch.repository_id AND head.number = branch.head
WHERE branch.repository_id = ANY($1::uuid[]) AND branch.name = $2"""


async def totals(repository_ids: Sequence[UUID], branch: str | None) -> dict[UUID, int]:
    rows = await sql.rows(_COUNTED if branch is None else _REACHED, list(repository_ids), branch)
    return {row["repository_id"]: int(row["n"]) for row in rows}


@dataclass(frozen=True)
class Edges:
    """The commits of a repository as its history sees them: the same place in each list is one commit."""

    numbers: Sequence[int]
    parents: Sequence[int | None]
    merged: Sequence[int | None]
    origins: Sequence[UUID]


_EDGES = """
SELECT coalesce(array_agg(number), '{}') AS numbers, coalesce(array_agg(parent), '{}') AS parents,
  coalesce(array_agg(merged), '{}') AS merged, coalesce(array_agg(origin_id), '{}') AS origins
FROM commits WHERE repository_id = $1"""


async def edges(repository_id: UUID) -> Edges:
    """As one row: ten thousand rows of four values take several times as long."""
    (row,) = await sql.rows(_EDGES, repository_id)
    return Edges(**row)


_COLUMNS = """parent, merged, reach, author_id, message, bpm, key_signature, generation_params, render_id,
  stem_set_id, blame, created_at"""

# Version 4 of a random salt that nobody sees: to draw each of many ids anew takes ten times as long.
_NEW_ID = "overlay(overlay(md5($3 || number) PLACING '4' FROM 13) PLACING 'a' FROM 17)::uuid"
_COPY = f"""
WITH made AS (
  INSERT INTO commits (id, repository_id, number, origin_id, {_COLUMNS})
  SELECT {_NEW_ID}, $2, number, origin_id, {_COLUMNS} FROM {{chosen}}
  WHERE repository_id = $1 RETURNING number),
counted AS (UPDATE repositories SET last_number = (SELECT coalesce(max(number), 0) FROM made) WHERE id = $2)
SELECT coalesce(max(number), 0) AS last FROM made"""  # noqa: S608

_COPY_ALL = _COPY.format(chosen="commits")
# A join and not `number = ANY(...)`, which is looked through from its beginning for each commit.
_COPY_CHOSEN = _COPY.format(chosen="commits JOIN unnest($4::bigint[]) AS chosen (number) USING (number)")

_COPY_TAGS = """
WITH made AS (
  INSERT INTO commit_tags (id, repository_id, name, number, message, created_at)
  SELECT gen_random_uuid(), $2, tag.name, tag.number, tag.message, tag.created_at FROM commit_tags AS tag
  JOIN commits AS c ON c.repository_id = $2 AND c.number = tag.number
  WHERE tag.repository_id = $1 RETURNING 1)
SELECT count(*) FROM made"""

_COPY_BRANCHES = """
WITH made AS (
  INSERT INTO branches (id, repository_id, name, head, is_default, is_protected, created_at)
  SELECT gen_random_uuid(), $2, name, head, is_default, false, created_at FROM branches
  WHERE repository_id = $1 RETURNING 1)
SELECT count(*) FROM made"""


async def copy(source: Repository, fork: Repository, numbers: Collection[int] | None) -> None:
    """The commits of a held repository in a new one, all or those of the numbers, and the tags at them."""
    salt = token_hex(32)
    if numbers is None:
        (row,) = await sql.rows(_COPY_ALL, source.id, fork.id, salt)
    else:
        (row,) = await sql.rows(_COPY_CHOSEN, source.id, fork.id, salt, list(numbers))
    fork.last_number = row["last"]
    await sql.rows(_COPY_TAGS, source.id, fork.id)


async def copy_branches(source: Repository, fork: Repository) -> None:
    """None of them is protected in the fork."""
    await sql.rows(_COPY_BRANCHES, source.id, fork.id)


# Within the database: parameters may be any JSON and of any size, and pass through nobody's hands.
_TAKE_OVER = """
WITH known AS (SELECT * FROM unnest($3::bigint[], $4::bigint[]) AS pair (theirs, ours)),
made AS (
  INSERT INTO commits (id, repository_id, number, origin_id, parent, merged, reach, author_id, message, bpm,
    key_signature, generation_params, render_id, stem_set_id, blame, created_at)
  SELECT gen_random_uuid(), $2, own.ours, c.origin_id, parent.ours, merged.ours, reach, author_id,
    message, bpm, key_signature, generation_params, render_id, stem_set_id, coalesce(blamed.here, '{}'),
    created_at
  FROM commits AS c JOIN known AS own ON own.theirs = c.number
  LEFT JOIN known AS parent ON parent.theirs = c.parent
  LEFT JOIN known AS merged ON merged.theirs = c.merged
  CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(type, known.ours) AS here FROM jsonb_each_text(c.blame) AS each (type, number)
    JOIN known ON known.theirs = each.number::bigint) AS blamed
  WHERE c.repository_id = $1 AND c.number = ANY($5::bigint[]) RETURNING number)
UPDATE repositories SET last_number = (SELECT max(number) FROM made) WHERE id = $2 RETURNING last_number"""


async def take_over(
    source_id: UUID, target: Repository, numbers: Mapping[int, int], news: Sequence[int]
) -> None:
    """The commits `news` of another repository as the next ones of a locked one. `numbers` says which number
    each commit of their history has here, the new ones' too."""
    if news:
        (row,) = await sql.rows(
            _TAKE_OVER, source_id, target.id, list(numbers), list(numbers.values()), list(news)
        )
        target.last_number = row["last_number"]
