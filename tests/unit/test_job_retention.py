"""Retention: what goes, what stays and why, and that nobody can take up what goes in the same moment."""

from __future__ import annotations

import asyncio
import random
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tortoise.context import TortoiseContext

from app.storage import FolderFiles
from db import asset_uses, job_rows, retention, sql
from db.asset_uses import Use
from db.assets import Asset
from db.jobs import Job, JobEvent, JobInput, JobOutput
from domain import assets, jobs, particles
from domain.accounts import Viewer, local_owner
from domain.errors import Conflict, InvalidInput, NotFound, StarlingError, Unavailable
from domain.jobs import JobFilter, NewJob, Pruned
from domain.ports import Services
from render.particles.config import ParticleType
from tests.support.local_services import local_services
from tests.support.rows import a_job, a_system, an_asset, an_output

pytestmark = pytest.mark.usefixtures("database")
OLD: dict[str, Any] = {"completed_at": datetime.now(UTC) - timedelta(days=40)}


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return local_services(tmp_path / "home")


@pytest.fixture
async def viewer(database: TortoiseContext) -> Viewer:
    return await local_owner()


async def made_by(job: Job, viewer: Viewer, services: Services, **given: Any) -> Asset:
    """A file of a job, with its bytes."""
    key = f"renders/{job.id}/1/0.mp4"
    staged = services.scratch / uuid4().hex
    staged.write_bytes(b"film")
    await services.files.put(key, staged)
    return await an_output(job, viewer, **{"key": key, "size": 4, **given})


async def is_there(asset: Asset, services: Services) -> bool:
    row = await Asset.get_or_none(id=asset.id, deleted_at__isnull=True)
    return row is not None and await services.files.exists(asset.key)


async def test_an_old_job_goes_with_all_that_is_about_it(viewer: Viewer, services: Services) -> None:
    old, young = await a_job(viewer, **OLD), await a_job(viewer, completed_at=datetime.now(UTC))
    film, kept = await made_by(old, viewer, services), await made_by(young, viewer, services)
    removed = await jobs.prune(30, services=services)
    assert removed == Pruned(jobs=1, files=1, bytes=4)
    assert [job.id for job in await Job.all()] == [young.id]
    assert await Asset.all().values_list("id", flat=True) == [kept.id]
    assert await JobOutput.all().values_list("job_id", flat=True) == [young.id]
    assert not await services.files.exists(film.key)
    assert await is_there(kept, services)


async def test_an_upload_never_goes_by_age(viewer: Viewer, services: Services) -> None:
    """Nor does one that a job has read, nor one that a job gives back as its own result."""
    old = await a_job(viewer, **OLD)
    song = await an_asset(viewer, created_at=OLD["completed_at"])
    await JobInput.create(job_id=old.id, asset_id=song.id)
    await JobOutput.create(job_id=old.id, asset_id=song.id, role="audio")
    assert await jobs.prune(1, services=services) == Pruned(jobs=1)
    assert await Asset.filter(deleted_at__isnull=True).values_list("id", flat=True) == [song.id]


async def test_a_file_whose_job_was_deleted_by_hand_is_its_owners(viewer: Viewer, services: Services) -> None:
    old = await a_job(viewer, **OLD)
    film = await made_by(old, viewer, services)
    await jobs.delete(viewer, old.id, services=services)
    assert await jobs.prune(1, services=services) == Pruned()
    assert await is_there(film, services)


async def test_a_job_stays_while_its_file_is_used_and_goes_afterwards(
    viewer: Viewer, services: Services
) -> None:
    old = await a_job(viewer, **OLD)
    film = await made_by(old, viewer, services)
    system = await a_system(viewer, audio_id=film.id)
    assert await jobs.prune(30, services=services) == Pruned(held=1)
    assert await is_there(film, services)
    await particles.delete(viewer, system.id, services=services)
    assert await jobs.prune(30, services=services) == Pruned(jobs=1, files=1, bytes=4)


