"""Commits that lack a render or portraits get them from the daily round, over a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from db.assets import Asset
from db.commits import Commit
from db.jobs import Job
from db.repositories import Repository
from db.sound_portraits import SoundPortrait
from db.stems import StemSet
from domain import commits, jobs, portraits, repositories
from domain.accounts import Viewer, local_owner
from domain.commits import healing
from domain.ports import Services
from render.audio.portraits.likeness import BANDS, Portrait, packed
from tests.support.local_services import Bell, local_services
from tests.support.music import a_commit, a_repository, some_sounds, somebody_else
from workers import tidying

LONG_AGO = datetime.now(UTC) - timedelta(days=8)


@pytest.fixture
async def viewer(database: None) -> Viewer:
    return await local_owner()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return local_services(tmp_path)


@pytest.fixture
async def repository(viewer: Viewer) -> Repository:
    return await a_repository(viewer)


async def unasked(viewer: Viewer, repository: Repository, services: Services, *sounds: Asset) -> list[Commit]:
    """A commit of each sound, as they were made before there were renders."""
    made = [await a_commit(viewer, repository, services, {"DRUMS": sound}) for sound in sounds]
    await Job.all().delete()
    return made


async def heard(*sounds: Asset) -> None:
    await portraits.keep({sound.sha256: Portrait(None, packed(np.zeros((1, BANDS)))) for sound in sounds})


async def test_each_set_in_use_gets_its_job_once_and_a_worker_is_told(
    viewer: Viewer, services: Services, repository: Repository
) -> None:
    made = await unasked(viewer, repository, services, *await some_sounds(viewer, 3))
    await a_commit(viewer, repository, services, {})
    await a_commit(viewer, repository, services, bpm=90)
    await tidying.tidy_renders(services)
    found = await Job.all()
    assert {job.subject_id for job in found} == {str(one.id) for one in made}
    assert {(job.owner_id, job.priority, job.params["is_to_mix"]) for job in found} == {(viewer.id, 0, True)}
    assert isinstance(services.doorbell, Bell)
    assert set(services.doorbell.rung) >= {job.id for job in found}
    assert await commits.heal(services) == 0
    await repositories.delete(viewer, repository.id, services=services)
    await Job.all().delete()
    assert await commits.heal(services) == 0


async def test_what_has_a_mix_and_was_heard_needs_nothing(
    viewer: Viewer, services: Services, repository: Repository
) -> None:
    drums, bass, mix = await some_sounds(viewer, 3)
    (first, _) = await unasked(viewer, repository, services, drums, bass)
    await StemSet.all().update(render_id=mix.id)
    await heard(drums, bass)
    assert await commits.heal(services) == 0
    await SoundPortrait.filter(sha256=drums.sha256).delete()
    assert await commits.heal(services) == 1
    job = await Job.get()
    assert (job.subject_id, job.params["is_to_mix"]) == (str(first.id), False)


async def test_a_fork_of_a_commit_whose_job_failed_gets_its_render_a_week_later(
    viewer: Viewer, services: Services, repository: Repository
) -> None:
    (sound,) = await some_sounds(viewer, 1)
    await a_commit(viewer, repository, services, {"DRUMS": sound})
    stranger = await somebody_else()
    await repositories.update(viewer, repository.id, {"is_public": True})
    fork = await repositories.fork(stranger, repository.id, "fork")
    await repositories.delete(viewer, repository.id, services=services)
    failed = {"state": "FAILED", "error": {"code": "INTERNAL", "message": "no"}}
    await Job.all().update(**failed, completed_at=datetime.now(UTC))
    assert await commits.heal(services) == 0
    await Job.all().update(completed_at=LONG_AGO)
    assert await commits.heal(services) == 1
    copy = await Commit.get(repository_id=fork.id)
    job = await Job.get(state="PENDING")
    assert (job.owner_id, job.subject_id) == (stranger.id, str(copy.id))
    await jobs.cancel(stranger, job.id, services=services)
    assert await commits.heal(services) == 0


async def test_a_round_is_bounded_and_the_next_goes_on(
    viewer: Viewer, services: Services, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    await unasked(viewer, repository, services, *await some_sounds(viewer, 5))
    monkeypatch.setattr(healing, "PAGE", 2)
    monkeypatch.setattr(healing, "MOST_ENTERED", 3)
    assert [await commits.heal(services) for _ in range(3)] == [3, 2, 0]
    assert await Job.all().count() == 5
