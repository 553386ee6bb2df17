"""A piece that is to be committed: what is checked when it is asked for, and where it goes when it is made,
with whatever happened to the repository meanwhile. A real worker in this process runs a maker of an instant.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.branches import Branch
from db.commits import Commit
from db.jobs import Job
from db.repositories import Repository
from domain import jobs, music, repositories
from domain.accounts import Viewer, local_owner
from domain.errors import Forbidden, InvalidInput, NotFound, QuotaExceeded
from domain.jobs import JobOptions
from domain.music import NewPiece, Provider, providers
from domain.ports import Limits, Services
from tests.support.job_world import MEGABYTE, ended, job_services, options, worker_here
from tests.support.music import a_commit, a_repository, somebody_else, stems_of
from tests.support.unheard import first_settlement_unheard
from workers.process import PoolPlan

pytestmark = pytest.mark.usefixtures("database")
PIECE = NewPiece("slow jazz, 90 bpm, in D minor", seed=1)
WHOLE = Provider("whole", "tests.support.music_maker:whole", "1", 60.0)
MIX_ALONE = Provider("mix", "tests.support.music_maker:mix_alone", "1", 60.0)


@pytest.fixture
async def viewer(database: None) -> Viewer:
    return await local_owner()


@pytest.fixture
async def services(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    monkeypatch.setattr(providers, "PROVIDERS", {one.name: one for one in (WHOLE, MIX_ALONE)})
    async with job_services(redis_url, tmp_path / "home") as opened:
        yield replace(opened, music_provider="whole")


@pytest.fixture
async def repository(viewer: Viewer) -> Repository:
    return await a_repository(viewer)


@asynccontextmanager
async def a_worker(services: Services, redis_url: str) -> AsyncIterator[None]:
    plans = {"music": PoolPlan(1, 2048 * MEGABYTE, nice=0)}
    async with worker_here(services, replace(options(redis_url), pools=plans)):
        yield


async def made(services: Services, redis_url: str, job: Job) -> Job:
    """The job, ended; the worker begins only now."""
    async with a_worker(services, redis_url):
        done = await ended(job.id)
    assert done.state == "COMPLETED", done.error
    return done


async def commit_of(job: Job) -> tuple[Commit, dict[str, Any]]:
    told: dict[str, Any] = job.result["commit"]
    return await Commit.get(id=UUID(told["id"])), told


async def head(repository: Repository, name: str = "main") -> int:
    return int((await Branch.get(repository_id=repository.id, name=name)).head)


async def test_a_piece_is_the_first_commit_of_an_empty_repository(
    viewer: Viewer, repository: Repository, services: Services, redis_url: str
) -> None:
    job = await music.generate(viewer, replace(PIECE, repository_id=repository.id), services=services)
    done = await made(services, redis_url, job)
    commit, told = await commit_of(done)
    outputs = {one.role: one.asset for one in (await jobs.outputs_for([job.id]))[job.id]}
    assert list(outputs) == ["audio", "drums", "bass", "melody", "other", "preview", "midi"]
    assert await stems_of(commit) == {
        name.upper(): outputs[name].id for name in ("drums", "bass", "melody", "other")
    }
    assert (commit.render_id, commit.parent, await head(repository)) == (outputs["audio"].id, None, 1)
    assert (commit.bpm, commit.key_signature) == (90.0, "D minor")
    assert commit.message == "Generated: slow jazz, 90 bpm, in D minor"
    assert commit.generation_params["genre"] == "jazz"
    assert (commit.generation_params["seed"], commit.generation_params["prompt"]) == (1, PIECE.prompt)
    assert told == {
        "id": str(commit.id),
        "repository_id": str(repository.id),
        "branch": "main",
        "moved": False,
        "problem": None,
    }
    assert done.result["loudness_lufs"] == -14.0


async def test_without_a_parent_it_goes_on_the_head_as_it_is_then(
    viewer: Viewer, repository: Repository, services: Services, redis_url: str
) -> None:
    await a_commit(viewer, repository, services)
    job = await music.generate(viewer, replace(PIECE, repository_id=repository.id), services=services)
    between = await a_commit(viewer, repository, services)
    commit, told = await commit_of(await made(services, redis_url, job))
    assert (commit.parent, await head(repository)) == (between.number, commit.number)
    assert (told["branch"], told["moved"]) == ("main", False)


async def test_where_its_branch_has_moved_it_is_kept_on_a_line_without_a_name(
    viewer: Viewer, repository: Repository, services: Services, redis_url: str
) -> None:
    first = await a_commit(viewer, repository, services)
    wanted = replace(PIECE, repository_id=repository.id, branch="main", parent_commit_id=first.id)
    job = await music.generate(viewer, wanted, services=services)
    between = await a_commit(viewer, repository, services)
    late = await music.generate(viewer, replace(wanted, seed=2), services=services)
    async with a_worker(services, redis_url):
        for one in (job, late):
            commit, told = await commit_of(await ended(one.id))
            assert commit.parent == first.number
            assert (told["branch"], told["moved"], told["problem"]) == (None, True, None)
    assert await head(repository) == between.number
    assert await Commit.filter(repository_id=repository.id).count() == 4


async def test_a_parent_alone_moves_the_branch_whose_head_it_is(
    viewer: Viewer, repository: Repository, services: Services, redis_url: str
) -> None:
    first = await a_commit(viewer, repository, services)
    second = await a_commit(viewer, repository, services)
    wanted = replace(PIECE, repository_id=repository.id)
    on_head = await music.generate(viewer, replace(wanted, parent_commit_id=second.id), services=services)
    on_none = await music.generate(viewer, replace(wanted, parent_commit_id=first.id), services=services)
    async with a_worker(services, redis_url):
        _, told = await commit_of(await ended(on_head.id))
        assert (told["branch"], told["moved"]) == ("main", False)
        commit, told = await commit_of(await ended(on_none.id))
    assert (commit.parent, told["branch"], told["moved"]) == (first.number, None, False)


async def test_where_its_branch_is_gone_it_follows_what_the_branch_had(
    viewer: Viewer, repository: Repository, services: Services, redis_url: str
) -> None:
    first = await a_commit(viewer, repository, services)
    await repositories.create_branch(viewer, repository.id, "ideas")
    await a_commit(viewer, repository, services)
    wanted = replace(PIECE, repository_id=repository.id, branch="ideas")
    job = await music.generate(viewer, wanted, services=services)
    await repositories.delete_branch(viewer, repository.id, "ideas")
    commit, told = await commit_of(await made(services, redis_url, job))
    assert (commit.parent, told["branch"], told["moved"]) == (first.number, None, True)


async def test_a_branch_of_an_empty_repository_that_others_began_differently(
    viewer: Viewer, repository: Repository, services: Services, redis_url: str
) -> None:
    wanted = replace(PIECE, repository_id=repository.id, branch="ideas")
    job = await music.generate(viewer, wanted, services=services)
    first = await a_commit(viewer, repository, services)
    commit, told = await commit_of(await made(services, redis_url, job))
    assert (commit.parent, told["branch"], told["moved"]) == (first.number, None, True)


async def test_where_the_repository_is_gone_the_piece_is_there_all_the_same(
    viewer: Viewer, repository: Repository, services: Services, redis_url: str
) -> None:
    job = await music.generate(viewer, replace(PIECE, repository_id=repository.id), services=services)
    await repositories.delete(viewer, repository.id, services=services)
    done = await made(services, redis_url, job)
    assert done.result["commit"] == {
        "id": None,
        "repository_id": str(repository.id),
        "branch": None,
        "moved": False,
        "problem": "The repository is no longer there",
    }
    assert len((await jobs.outputs_for([job.id]))[job.id]) == 7


async def test_a_full_repository_takes_no_piece_and_loses_none(
    viewer: Viewer, repository: Repository, services: Services, redis_url: str
) -> None:
    job = await music.generate(viewer, replace(PIECE, repository_id=repository.id), services=services)
    await Repository.filter(id=repository.id).update(last_number=100_000)
    done = await made(services, redis_url, job)
    assert "at most 100,000 commits" in done.result["commit"]["problem"]
    assert len((await jobs.outputs_for([job.id]))[job.id]) == 7


async def test_a_maker_without_stems_leaves_them_out(
    viewer: Viewer, repository: Repository, services: Services, redis_url: str
) -> None:
    chosen = replace(services, music_provider="mix")
    job = await music.generate(viewer, replace(PIECE, repository_id=repository.id), services=chosen)
    done = await made(services, redis_url, job)
    commit, _ = await commit_of(done)
    assert (done.result["provider"], done.result["model"], done.result["stems"]) == ("test-maker", "tiny", [])
    assert (await stems_of(commit), commit.bpm, commit.key_signature) == ({}, None, None)
    assert [one.role for one in (await jobs.outputs_for([job.id]))[job.id]] == ["audio", "preview"]


async def test_the_longest_prompt_fits_its_commit(
    viewer: Viewer, repository: Repository, services: Services, redis_url: str
) -> None:
    prompt = ("happy " * 1_000 + "\U0001f525" * 4_000)[:10_000]
    job = await music.generate(
        viewer, replace(PIECE, prompt=prompt, repository_id=repository.id), services=services
    )
    commit, told = await commit_of(await made(services, redis_url, job))
    assert (told["problem"], len(commit.message)) == (None, 2_000)


async def test_a_settlement_whose_answer_was_lost_has_committed_once(
    viewer: Viewer,
    repository: Repository,
    services: Services,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The transaction was committed, and then the connection broke: the second try finds it done."""
    job = await music.generate(viewer, replace(PIECE, repository_id=repository.id), services=services)
    unheard = first_settlement_unheard(monkeypatch)
    commit, _ = await commit_of(await made(services, redis_url, job))
    assert len(unheard.answers) == 2
    assert [row.id for row in await Commit.filter(repository_id=repository.id)] == [commit.id]


