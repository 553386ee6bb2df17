"""REST family 4, repositories: create, read, fork, and their branches (contract/rest.md, 4)."""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError

from app.rest.commit_shapes import (
    BranchShown,
    ForkMade,
    ForkRequest,
    RepositoryMade,
    RepositoryRequest,
    RepositoryShown,
    branch_of,
    made_of,
)
from app.rest.edge import id_or_missing
from app.viewer import viewer_of
from domain import accounts, commits, repositories
from domain.accounts import Viewer
from domain.errors import Forbidden, NotFound

repository_router = APIRouter(prefix="/api/repositories", tags=["repositories"])
fork_router = APIRouter(prefix="/api/vcs", tags=["version control"])
MISSING = "Repository not found"


@repository_router.post("/create")
async def create_repository(
    body: RepositoryRequest, request: Request, owner_id: UUID | None = None
) -> RepositoryMade:
    """`owner_id` may be one's own, or absent."""
    viewer = await viewer_of(request)
    await _require_self(viewer, owner_id)
    row = await repositories.create(
        viewer, body.name, description=body.description, is_public=body.is_public, genre=body.genre
    )
    return RepositoryMade(**made_of(row))


@repository_router.get("/{repo_id}")
async def get_repository(repo_id: str, request: Request) -> RepositoryShown:
    row = await repositories.get(await viewer_of(request), id_or_missing(repo_id, MISSING))
    return RepositoryShown(
        **made_of(row), description=row.description, is_public=row.is_public, genre=row.genre
    )


@fork_router.post("/fork")
async def fork_repository(
    request: Request,
    body: ForkRequest | None = None,
    original_repo_id: UUID | None = None,
    fork_name: str | None = None,
    owner_id: UUID | None = None,
    commit_id: UUID | None = None,
) -> ForkMade:
    """By query parameters, or by a JSON body with the same names."""
    said = body or ForkRequest()
    original, name = original_repo_id or said.original_repo_id, fork_name or said.fork_name
    if original is None or name is None:
        raise _lacking("original_repo_id" if original is None else "fork_name")
    viewer = await viewer_of(request)
    await _require_self(viewer, owner_id or said.owner_id)
    row = await repositories.fork(viewer, original, name, commit_id or said.commit_id)
    return ForkMade(**made_of(row), description=row.description)


@fork_router.get("/branches/{repo_id}")
async def list_branches(repo_id: str, request: Request) -> list[BranchShown]:
    """The default one first, then by name."""
    row = await repositories.get(await viewer_of(request), id_or_missing(repo_id, MISSING))
    branches = (await repositories.branches_of([row.id]))[row.id]
    heads = await commits.at([(row.id, branch.head) for branch in branches])
    authors = await accounts.by_ids({head.author_id for head in heads.values()})
    shown = []
    for branch in branches:
        head = heads[row.id, branch.head]
        author = authors.get(head.author_id)
        shown.append(branch_of(branch, head, None if author is None else author.username))
    return shown


async def _require_self(viewer: Viewer, owner_id: UUID | None) -> None:
    if owner_id is None or owner_id == viewer.id:
        return
    if not await accounts.by_ids([owner_id]):
        raise NotFound("Owner not found", field="owner_id")
    raise Forbidden("owner_id must be your own: nobody makes repositories for others", field="owner_id")


def _lacking(name: str) -> RequestValidationError:
    return RequestValidationError([{"type": "missing", "loc": ("query", name), "msg": "Field required"}])
