"""Repositories of music, their branches and tags."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import strawberry

from db.branches import Branch as BranchRow
from db.branches import CommitTag as TagRow
from db.repositories import Repository as Row
from domain.pages import Page
from resolvers import repositories
from schema.accounts import User
from schema.columns import Columns, attributes, loaded
from schema.commits import Commit, CommitConnection
from schema.info import Info
from schema.lookahead import Wanted, keyed
from schema.pagination import PageInfo, connected, is_counted

PAGE = 50


@strawberry.type(description="A name that moves with the commits that are made on it.")
class Branch:
    name: str
    head: Commit
    is_default: bool = strawberry.field(description="It cannot be deleted.")
    is_protected: bool = strawberry.field(description="It can be neither deleted nor renamed.")

    @classmethod
    async def of(cls, row: BranchRow, wanted: Wanted) -> Self:
        return (await cls.by_id([row], wanted))[row.id]

    @classmethod
    async def by_id(cls, rows: Collection[BranchRow], wanted: Wanted) -> dict[UUID, Self]:
        columns = {
            **attributes("name", "is_default", "is_protected"),
            **await loaded(_heads(rows, wanted), "head"),
        }
        make = wanted.maker(cls, columns)
        return {row.id: make(row) for row in rows}


async def _heads(rows: Collection[BranchRow], wanted: Wanted) -> Columns:
    if "head" not in wanted:
        return {}
    found = await repositories.heads(wanted.context, rows)
    heads = await keyed(Commit.by_id, found, wanted.below("head"))
    return {"head": lambda row: heads[row.id]}


@strawberry.type(description="A name that stays with one commit, such as a release.")
class CommitTag:
    name: str
    commit: Commit
    message: str | None

    @classmethod
    async def of(cls, row: TagRow, wanted: Wanted) -> Self:
        return (await cls.by_id([row], wanted))[row.id]

    @classmethod
    async def by_id(cls, rows: Collection[TagRow], wanted: Wanted) -> dict[UUID, Self]:
        columns = {**attributes("name", "message"), **await loaded(_tagged(rows, wanted), "commit")}
        make = wanted.maker(cls, columns)
        return {row.id: make(row) for row in rows}


async def _tagged(rows: Collection[TagRow], wanted: Wanted) -> Columns:
    if "commit" not in wanted:
        return {}
    found = await repositories.tagged(wanted.context, rows)
    tagged = await keyed(Commit.by_id, found, wanted.below("commit"))
    return {"commit": lambda row: tagged[row.id]}


_COLUMNS: Columns = {
    **attributes("name", "description", "is_public", "genre", "created_at"),
    "id": lambda row: str(row.id),
}


@strawberry.type(description="A piece of music and its history. A private one is seen by its owner alone.")
class Repository:
    row: strawberry.Private[Row]
    id: strawberry.ID
    name: str = strawberry.field(description="Unique among the owner's repositories.")
    description: str
    is_public: bool
    genre: str
    created_at: datetime
    owner: User
    forked_from: Annotated["Repository", strawberry.lazy("schema.repositories")] | None = strawberry.field(
        description="Null where it is gone, or private by now."
    )
    default_branch: Branch | None = strawberry.field(description="Null before the first commit.")
    branches: list[Branch] = strawberry.field(description="The default one first, then by name.")
    tags: list[CommitTag] = strawberry.field(description="Newest first.")

    @classmethod
    async def of(cls, row: Row, wanted: Wanted) -> Self:
        return (await cls.by_id([row], wanted))[row.id]

    @classmethod
    async def by_id(cls, rows: Collection[Row], wanted: Wanted) -> dict[UUID, Self]:
        columns: Columns = {
            **_COLUMNS,
            **await loaded(_owners(rows, wanted), "owner"),
            **await loaded(_originals(rows, wanted), "forked_from"),
            **await loaded(_branches(rows, wanted), "default_branch", "branches"),
            **await loaded(_tags(rows, wanted), "tags"),
        }
        make = wanted.maker(cls, columns)
        return {row.id: make(row) for row in rows}

    @strawberry.field(
        description="Newest first: of everything that is in it, lines without a name too, or of the history"
        " of one branch."
    )
    async def commits(
        self, info: Info, branch: str | None = None, first: int | None = PAGE, after: str | None = None
    ) -> CommitConnection:
        wanted = Wanted.of(info)
        size = PAGE if first is None else first
        page = await repositories.history(
            info.context, self.row, branch, size, after, is_counted=is_counted(wanted)
        )
        return await CommitConnection.of(page, wanted)


async def _owners(rows: Collection[Row], wanted: Wanted) -> Columns:
    if "owner" not in wanted:
        return {}
    found = await repositories.owners(wanted.context, rows)
    owners = await keyed(User.by_id, found, wanted.below("owner"))
    return {"owner": lambda row: owners[row.id]}


async def _originals(rows: Collection[Row], wanted: Wanted) -> Columns:
    if "forked_from" not in wanted:
        return {}
    found = await repositories.originals(wanted.context, rows)
    originals = await keyed(Repository.by_id, found, wanted.below("forked_from"))
    return {"forked_from": lambda row: originals.get(row.id)}


async def _branches(rows: Collection[Row], wanted: Wanted) -> Columns:
    if "branches" not in wanted and "default_branch" not in wanted:
        return {}
    found = await repositories.branches(wanted.context, rows)
    default = {id: branch for id, several in found.items() for branch in several if branch.is_default}
    defaults = await keyed(Branch.by_id, default, wanted.below("default_branch"))
    every = [branch for several in found.values() for branch in several] if "branches" in wanted else []
    branches = await Branch.by_id(every, wanted.below("branches"))
    return {
        "default_branch": lambda row: defaults.get(row.id),
        "branches": lambda row: [branches[branch.id] for branch in found[row.id]],
    }


async def _tags(rows: Collection[Row], wanted: Wanted) -> Columns:
    if "tags" not in wanted:
        return {}
    found = await repositories.tags(wanted.context, rows)
    tags = await CommitTag.by_id([tag for several in found.values() for tag in several], wanted.below("tags"))
    return {"tags": lambda row: [tags[tag.id] for tag in found[row.id]]}


@strawberry.type
class RepositoryEdge:
    cursor: str
    node: Repository


@strawberry.type(description="A page of repositories, newest first.")
class RepositoryConnection:
    edges: list[RepositoryEdge]
    nodes: list[Repository]
    page_info: PageInfo
    total_count: int

    @classmethod
    async def of(cls, page: Page[Row], wanted: Wanted) -> Self:
        return await connected(cls, RepositoryEdge, Repository.by_id, page, wanted)


@strawberry.input
class CreateRepositoryInput:
    name: str = strawberry.field(description="1 to 100 characters.")
    description: str | None = ""
    is_public: bool | None = False
    genre: str | None = ""


@strawberry.input(description="Absent fields stay as they are. Null clears: no text, private.")
class UpdateRepositoryInput:
    name: strawberry.Maybe[str | None]
    description: strawberry.Maybe[str | None]
    is_public: strawberry.Maybe[bool | None]
    genre: strawberry.Maybe[str | None]


@strawberry.input(
    description="A fork has commits with ids of its own that share every stored file with their originals."
)
class ForkInput:
    repository_id: strawberry.ID
    name: str
    from_commit_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only the history of that commit; absent: everything."
    )