async def test_whoever_registers_a_use_keeps_the_file(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asset_uses, "USES", dict(asset_uses.USES))
    await sql.run("CREATE TABLE posters (render_id uuid)")
    asset_uses.register(Use("the render of a poster", "SELECT render_id AS asset_id FROM posters"))
    old = await a_job(viewer, **OLD)
    film = await made_by(old, viewer, services)
    await sql.run("INSERT INTO posters VALUES ($1)", film.id)
    assert await jobs.prune(30, services=services) == await jobs.prunable(30) == Pruned(held=1)
    await sql.run("DELETE FROM posters")
    assert await jobs.prunable(30) == Pruned(jobs=1, files=1, bytes=4)
    assert await jobs.prune(30, services=services) == Pruned(jobs=1, files=1, bytes=4)


async def test_a_registered_use_can_outlive_the_deletion_by_the_owner(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asset_uses, "USES", dict(asset_uses.USES))
    await sql.run("CREATE TABLE posters (render_id uuid)")
    use = Use("the render of a poster", "SELECT render_id AS asset_id FROM posters", keeps_deleted=True)
    asset_uses.register(use)
    film = await made_by(await a_job(viewer, **OLD), viewer, services)
    await sql.run("INSERT INTO posters VALUES ($1)", film.id)
    await assets.delete(viewer, film.id, services=services)
    assert await services.files.exists(film.key)
    await sql.run("DELETE FROM posters")
    await assets.sweep(services)
    assert not await services.files.exists(film.key)


async def test_bytes_that_a_kept_answer_shares_stay(viewer: Viewer, services: Services) -> None:
    """A cached job's film is a row of its own over the bytes of the first one."""
    old = await a_job(viewer, cache_key="a" * 64, **OLD)
    film = await made_by(old, viewer, services)
    new = NewJob("PARTICLE_RENDER", {"n": 1}, cache_key="a" * 64)
    cached = await jobs.submit(viewer, new, services=services)
    assert cached.cached
    assert await jobs.prune(30, services=services) == Pruned(jobs=1, files=1, bytes=0)
    ((output,),) = (await jobs.outputs_for([cached.id])).values()
    assert output.asset.key == film.key
    assert await is_there(output.asset, services)
    assert await Asset.all().count() == 1  # the old row is no longer needed to remember the bytes
    await Job.filter(id=cached.id).update(**OLD)
    assert await jobs.prune(30, services=services) == Pruned(jobs=1, events=1, files=1, bytes=4)


async def test_what_a_waiting_job_reads_stays_with_its_maker(viewer: Viewer, services: Services) -> None:
    old = await a_job(viewer, **OLD)
    film = await made_by(old, viewer, services)
    waiting = await jobs.submit(viewer, NewJob("PARTICLE_RENDER", {}, inputs=[film.id]), services=services)
    assert await jobs.prune(30, services=services) == Pruned(held=1)
    await jobs.cancel(viewer, waiting.id, services=services)
    assert await jobs.prune(30, services=services) == Pruned(held=1)  # it could still be retried
    await Job.filter(id=waiting.id).update(**OLD)
    assert (await jobs.prune(30, services=services)).jobs == 2


async def test_a_kept_retry_goes_on_naming_the_job_it_repeats(viewer: Viewer, services: Services) -> None:
    old = await a_job(viewer, **OLD)
    again = await jobs.retry(viewer, old.id, services=services)
    assert (await jobs.prune(30, services=services)).jobs == 1
    assert (await jobs.get(viewer, again.id)).retry_of == old.id
    assert await jobs.find(viewer, old.id) is None


async def test_a_webhook_that_is_not_delivered_keeps_its_job(viewer: Viewer, services: Services) -> None:
    old = await a_job(viewer, **OLD)
    await sql.run(
        "INSERT INTO webhook_deliveries (id, job_id, owner_id, url, host, payload, due_at, created_at)"
        " VALUES ($1, $2, $3, 'http://x', 'x', '{}', now(), now())",
        uuid4(),
        old.id,
        viewer.id,
    )
    assert await jobs.prune(30, services=services) == Pruned() == await jobs.prunable(30)
    await sql.run("UPDATE webhook_deliveries SET state = 'DELIVERED', ended_at = now()")
    assert (await jobs.prune(30, services=services)).jobs == 1
    assert len(await sql.rows("SELECT 1 FROM webhook_deliveries")) == 1


async def test_jobs_of_a_later_version_are_left_alone(viewer: Viewer, services: Services) -> None:
    await a_job(viewer, kind="OF_A_LATER_VERSION", **OLD)
    assert await jobs.prune(1, services=services) == Pruned()


