"""REST family 4, commits: make one, read one, read a history (contract/rest.md, 4)."""

# No `from __future__ import annotations`: FastAPI reads the routes' annotations while it builds them.
import orjson
from fastapi import APIRouter, Request, Response

from app.rest.commit_shapes import (
    CommitMade,
    CommitRequest,
    CommitShown,
    History,
    StemRequest,
    listed_of,
    stem_of,
)
from app.rest.edge import id_or_missing, services_of
from app.rest.particle_shapes import iso
from app.viewer import viewer_of
from db.commits import Commit, Line
from domain import assets, commits, repositories
from domain.accounts import Viewer
from domain.commits import NewCommit, NewStem, StemOf, StemType
from domain.errors import NotFound

router = APIRouter(prefix="/api/vcs", tags=["version control"])
NO_REPOSITORY = "Repository not found"
NO_COMMIT = "Commit not found"


@router.post("/commit/{repo_id}")
async def create_commit(repo_id: str, body: CommitRequest, request: Request) -> CommitMade:
    """Without a parent it goes on the default branch. A parent that is a branch's head moves that branch,
    another one opens a line without a name."""
    viewer, services = await viewer_of(request), services_of(request)
    new = NewCommit(
        repository_id=id_or_missing(repo_id, NO_REPOSITORY),
        message=body.message,
        branch=body.branch,
        parent_commit_id=body.parent_commit_id,
        bpm=body.bpm,
        key_signature=body.key_signature,
        generation_params=body.generation_params,
        stems=None if body.stems is None else [await _stem(viewer, one) for one in body.stems],
    )
    row = await commits.create(viewer, new, services=services)
    parents = await _parents(row)
    return CommitMade(
        id=str(row.id),
        repo_id=str(row.repository_id),
        parent_commit_id=str(parents[0].id) if parents else None,
        message=row.message,
        timestamp=iso(row.created_at),
    )


@router.get("/commit/{commit_id}")
async def get_commit(commit_id: str, request: Request) -> CommitShown:
    viewer, public_url = await viewer_of(request), services_of(request).public_url
    row = await commits.get(viewer, id_or_missing(commit_id, NO_COMMIT))
    stems = [StemOf(row, stem) for stem in (await commits.stems_of(row)).values()]
    files = await commits.files({one.stem.asset_id for one in stems})
    render = await commits.render_of(row)
    return CommitShown(
        **listed_of(_line(row, await _parents(row))),
        repo_id=str(row.repository_id),
        render_url=None if render is None else assets.url(render, public_url),
        generation_params=row.generation_params,
        stems=[stem_of(one, files[one.stem.asset_id], public_url) for one in stems],
    )


@router.get("/history/{repo_id}", response_model=History)
async def get_history(repo_id: str, request: Request) -> Response:
    """Every commit, the oldest first; forks and merges are seen by the parents."""
    repository = await repositories.get(await viewer_of(request), id_or_missing(repo_id, NO_REPOSITORY))
    lines = await commits.everything(repository)
    root = str(lines[0].id) if lines else None
    body = {"repo_id": str(repository.id), "commits": [listed_of(line) for line in lines], "root": root}
    return Response(orjson.dumps(body), media_type="application/json")  # models of so many would take long


async def _stem(viewer: Viewer, said: StemRequest) -> NewStem:
    """Where the text has an id in it, that file and no other: whether the viewer or this repository has it is
    judged with the commit. Else a file of the viewer by its key or name."""
    asset_id = assets.id_within(said.file_path)
    if asset_id is None:
        asset = await assets.find_named(viewer, said.file_path)
        if asset is None:
            raise NotFound("Audio file not found", field="file_path")
        asset_id = asset.id
    return NewStem(StemType(said.type.upper()), asset_id, said.gain)


def _line(row: Commit, parents: list[Commit]) -> Line:
    first, second = (*(parent.id for parent in parents), None, None)[:2]
    return Line(row.id, first, second, row.message, row.created_at, row.bpm, row.key_signature)


async def _parents(row: Commit) -> list[Commit]:
    places = [(row.repository_id, number) for number in _numbers(row)]
    found = await commits.at(places)
    return [found[place] for place in places]


def _numbers(row: Commit) -> list[int]:
    return [number for number in (row.parent, row.merged) if number is not None]
