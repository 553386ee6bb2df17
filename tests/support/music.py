"""Repositories that tests begin with, and GraphQL's way to commit to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from db.accounts import User
from db.assets import Asset
from db.commits import Commit
from db.repositories import Repository
from domain import commits, repositories
from domain.accounts import Role, Viewer
from domain.commits import Merge, NewCommit, NewStem, StemType
from domain.ports import Services
from tests.support.graphql_http import Api
from tests.support.rows import an_asset

STEMS = "stems { id type gain duration asset { id } changedIn { id } }"
CREATE = "mutation ($input: CreateRepositoryInput!) { createRepository(input: $input) { id name } }"
COMMIT = "mutation ($input: CommitInput!) { createCommit(input: $input) { id message parents { id } %s } }"


async def somebody_else(name: str = "stranger") -> Viewer:
    row = await User.create(id=uuid4(), username=name, role="ADMIN")
    return Viewer(row.id, row.username, Role.ADMIN, row.created_at)


async def a_repository(viewer: Viewer, name: str = "song", **given: Any) -> Repository:
    return await repositories.create(viewer, name, **given)


async def a_commit(
    viewer: Viewer,
    repository: Repository,
    services: Services,
    stems: Mapping[str, Asset | UUID] | None = None,
    message: str = "a change",
    **given: Any,
) -> Commit:
    """On the default branch, unless it says another place; `stems` are whole files by type."""
    news = None
    if stems is not None:
        news = [
            NewStem(StemType(type), file if isinstance(file, UUID) else file.id)
            for type, file in stems.items()
        ]
    new = NewCommit(repository.id, message, stems=news, **given)
    return await commits.create(viewer, new, services=services)


async def stems_of(commit: Commit) -> dict[str, UUID]:
    """The files by type."""
    return {type: stem.asset_id for type, stem in (await commits.stems_of(commit)).items()}


async def some_sounds(viewer: Viewer, count: int) -> list[Asset]:
    return [await an_asset(viewer) for _ in range(count)]


async def made(graphql: Api, name: str = "song", **given: Any) -> str:
    data = await graphql.run(CREATE, input={"name": name, **given})
    return str(data["createRepository"]["id"])


async def committed(
    graphql: Api, repository: str, stems: Mapping[str, str] | None = None, selected: str = "", **given: Any
) -> Any:
    """What `createCommit` answers; `stems` are ids of assets by type."""
    said: dict[str, Any] = {"repositoryId": repository, "message": "a change", **given}
    if stems is not None:
        said["stems"] = [{"type": type, "assetId": id} for type, id in stems.items()]
    return (await graphql.run(COMMIT % selected, input=said))["createCommit"]


async def a_whole_repository(viewer: Viewer, services: Services) -> Repository:
    """With two branches, a tag and a merge; every commit has two stems, and one of them a mix."""
    made = await a_repository(viewer, "whole")
    drums, bass, mix = await some_sounds(viewer, 3)
    root = await a_commit(viewer, made, services, {"DRUMS": drums, "BASS": bass})
    await repositories.create_branch(viewer, made.id, "ideas")
    await a_commit(viewer, made, services, {"DRUMS": bass, "BASS": bass}, branch="ideas")
    await a_commit(viewer, made, services, {"DRUMS": drums, "BASS": mix}, render_id=mix.id)
    await repositories.create_tag(viewer, made.id, "v1", root.id, "first")
    merged = await commits.merge(viewer, Merge(made.id, "ideas", "main"), services=services)
    assert merged.commit is not None
    return made