async def test_nothing_goes_from_the_database_of_a_later_version(viewer: Viewer, services: Services) -> None:
    """It may have tables that refer to files, which this version does not ask."""
    await a_job(viewer, **OLD)
    await sql.run(
        "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('starling', '9999_commits', now())"
    )
    with pytest.raises(Conflict, match="9999_commits"):
        await jobs.prune(1, services=services)
    assert await Job.all().count() == 1


@pytest.mark.parametrize("days", [-1, 0, 36_501])
async def test_days_out_of_range_are_refused(services: Services, days: int) -> None:
    with pytest.raises(InvalidInput, match="days must be 1 to 36,500"):
        await jobs.prune(days, services=services)


async def test_a_storage_that_is_away_delays_only_the_bytes(viewer: Viewer, tmp_path: Path) -> None:
    class AwayFiles(FolderFiles):
        is_away = True

        async def delete(self, key: str) -> None:
            if self.is_away:
                raise Unavailable("The storage did not answer")
            await super().delete(key)

    files = AwayFiles(tmp_path / "files")
    services = local_services(tmp_path / "home", files=files)
    film = await made_by(await a_job(viewer, **OLD), viewer, services)
    assert await jobs.prune(30, services=services) == Pruned(jobs=1, files=1, bytes=0)
    files.is_away = False
    assert (await assets.sweep(services)).stored == 1
    assert not await files.exists(film.key)


async def test_it_stops_anywhere_and_goes_on(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "JOBS_A_BATCH", 3)
    for number in range(10):
        await made_by(await a_job(viewer, number, **OLD), viewer, services)
    parts = jobs.pruned_in_parts(30, services=services)
    assert (await anext(parts)).jobs == 3
    await parts.aclose()
    assert (await jobs.prune(30, services=services)).jobs == 7
    assert await Asset.all().count() == 0


async def test_a_batch_has_a_bounded_number_of_events(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "EVENTS_A_BATCH", 100)
    for number in range(4):
        await a_job(viewer, number, version=60, **OLD)
    parts = [part.jobs async for part in jobs.pruned_in_parts(30, services=services)]
    assert parts == [1, 1, 1, 1]


async def test_updates_of_a_job_whose_events_went_begin_with_its_row(
    viewer: Viewer, services: Services
) -> None:
    job = await jobs.submit(viewer, NewJob("PARTICLE_RENDER", {}), services=services)
    first = await anext(jobs.watch(viewer, job.id, services=services))
    await jobs.cancel(viewer, job.id, services=services)
    await JobEvent.filter(job_id=job.id).delete()
    updates = [update async for update in jobs.watch(viewer, job.id, first.cursor, services=services)]
    assert [update.status for update in updates] == ["CANCELLED"]


async def test_updates_of_a_job_that_went_say_that_it_is_gone(viewer: Viewer, services: Services) -> None:
    job = await jobs.submit(viewer, NewJob("PARTICLE_RENDER", {}), services=services)
    first = await anext(jobs.watch(viewer, job.id, services=services))
    await jobs.cancel(viewer, job.id, services=services)
    await Job.filter(id=job.id).update(**OLD)
    await jobs.prune(30, services=services)
    with pytest.raises(NotFound):
        await anext(jobs.watch(viewer, job.id, first.cursor, services=services))


async def test_updates_of_all_jobs_from_before_go_on_with_what_is_left(
    viewer: Viewer, services: Services
) -> None:
    """A cursor from before the removal meets no gap and no removed job: the next change comes."""
    early = await jobs.submit(viewer, NewJob("PARTICLE_RENDER", {"n": 1}), services=services)
    watching = jobs.watch_all(viewer, JobFilter(), services=services)
    cursor = (await anext(watching)).cursor
    await watching.aclose()
    lost = await jobs.submit(viewer, NewJob("PARTICLE_RENDER", {"n": 2}), services=services)
    for job in (early, lost):
        await jobs.cancel(viewer, job.id, services=services)
        await Job.filter(id=job.id).update(**OLD)
    late = await jobs.submit(viewer, NewJob("PARTICLE_RENDER", {"n": 3}), services=services)
    assert (await jobs.prune(30, services=services)).jobs == 2
    again = jobs.watch_all(viewer, JobFilter(), cursor, services=services)
    async with asyncio.timeout(10):
        assert (await anext(again)).job.id == late.id
    await again.aclose()


