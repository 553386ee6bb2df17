"""Deletion: gone for its owner at once, and never the bytes that somebody else or a job still needs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from app.storage import FolderFiles
from db.assets import Asset
from db.jobs import Job
from db.particles import ParticleSystem
from domain import assets, jobs, particles
from domain.accounts import Viewer, local_owner
from domain.assets import NewAsset, record
from domain.assets.places import derived_keys
from domain.assets.removal import STAGED_UPLOADS
from domain.errors import NotFound, Unavailable
from domain.ports import Services
from render.particles.config import ParticleType
from tests.render.media_files import tone, write_wav
from tests.support.local_services import Nudges, local_services

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def nudges() -> Nudges:
    return Nudges()


@pytest.fixture
def services(tmp_path: Path, nudges: Nudges) -> Services:
    return local_services(tmp_path / "home", events=nudges)


@pytest.fixture
async def viewer(database: TortoiseContext) -> Viewer:
    return await local_owner()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "song", tone(0.1, 8000, 1), 8000)


async def job_reading(asset: Asset, state: str = "PROCESSING", *, services: Services) -> Job:
    viewer = replace(await local_owner(), id=asset.owner_id)
    new = jobs.NewJob("PARTICLE_RENDER", {}, inputs=[asset.id])
    job = await jobs.submit(viewer, new, services=services)
    now = datetime.now(UTC)
    if state != "PENDING":
        lease, end = (now, None) if state == "PROCESSING" else (None, now)
        await Job.filter(id=job.id).update(state=state, lease_until=lease, completed_at=end)
    return job


async def system_playing(owner_id: UUID, audio_id: UUID) -> ParticleSystem:
    return await ParticleSystem.create(
        id=uuid4(), owner_id=owner_id, name="x", particle_type="SNOW", config={}, audio_id=audio_id
    )


async def ended(job: Job) -> None:
    await Job.filter(id=job.id).update(state="COMPLETED", lease_until=None, completed_at=datetime.now(UTC))


async def test_gone_with_all_that_was_derived(viewer: Viewer, services: Services, song: Path) -> None:
    asset = await assets.store(viewer, song, "a.wav", services=services)
    for key in derived_keys(asset.sha256):
        await services.files.put(key, song)
    await assets.delete(viewer, asset.id, services=services)
    assert await assets.find(viewer, asset.id) is None
    assert not await services.files.exists(asset.key)
    for key in derived_keys(asset.sha256):
        assert not await services.files.exists(key)
    assert await Asset.all().count() == 0
    with pytest.raises(NotFound):
        await assets.delete(viewer, asset.id, services=services)


async def test_a_storage_that_is_away_delays_only_the_bytes(
    viewer: Viewer, tmp_path: Path, song: Path
) -> None:
    class AwayFiles(FolderFiles):
        is_away = False

        async def delete(self, key: str) -> None:
            if self.is_away:
                raise Unavailable("The storage did not answer")
            await super().delete(key)

    files = AwayFiles(tmp_path / "files")
    services = local_services(tmp_path / "home", files=files)
    asset = await assets.store(viewer, song, "a.wav", services=services)
    files.is_away = True
    await assets.delete(viewer, asset.id, services=services)
    assert await assets.find(viewer, asset.id) is None
    files.is_away = False
    assert (await assets.sweep(services)).stored == 1
    assert not await files.exists(asset.key)


async def test_another_owner_keeps_everything(viewer: Viewer, services: Services, song: Path) -> None:
    stranger = replace(viewer, id=uuid4())
    mine = await assets.store(viewer, song, "a.wav", services=services)
    theirs = await assets.store(stranger, song, "a.wav", services=services)
    with pytest.raises(NotFound):
        await assets.delete(stranger, mine.id, services=services)
    features = assets.features_key(mine.sha256)
    await services.files.put(features, song)
    await assets.delete(viewer, mine.id, services=services)
    assert await services.files.exists(theirs.key)
    assert await services.files.exists(features)
    assert (await assets.get(stranger, theirs.id)).filename == "a.wav"
    await assets.delete(stranger, theirs.id, services=services)
    assert not await services.files.exists(theirs.key)


@pytest.mark.parametrize("state", ["PENDING", "PROCESSING"])
async def test_bytes_wait_for_the_jobs_that_read_them(
    viewer: Viewer, services: Services, song: Path, state: str
) -> None:
    asset = await assets.store(viewer, song, "a.wav", services=services)
    job = await job_reading(asset, state, services=services)
    await assets.delete(viewer, asset.id, services=services)
    assert await assets.find(viewer, asset.id) is None
    assert await services.files.exists(asset.key)
    await assets.sweep(services)
    assert await services.files.exists(asset.key)
    await ended(job)
    assert (await assets.sweep(services)).stored == 1
    assert not await services.files.exists(asset.key)
    assert await Asset.all().count() == 0


async def test_an_ended_job_holds_nothing(viewer: Viewer, services: Services, song: Path) -> None:
    asset = await assets.store(viewer, song, "a.wav", services=services)
    await job_reading(asset, "COMPLETED", services=services)
    await assets.delete(viewer, asset.id, services=services)
    assert not await services.files.exists(asset.key)


async def test_particle_systems_of_the_owner_fall_silent(
    viewer: Viewer, services: Services, nudges: Nudges, song: Path
) -> None:
    asset = await assets.store(viewer, song, "a.wav", services=services)
    mine = await system_playing(viewer.id, asset.id)
    theirs = await system_playing(uuid4(), asset.id)
    silent = await system_playing(viewer.id, uuid4())
    await assets.delete(viewer, asset.id, services=services)
    rows = {row.id: row for row in await ParticleSystem.all()}
    assert rows[mine.id].audio_id is None
    assert rows[mine.id].version == mine.version + 1
    assert rows[mine.id].updated_at > mine.updated_at
    assert rows[theirs.id].audio_id == asset.id
    assert rows[silent.id].audio_id == silent.audio_id
    assert nudges.topics == [f"particles:{mine.id}"]


async def test_giving_a_song_while_it_is_deleted(viewer: Viewer, services: Services, song: Path) -> None:
    """Whoever comes first: no system is left with a song that is gone."""
    made = [await particles.create(viewer, ParticleType.SNOW, services=services) for _ in range(4)]
    for number in range(10):
        asset = await assets.store(viewer, song, f"{number}.wav", services=services)
        told = await asyncio.gather(
            particles.update(viewer, made[0].id, {"audio_id": asset.id}, services=services),
            particles.update(viewer, made[1].id, {"audio_id": asset.id}, services=services),
            assets.delete(viewer, asset.id, services=services),
            particles.update(viewer, made[2].id, {"audio_id": asset.id}, services=services),
            particles.update(viewer, made[3].id, {"audio_id": asset.id}, services=services),
            return_exceptions=True,
        )
        refused = [one for one in told if isinstance(one, BaseException)]
        assert all(isinstance(one, NotFound) for one in refused), refused
        for row in await particles.every(viewer):
            assert row.audio_id is None


async def test_an_input_cannot_be_deleted_before_its_job_is_recorded(
    viewer: Viewer, services: Services, song: Path
) -> None:
    asset = await assets.store(viewer, song, "a.wav", services=services)
    outside = copy_context()  # a task inherits the transaction of its maker
    async with in_transaction():
        await assets.inputs(viewer, [asset.id])
        deleting = asyncio.create_task(assets.delete(viewer, asset.id, services=services), context=outside)
        await asyncio.wait({deleting}, timeout=0.2)
        assert not deleting.done()
        await job_reading(asset, "PENDING", services=services)
    await deleting
    assert await services.files.exists(asset.key)


class SlowFiles(FolderFiles):
    """Stops between the look and the deed, where a race would happen."""

    async def delete(self, key: str) -> None:
        await asyncio.sleep(0.005)
        await super().delete(key)

    async def exists(self, key: str) -> bool:
        found = await super().exists(key)
        await asyncio.sleep(0.005)
        return found


async def test_deleting_the_last_and_uploading_the_same_at_once(viewer: Viewer, tmp_path: Path) -> None:
    services = local_services(tmp_path / "home", files=SlowFiles(tmp_path / "files"))
    song = write_wav(tmp_path / "song", tone(0.02, 8000, 1), 8000)
    asset = await assets.store(viewer, song, "0.wav", services=services)
    for number in range(1, 25):
        _, again = await asyncio.gather(
            assets.delete(viewer, asset.id, services=services),
            assets.store(viewer, song, f"{number}.wav", services=services),
        )
        assert await services.files.exists(again.key), f"round {number} lost the bytes of a live row"
        asset = again


async def _keys(services: Services) -> AsyncIterator[str]:
    for prefix in ("assets", "renders", "features", "thumbnails", "peaks", "frames"):
        async for key, _ in services.files.keys(prefix):
            yield key


async def test_the_sweep_removes_orphans_and_nothing_else(viewer: Viewer, tmp_path: Path) -> None:
    services = local_services(tmp_path / "home")
    folder = tmp_path / "home" / "files"
    content, orphan = "a" * 64, "b" * 64
    kept = assets.upload_key(content)
    row = await record(viewer.id, NewAsset("AUDIO", "a.wav", "audio/wav", 5, content, kept))
    running = await job_reading(row, services=services)
    settled, lost = uuid4(), uuid4()
    film = f"renders/{settled}/1/film.mp4"
    await record(viewer.id, NewAsset("VIDEO", "f.mp4", "video/mp4", 5, "c" * 64, film))
    keep = [
        kept,
        film,
        f"renders/{running.id}/2/film.mp4",
        f"thumbnails/{content}.jpg",
        f"peaks/{content}.json",
        assets.features_key(content),
    ]
    go = [
        assets.upload_key(orphan),
        f"renders/{lost}/1/film.mp4",
        f"renders/{settled}/0/film.mp4",
        f"thumbnails/{orphan}.jpg",
        f"peaks/{orphan}.json",
        f"features/{content}-v0.npz",
        assets.features_key(orphan),
        "frames/old.png",
    ]
    young = [assets.upload_key("d" * 64), f"renders/{uuid4()}/1/film.mp4", "frames/young.png"]
    for each, old in ((keep, True), (go, True), (young, False)):
        for key in each:
            copy = tmp_path / uuid4().hex
            copy.write_bytes(b"bytes")
            await services.files.put(key, copy)
            if old:
                os.utime(folder / key, (0, 0))
    swept = await assets.sweep(services)
    assert {key async for key in _keys(services)} == {*keep, *young}
    assert (swept.stored, swept.derived) == (3, 5)


async def test_the_sweep_removes_abandoned_uploads(tmp_path: Path, viewer: Viewer) -> None:
    services = local_services(tmp_path / "home")
    staged = services.scratch / STAGED_UPLOADS
    staged.mkdir()
    (staged / "old").write_bytes(b"")
    (staged / "fresh").write_bytes(b"")
    (services.scratch / "old.npz").write_bytes(b"")
    (services.scratch / "run").mkdir()
    (services.scratch / "run" / "film.mp4").write_bytes(b"")
    for drawn in ("drawn-old", "drawn-fresh"):
        (services.scratch / drawn).mkdir()
        (services.scratch / drawn / f"{drawn}.png").write_bytes(b"")
    for name in ("uploads/old", "old.npz", "run/film.mp4", "run", "drawn-old"):
        os.utime(services.scratch / name, (0, 0))
    assert (await assets.sweep(services)).staged == 3
    left = {path.name for path in services.scratch.rglob("*") if path.is_file()}
    assert left == {"fresh", "film.mp4", "drawn-fresh.png"}


async def test_two_sweeps_at_once(viewer: Viewer, services: Services, song: Path) -> None:
    made = [await assets.store(viewer, song, f"{n}.wav", services=services) for n in range(3)]
    await Asset.filter(id__in=[row.id for row in made]).update(deleted_at=datetime.now(UTC))
    await asyncio.gather(*(assets.sweep(services) for _ in range(3)))
    assert await Asset.all().count() == 0
    assert not await services.files.exists(made[0].key)
