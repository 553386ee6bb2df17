"""The documented JSON of repositories and commits: what its bodies look like, and how rows become them."""

# No `from __future__ import annotations`: FastAPI reads these annotations while it builds the schema.
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.rest.particle_shapes import iso
from db.assets import Asset
from db.branches import Branch
from db.commits import Commit, Line
from db.repositories import Repository
from domain import assets
from domain.commits import StemOf, StemType

StemName = Literal["drums", "bass", "vocals", "melody", "other"]


class RepositoryRequest(BaseModel):
    name: str
    description: str = ""
    is_public: bool = False
    genre: str = ""


class RepositoryMade(BaseModel):
    id: str
    name: str
    owner_id: str
    created_at: str


class RepositoryShown(RepositoryMade):
    description: str
    is_public: bool
    genre: str


class ForkRequest(BaseModel):
    original_repo_id: UUID | None = None
    fork_name: str | None = None
    owner_id: UUID | None = None
    commit_id: UUID | None = Field(default=None, description="Only the history of that commit.")


class ForkMade(RepositoryMade):
    description: str


class StemRequest(BaseModel):
    type: StemName
    file_path: str = Field(description="A stored asset: its path, URL, key, id or file name.")
    gain: float = 1.0


class CommitRequest(BaseModel):
    message: str
    parent_commit_id: UUID | None = None
    branch: str | None = None
    bpm: float | None = None
    key_signature: str | None = None
    generation_params: dict[str, Any] | None = None
    stems: list[StemRequest] | None = Field(
        default=None,
        max_length=len(StemType),
        description="The whole set, one of each type; absent: the parent's.",
    )


class CommitMade(BaseModel):
    id: str
    repo_id: str
    parent_commit_id: str | None
    message: str
    timestamp: str


class StemShown(BaseModel):
    type: StemName
    url: str
    duration: float | None


class CommitListed(BaseModel):
    id: str
    parent_id: str | None
    parent_ids: list[str]
    message: str
    timestamp: str
    bpm: int | None
    key_signature: str | None


class CommitShown(CommitListed):
    repo_id: str
    render_url: str | None
    generation_params: Any
    stems: list[StemShown]


class History(BaseModel):
    repo_id: str
    commits: list[CommitListed] = Field(description="The oldest first.")
    root: str | None


class BranchShown(BaseModel):
    name: str
    commit_id: str
    message: str
    timestamp: str
    author: str | None
    is_default: bool
    is_protected: bool


def made_of(row: Repository) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "owner_id": str(row.owner_id),
        "created_at": iso(row.created_at),
    }


def listed_of(line: Line) -> dict[str, Any]:
    """The fields of CommitListed."""
    parents = [str(id) for id in (line.parent_id, line.merged_id) if id is not None]
    return {
        "id": str(line.id),
        "parent_id": parents[0] if parents else None,
        "parent_ids": parents,
        "message": line.message,
        "timestamp": iso(line.created_at),
        "bpm": None if line.bpm is None else round(line.bpm),
        "key_signature": line.key_signature,
    }


def stem_of(one: StemOf, file: Asset, public_url: str) -> StemShown:
    name: Any = one.stem.type.lower()
    return StemShown(type=name, url=assets.url(file, public_url), duration=one.stem.duration)


def branch_of(row: Branch, head: Commit, author: str | None) -> BranchShown:
    return BranchShown(
        name=row.name,
        commit_id=str(head.id),
        message=head.message,
        timestamp=iso(head.created_at),
        author=author,
        is_default=row.is_default,
        is_protected=row.is_protected,
    )