async def test_rights_and_places_are_checked_when_it_is_asked_for(
    viewer: Viewer, repository: Repository, services: Services
) -> None:
    stranger = await somebody_else()
    public = await a_repository(stranger, "public", is_public=True)
    private = await a_repository(stranger, "private")
    other = await a_commit(viewer, await a_repository(viewer, "other"), services)
    refusals: list[tuple[type[Exception], str | None, dict[str, Any]]] = [
        (Forbidden, None, {"repository_id": public.id}),
        (NotFound, "repository_id", {"repository_id": private.id}),
        (NotFound, "repository_id", {"repository_id": uuid4()}),
        (InvalidInput, "branch", {"branch": "main"}),
        (InvalidInput, "parent_commit_id", {"parent_commit_id": other.id}),
        (InvalidInput, "branch", {"repository_id": repository.id, "branch": "a b/c"}),
        (InvalidInput, "parent_commit_id", {"repository_id": repository.id, "parent_commit_id": other.id}),
        (NotFound, "parent_commit_id", {"repository_id": repository.id, "parent_commit_id": uuid4()}),
        (NotFound, "branch", {"repository_id": other.repository_id, "branch": "ideas"}),
    ]
    for kind, field, given in refusals:
        with pytest.raises(kind) as refused:
            await music.generate(viewer, replace(PIECE, **given), services=services)
        assert getattr(refused.value, "field", None) == field
    assert await Job.all().count() == 0


