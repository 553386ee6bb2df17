"""An idempotency key is looked at before all else: a repeat gives its job, whatever became of the world."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import repositories as repository_rows
from db.repositories import Repository
from domain import assets, commits, music, repositories
from domain.accounts import Viewer, local_owner
from domain.commits import StemType
from domain.errors import Conflict, InvalidInput
from domain.jobs import JobOptions
from domain.music import NewPiece
from domain.ports import Services
from tests.support.local_services import local_services
from tests.support.music import a_commit, a_repository, some_sounds
from tests.support.rows import an_asset

pytestmark = pytest.mark.usefixtures("database")
ONCE = JobOptions(idempotency_key="once")


@pytest.fixture
async def viewer(database: None) -> Viewer:
    return await local_owner()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return local_services(tmp_path)


@pytest.fixture
async def repository(viewer: Viewer) -> Repository:
    return await a_repository(viewer)


async def test_a_piece_of_a_repository_that_is_gone(
    viewer: Viewer, services: Services, repository: Repository
) -> None:
    piece = NewPiece("slow jazz", repository_id=repository.id)
    batch = [piece, NewPiece("fast jazz", repository_id=repository.id)]
    many = JobOptions(idempotency_key="many")
    job = await music.generate(viewer, piece, ONCE, services=services)
    jobs = await music.generate_batch(viewer, batch, many, services=services)
    await repositories.delete(viewer, repository.id, services=services)
    assert (await music.generate(viewer, piece, ONCE, services=services)).id == job.id
    again = await music.generate_batch(viewer, batch, many, services=services)
    assert [one.id for one in again] == [one.id for one in jobs]
    with pytest.raises(Conflict):
        await music.generate(viewer, NewPiece("other"), ONCE, services=services)
    with pytest.raises(InvalidInput, match="prompt"):
        await music.generate(viewer, NewPiece("\ud800"), ONCE, services=services)


async def test_a_hum_that_was_deleted(viewer: Viewer, services: Services) -> None:
    hum = await an_asset(viewer, kind="AUDIO", duration=5.0)
    job = await music.follow(viewer, hum.id, NewPiece(""), ONCE, services=services)
    await assets.delete(viewer, hum.id, services=services)
    assert (await music.follow(viewer, hum.id, NewPiece(""), ONCE, services=services)).id == job.id


async def test_a_difference_of_commits_that_are_gone(
    viewer: Viewer, services: Services, repository: Repository
) -> None:
    before, after = await some_sounds(viewer, 2)
    base = await a_commit(viewer, repository, services, {"DRUMS": before})
    head = await a_commit(viewer, repository, services, {"DRUMS": after})
    asked = (viewer, base.id, head.id, StemType.DRUMS, ONCE)
    job = await commits.render_stem_diff(*asked, services=services)
    await repositories.delete(viewer, repository.id, services=services)
    assert (await commits.render_stem_diff(*asked, services=services)).id == job.id


async def test_a_batch_looks_once_at_where_it_goes(
    viewer: Viewer, services: Services, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0
    find = repository_rows.find

    async def counted(*given: object) -> object:
        nonlocal looked
        looked += 1
        return await find(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(repository_rows, "find", counted)
    pieces = [NewPiece("jazz", seed=seed, repository_id=repository.id) for seed in range(5)]
    jobs = await music.generate_batch(viewer, pieces, services=services)
    assert (len(jobs), looked) == (5, 1)
    assert {job.params["commit"]["repository_id"] for job in jobs} == {str(repository.id)}
