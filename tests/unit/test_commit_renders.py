"""When a commit needs a render: every way that commits arise, over a real database, without workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from db import job_moves, sql
from db.assets import Asset
from db.commits import Commit
from db.jobs import Job
from db.repositories import IN_TRANSACTION, Repository
from db.sound_portraits import SoundPortrait
from domain import assets, commits, jobs, portraits, repositories
from domain.accounts import Viewer, local_owner
from domain.commits import Merge, NewCommit, NewStem, StemType, rendering
from domain.errors import Conflict, NotFound
from domain.ports import Limits, Services
from render.audio.portraits.likeness import BANDS, Portrait, packed
from tests.support.local_services import Bell, Nudges, local_services
from tests.support.music import a_commit, a_repository, some_sounds, somebody_else

pytestmark = pytest.mark.usefixtures("database")
SILENCE = Portrait(None, packed(np.zeros((1, BANDS))))


@dataclass
class World:
    viewer: Viewer
    services: Services
    repository: Repository
    sounds: list[Asset]

    async def commit(self, *sounds: Asset, branch: str = "main", **given: Any) -> Commit:
        """The sounds are drums, bass, vocals, ..."""
        stems = {type.value: sound for type, sound in zip(StemType, sounds, strict=False)}
        return await a_commit(self.viewer, self.repository, self.services, stems, branch=branch, **given)


@pytest.fixture
async def world(database: None, tmp_path: Path) -> World:
    services = local_services(tmp_path, limits=Limits(max_pending_jobs_per_owner=0))  # none may be submitted
    viewer = await local_owner()
    return World(viewer, services, await a_repository(viewer), await some_sounds(viewer, 5))


async def asked(*, is_to_mix: bool = True) -> list[str]:
    """The ids of the commits that jobs are about, in order."""
    found = await Job.filter(kind="COMMIT_RENDER").order_by("created_at")
    return [str(job.subject_id) for job in found if job.params["is_to_mix"] == is_to_mix]


def rung(services: Services) -> int:
    assert isinstance(services.doorbell, Bell)
    return len(services.doorbell.rung)


async def completed(job: Job, render: Asset) -> None:
    """As a worker would settle it."""
    await job_moves.claim("worker", ["COMMIT_RENDER"], 30.0)
    async with IN_TRANSACTION():
        done = await job_moves.complete(job.id, 1, result={}, cost_usd=0.0)
        assert done is not None
        await sql.run(
            "INSERT INTO job_outputs (job_id, asset_id, role) VALUES ($1, $2, 'audio')", job.id, render.id
        )
        assert await rendering.keep(done)
        files = [file for _, file in await rendering.to_mix(UUID(job.params["stem_set_id"]))]
        await portraits.keep({file.sha256: SILENCE for file in files})


async def test_each_commit_with_stems_of_its_own_gets_a_job_though_no_job_may_wait(world: World) -> None:
    drums, bass, more, other, _ = world.sounds
    root = await world.commit(drums, bass)
    (job,) = await Job.all()
    assert (job.kind, job.state, job.priority, job.subject_type) == ("COMMIT_RENDER", "PENDING", 0, "Commit")
    assert rung(world.services) == 1
    await repositories.create_branch(world.viewer, world.repository.id, "ideas")
    ours = await world.commit(more, bass)
    theirs = await world.commit(drums, other, branch="ideas")
    merge = Merge(world.repository.id, "ideas", "main")
    merged = (await commits.merge(world.viewer, merge, services=world.services)).commit
    assert merged is not None
    reverted = await commits.revert(world.viewer, ours.id, "main", services=world.services)
    assert await asked() == [str(one.id) for one in (root, ours, theirs, merged)]  # the revert's are theirs
    assert reverted.stem_set_id == theirs.stem_set_id
    assert rung(world.services) == 4
    await repositories.fork(world.viewer, world.repository.id, "fork")
    await repositories.fork(world.viewer, world.repository.id, "half", ours.id)
    assert await Job.all().count() == 4


@dataclass
class Breaking(Nudges):
    """After the first nudge, that is once the transaction has ended, nothing outside answers."""

    broken: bool = False

    async def nudge(self, *topics: str) -> None:
        if self.broken:
            raise ConnectionError("away")
        self.broken = True


async def test_a_commit_that_is_there_is_no_error_though_nothing_answers_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*args: Any) -> Any:
        raise ConnectionError("away")

    async def unhindered(asked: Callable[[Services], Awaitable[Any]]) -> None:
        events = Breaking()
        rows = sql.rows

        async def answers(*args: Any) -> Any:
            return await (away if events.broken else rows)(*args)

        with monkeypatch.context() as patched:
            patched.setattr(sql, "rows", answers)
            await asked(replace(world.services, events=events))
        assert events.broken

    drums, bass, more, other, last = world.sounds
    await world.commit(drums, bass)
    await repositories.create_branch(world.viewer, world.repository.id, "ideas")
    await world.commit(drums, other, branch="ideas")
    new = NewCommit(world.repository.id, "a change", stems=[NewStem(StemType.DRUMS, more.id)])
    await unhindered(lambda services: commits.create(world.viewer, new, services=services))
    await world.commit(more, bass)
    merge = Merge(world.repository.id, "ideas", "main")
    await unhindered(lambda services: commits.merge(world.viewer, merge, services=services))
    vocals = await world.commit(more, other, last)
    await world.commit(bass, other, last)
    await unhindered(lambda services: commits.revert(world.viewer, vocals.id, "main", services=services))
    assert await Commit.all().count() == 8
    assert await Job.all().count() == 8


async def test_the_name_of_a_private_fork_is_not_in_the_name_of_the_render_that_it_shares(
    world: World,
) -> None:
    drums, *_ = world.sounds
    await world.commit(drums)
    await repositories.update(world.viewer, world.repository.id, {"is_public": True})
    stranger = await somebody_else()
    fork = await repositories.fork(stranger, world.repository.id, "my secret album")
    theirs = await a_commit(stranger, fork, world.services, {"DRUMS": drums, "BASS": drums})
    mine = await world.commit(drums, drums)
    assert theirs.stem_set_id == mine.stem_set_id
    found = [await Job.get(subject_id=str(one.id)) for one in (theirs, mine)]
    name = f"render {mine.stem_set_id.hex[:8]}.flac"
    assert [job.params["filenames"]["audio"] for job in found] == [name, name]


async def test_no_stems_need_no_render(world: World) -> None:
    await world.commit()
    assert await Job.all().count() == 0


async def test_a_set_is_asked_for_once_by_each_owner_until_that_is_cancelled(world: World) -> None:
    drums, *_ = world.sounds
    first = await world.commit(drums)
    await world.commit(drums, bpm=90)
    await a_commit(world.viewer, await a_repository(world.viewer, "b"), world.services, {"DRUMS": drums})
    assert await asked() == [str(first.id)]
    (job,) = await Job.all()
    await jobs.cancel(world.viewer, job.id, services=world.services)
    again = await world.commit(drums, bpm=80)
    assert await asked() == [str(first.id), str(again.id)]
    stranger = await somebody_else()
    await repositories.update(world.viewer, world.repository.id, {"is_public": True})
    fork = await repositories.fork(stranger, world.repository.id, "mine")
    theirs = await a_commit(stranger, fork, world.services, {"DRUMS": drums})
    assert await asked() == [str(one.id) for one in (first, again, theirs)]


async def test_a_render_belongs_to_all_that_have_the_stems(world: World) -> None:
    drums, mix, *_ = world.sounds
    first = await world.commit(drums)
    fork = await repositories.fork(world.viewer, world.repository.id, "fork")
    assert await commits.render_of(first) is None
    await completed(await Job.get(subject_id=str(first.id)), mix)
    later = await world.commit(drums, bpm=90)
    copy = await Commit.get(repository_id=fork.id)
    for one in (first, later, copy):
        assert await commits.render_of(one) == mix
        assert one.render_id is None
    assert await asked() == [str(first.id)]
    assert await rendering.keep(await Job.get(subject_id=str(first.id)))  # again: the first render stays
    stranger = await somebody_else()
    with pytest.raises(NotFound):
        await commits.shown_file(stranger, mix.id)
    await repositories.update(world.viewer, fork.id, {"is_public": True})
    assert await commits.shown_file(stranger, mix.id) == mix


async def test_a_render_of_its_own_is_kept_by_who_changes_no_stem(world: World) -> None:
    drums, mix, other, *_ = world.sounds
    root = await world.commit(drums, render_id=mix.id)
    same = await world.commit(drums, bpm=90)
    changed = await world.commit(other)
    back = await commits.revert(world.viewer, changed.id, "main", services=world.services)
    renders = [await commits.render_of(one) for one in (root, same, changed, back)]
    assert renders == [mix, mix, None, mix]
    assert await asked() == [str(changed.id)]


async def test_stems_that_nobody_heard_are_listened_to_though_the_mix_is_there(world: World) -> None:
    drums, mix, bass, *_ = world.sounds
    first = await world.commit(drums, render_id=mix.id)
    await world.commit(drums, bpm=90, render_id=mix.id)
    assert await asked(is_to_mix=False) == [str(first.id)]
    await portraits.keep({drums.sha256: SILENCE, bass.sha256: SILENCE})
    await world.commit(drums, bass, render_id=mix.id)
    assert await asked(is_to_mix=False) == [str(first.id)]
    assert await asked() == []


async def test_stems_that_nobody_heard_are_listened_to_though_their_set_has_its_render(world: World) -> None:
    drums, mix, *_ = world.sounds
    first = await world.commit(drums)
    await completed(await Job.get(subject_id=str(first.id)), mix)
    await SoundPortrait.all().delete()
    later = await world.commit(drums, bpm=90)
    assert await asked(is_to_mix=False) == [str(later.id)]
    await world.commit(drums, bpm=91)
    await portraits.keep({drums.sha256: SILENCE})
    await world.commit(drums, bpm=92)
    assert await asked(is_to_mix=False) == [str(later.id)]
    assert await asked() == [str(first.id)]


async def test_a_commit_that_does_not_happen_leaves_no_job(world: World) -> None:
    drums, *_ = world.sounds
    root = await world.commit(drums)
    await world.commit()
    with pytest.raises(Conflict):
        await world.commit(*world.sounds, parent_commit_id=root.id)
    assert await asked() == [str(root.id)]


async def test_one_of_many_commits_at_once_asks_for_their_set(world: World) -> None:
    drums, bass, mix, *_ = world.sounds
    await asyncio.gather(*(world.commit(drums, bass, bpm=60 + number) for number in range(8)))
    (job,) = await Job.all()
    settling = asyncio.create_task(completed(job, mix))
    await asyncio.gather(*(world.commit(drums, bass, bpm=80 + number) for number in range(8)), settling)
    assert await Job.all().count() == 1
    for one in await Commit.all():
        assert await commits.render_of(one) == mix


async def test_what_a_job_is_to_mix_goes_with_the_last_commit_that_has_it(world: World) -> None:
    drums, mix, *_ = world.sounds
    first = await world.commit(drums)
    (job,) = await Job.all()
    set_id = first.stem_set_id
    assert [(stem.type, file) for stem, file in await rendering.to_mix(set_id)] == [("DRUMS", drums)]
    await repositories.delete(world.viewer, world.repository.id, services=world.services)
    assert await rendering.to_mix(set_id) == []
    await sql.run("INSERT INTO job_outputs (job_id, asset_id, role) VALUES ($1, $2, 'audio')", job.id, mix.id)
    assert not await rendering.keep(job)


async def test_a_deleted_stem_of_another_is_still_mixed(world: World) -> None:
    drums, *_ = world.sounds
    first = await world.commit(drums)
    await assets.delete(world.viewer, drums.id, services=world.services)
    ((stem, file),) = await rendering.to_mix(first.stem_set_id)
    assert (stem.asset_id, file.deleted_at is not None) == (drums.id, True)
