"""Commits: what a repository sounded like, stem by stem."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from db.commits import Commit as Row
from domain.commits import StemOf, StemType
from domain.pages import Page
from resolvers import commits
from schema.accounts import User
from schema.assets import Asset
from schema.columns import Columns, attributes, loaded, members
from schema.lookahead import Wanted, keyed
from schema.pagination import PageInfo, connected

if TYPE_CHECKING:
    from schema.repositories import Repository

strawberry.enum(StemType, name="StemType", description="Which part of the music a stem is.")
_stem_type = members(StemType)


@strawberry.type(description="One part of the music in a commit: an audio file at a gain.")
class Stem:
    id: strawberry.ID
    type: StemType
    gain: float = strawberry.field(description="A factor of the amplitude, 0 to 4.")
    duration: float | None = strawberry.field(description="Seconds.")
    asset: Asset
    changed_in: Annotated["Commit", strawberry.lazy("schema.commits")] = strawberry.field(
        description="The commit that brought it: since then it has been the same."
    )

    @classmethod
    async def maker(cls, stems: Collection[StemOf], wanted: Wanted) -> Callable[[StemOf], Self]:
        """What makes the objects of these stems, with all that they refer to loaded."""
        columns: Columns = {
            "id": lambda row: str(row.stem.id),
            "type": lambda row: _stem_type(row.stem.type),
            "gain": lambda row: row.stem.gain,
            "duration": lambda row: row.stem.duration,
            **await loaded(_files(stems, wanted), "asset"),
            **await loaded(_changed_in(stems, wanted), "changed_in"),
        }
        return wanted.maker(cls, columns)


async def _files(stems: Iterable[StemOf], wanted: Wanted) -> Columns:
    if "asset" not in wanted:
        return {}
    found = await commits.files(wanted.context, stems)
    files = await keyed(Asset.by_id, found, wanted.below("asset"))
    return {"asset": lambda row: files[row.stem.asset_id]}


async def _changed_in(stems: Iterable[StemOf], wanted: Wanted) -> Columns:
    if "changed_in" not in wanted:
        return {}
    found = await commits.changed_in(wanted.context, stems)
    changed = await keyed(Commit.by_id, found, wanted.below("changed_in"))
    return {"changed_in": lambda row: changed[row.changed_in]}


_COLUMNS: Columns = {
    **attributes("message", "bpm", "key_signature", "generation_params", "created_at"),
    "id": lambda row: str(row.id),
}


@strawberry.type(description="A repository as it sounded once. A commit is never changed.")
class Commit:
    id: strawberry.ID
    message: str
    bpm: float | None
    key_signature: str | None
    generation_params: JSON | None
    created_at: datetime
    repository: Annotated["Repository", strawberry.lazy("schema.repositories")]
    parents: list[Annotated["Commit", strawberry.lazy("schema.commits")]] = strawberry.field(
        description="None of the first commit, two of a merge."
    )
    author: User
    render: Asset | None = strawberry.field(
        description="The mix: the one that it came with, else its stems at their gains, which is null until a"
        " COMMIT_RENDER job has mixed them. Null without stems."
    )
    stems: list[Stem]

    @classmethod
    async def of(cls, row: Row, wanted: Wanted) -> Self:
        return (await cls.by_id([row], wanted))[row.id]

    @classmethod
    async def by_id(cls, rows: Collection[Row], wanted: Wanted) -> dict[UUID, Self]:
        columns: Columns = {
            **_COLUMNS,
            **await loaded(_repositories(rows, wanted), "repository"),
            **await loaded(_parents(rows, wanted), "parents"),
            **await loaded(_authors(rows, wanted), "author"),
            **await loaded(_renders(rows, wanted), "render"),
            **await loaded(_stems(rows, wanted), "stems"),
        }
        make = wanted.maker(cls, columns)
        return {row.id: make(row) for row in rows}


async def _repositories(rows: Collection[Row], wanted: Wanted) -> Columns:
    if "repository" not in wanted:
        return {}
    from schema.repositories import Repository

    found = await commits.repositories(wanted.context, rows)
    repositories = await keyed(Repository.by_id, found, wanted.below("repository"))
    return {"repository": lambda row: repositories[row.id]}


async def _parents(rows: Collection[Row], wanted: Wanted) -> Columns:
    if "parents" not in wanted:
        return {}
    found = await commits.parents(wanted.context, rows)
    parents = await keyed(Commit.by_id, found, wanted.below("parents"))
    return {"parents": lambda row: [parents[place] for place in commits.parents_of(row)]}


async def _authors(rows: Collection[Row], wanted: Wanted) -> Columns:
    if "author" not in wanted:
        return {}
    found = await commits.authors(wanted.context, rows)
    authors = await keyed(User.by_id, found, wanted.below("author"))
    return {"author": lambda row: authors[row.id]}


async def _renders(rows: Collection[Row], wanted: Wanted) -> Columns:
    if "render" not in wanted:
        return {}
    found = await commits.renders(wanted.context, rows)
    renders = await keyed(Asset.by_id, found, wanted.below("render"))
    return {"render": lambda row: renders.get(row.id)}


async def _stems(rows: Collection[Row], wanted: Wanted) -> Columns:
    if "stems" not in wanted:
        return {}
    found = await commits.stems(wanted.context, rows)
    make = await Stem.maker([one for several in found.values() for one in several], wanted.below("stems"))
    return {"stems": lambda row: [make(one) for one in found[row.id]]}


@strawberry.type
class CommitEdge:
    cursor: str
    node: Commit


@strawberry.type(description="A page of commits, newest first.")
class CommitConnection:
    edges: list[CommitEdge]
    nodes: list[Commit]
    page_info: PageInfo
    total_count: int

    @classmethod
    async def of(cls, page: Page[Row], wanted: Wanted) -> Self:
        return await connected(cls, CommitEdge, Commit.by_id, page, wanted)


@strawberry.input(description="An audio file as one part of the music.")
class StemInput:
    type: StemType
    asset_id: strawberry.ID
    gain: float | None = strawberry.field(default=1.0, description="A factor of the amplitude, 0 to 4.")


@strawberry.input(
    description="With `branch` it goes on that branch's head, which is the parent if one is named (else"
    " CONFLICT). Without: a parent that is a head moves its branch, another opens a line without a name, and"
    " without a parent it goes on the default branch."
)
class CommitInput:
    repository_id: strawberry.ID
    message: str = strawberry.field(description="1 to 2000 characters.")
    branch: str | None = None
    parent_commit_id: strawberry.ID | None = None
    bpm: float | None = None
    key_signature: str | None = None
    generation_params: JSON | None = strawberry.field(
        default=None, description="Any JSON, at most 16 KB of it."
    )
    render_id: strawberry.ID | None = strawberry.field(
        default=None, description="The mix, an audio file; absent: the stems are mixed."
    )
    stems: list[StemInput] | None = strawberry.field(
        default=None, description="The whole set, one of each type; absent: the parent's."
    )