def together(*works: Any) -> list[asyncio.Task[Any]]:
    """Each in a context of its own, so with a connection of its own."""
    return [asyncio.create_task(work, context=copy_context()) for work in works]


async def test_a_file_that_somebody_holds_just_now_is_left_for_later(
    viewer: Viewer, services: Services
) -> None:
    """Retention does not wait for whoever takes a file up, nor does it take the file from under them."""
    film = await made_by(await a_job(viewer, **OLD), viewer, services)
    held, done = asyncio.Event(), asyncio.Event()

    async def take_up() -> None:
        async with job_rows.IN_TRANSACTION():
            await assets.inputs(viewer, [film.id])
            held.set()
            await done.wait()

    (taking,) = together(take_up())
    await held.wait()
    async with asyncio.timeout(5):
        assert await jobs.prune(30, services=services) == Pruned(held=1)
    done.set()
    await taking
    assert (await jobs.prune(30, services=services)).jobs == 1


async def test_a_job_that_is_just_being_retried_is_left_for_later(viewer: Viewer, services: Services) -> None:
    """Else the retry would find neither the job nor what it has read."""
    old = await a_job(viewer, **OLD)
    held, done = asyncio.Event(), asyncio.Event()

    async def retry() -> None:
        async with job_rows.IN_TRANSACTION():
            assert await job_rows.held_inputs_of(old.id) == []
            held.set()
            await done.wait()

    (retrying,) = together(retry())
    await held.wait()
    async with asyncio.timeout(5):
        assert await jobs.prune(30, services=services) == Pruned()
    done.set()
    await retrying
    assert (await jobs.prune(30, services=services)).jobs == 1


async def test_nothing_that_is_taken_up_in_the_same_moment_dangles(
    viewer: Viewer, services: Services, rng: random.Random
) -> None:
    """Systems, inputs, retries, answers from the cache and two rounds of retention race for sixty files."""
    olds = [await a_job(viewer, n, cache_key=f"{n:064}", **OLD) for n in range(60)]
    films = [
        await made_by(job, viewer, services, channels=2, sha256=job.id.hex * 2, filename=f"{n}.mp4")
        for n, job in enumerate(olds)
    ]
    reading = [await a_job(viewer, n, **OLD) for n in range(60)]
    for job, film in zip(reading, films, strict=True):
        await JobInput.create(job_id=job.id, asset_id=film.id)

    async def attempt(work: Any, number: int) -> None:
        await asyncio.sleep(rng.uniform(0, 0.3))
        try:
            await work(number)
        except StarlingError:
            return  # it came second

    async def play(n: int) -> None:
        await particles.create(viewer, ParticleType.SNOW, audio_id=films[n].id, services=services)

    async def read(n: int) -> None:
        await jobs.submit(viewer, NewJob("PARTICLE_RENDER", {}, inputs=[films[n].id]), services=services)

    async def again(n: int) -> None:
        await jobs.retry(viewer, reading[n].id, services=services)

    async def answer(n: int) -> None:
        new = NewJob("PARTICLE_RENDER", {"n": n}, cache_key=f"{n:064}")
        await jobs.submit(viewer, new, services=services)

    async def prune(_: int) -> None:
        await jobs.prune(30, services=services)

    works = [(rng.choice([play, read, again, answer]), n) for n in range(60)]
    await asyncio.gather(*together(*(attempt(work, n) for work, n in [*works, *[(prune, 0)] * 4])))
    await nothing_dangles(services)
    kept = await Job.filter(retry_of__isnull=False)
    for job in kept:  # a retry has what the job that it repeats has read
        assert len(await JobInput.filter(job_id=job.id)) == 1
    await jobs.prune(30, services=services)
    await nothing_dangles(services)


async def nothing_dangles(services: Services) -> None:
    live = {asset.id: asset for asset in await Asset.filter(deleted_at__isnull=True)}
    for asset in live.values():
        assert await services.files.exists(asset.key)
    for table, column in [("particle_systems", "audio_id"), ("job_inputs", "asset_id")]:
        rows: list[dict[str, UUID]] = await sql.rows(f"SELECT {column} AS id FROM {table}")
        assert {row["id"] for row in rows} <= live.keys(), f"{table} refers to what is gone"
    assert {row.asset_id for row in await JobOutput.all()} <= live.keys()