async def test_of_a_batch_all_are_accepted_or_none(viewer: Viewer, services: Services) -> None:
    with pytest.raises(InvalidInput, match=r"inputs\.1\.bpm must be 60 to 300") as refused:
        await music.generate_batch(viewer, [PIECE, replace(PIECE, bpm=10)], services=services)
    assert refused.value.field == "inputs.1.bpm"
    for count in (0, 51):
        with pytest.raises(InvalidInput, match="1 to 50 pieces") as refused:
            await music.generate_batch(viewer, [PIECE] * count, services=services)
        assert refused.value.field == "inputs"
    few = replace(services, limits=Limits(max_pending_jobs_per_owner=2))
    with pytest.raises(QuotaExceeded):
        await music.generate_batch(viewer, [PIECE] * 3, services=few)
    assert await Job.all().count() == 0
    once = JobOptions(idempotency_key="once")
    first = await music.generate_batch(viewer, [PIECE, replace(PIECE, seed=None)], once, services=services)
    again = await music.generate_batch(viewer, [PIECE, replace(PIECE, seed=None)], once, services=services)
    assert [job.id for job in first] == [job.id for job in again]
    assert await Job.all().count() == 2


async def test_the_same_request_is_answered_at_once_under_its_own_names(
    viewer: Viewer, repository: Repository, services: Services, redis_url: str
) -> None:
    first = await made(services, redis_url, await music.generate(viewer, PIECE, services=services))
    again = await music.generate(viewer, PIECE, services=services)
    assert (again.state, again.cached, again.result) == ("COMPLETED", True, first.result)
    assert "commit" not in first.result
    for other in (
        replace(PIECE, seed=2),
        replace(PIECE, seed=None),
        replace(PIECE, repository_id=repository.id),
    ):
        assert (await music.generate(viewer, other, services=services)).state == "PENDING"
