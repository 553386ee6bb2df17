"""Cancelling, retrying, deleting and listing jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from db import job_moves, job_queue, job_rows, sql
from db.assets import Asset
from db.jobs import Job
from domain import assets, jobs
from domain.accounts import Viewer, local_owner
from domain.assets import NewAsset
from domain.errors import Conflict, InvalidInput, NotFound
from domain.jobs import JobFilter, NewJob, outputs, submit
from domain.pages import Key, Page
from domain.ports import Services
from tests.support.job_world import job_services
from tests.support.queries import counted

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def services(redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def viewer(database: object) -> Viewer:
    return await local_owner()


async def _submit(viewer: Viewer, services: Services, kind: str = "TEST_STEPS", **given: object) -> Job:
    return await submit(viewer, NewJob(kind, {"n": 1}, **given), services=services)  # type: ignore[arg-type]


async def _claimed(viewer: Viewer, services: Services) -> Job:
    await _submit(viewer, services)
    job = await job_moves.claim("w", ["TEST_STEPS"], 30.0)
    assert job is not None
    return job


async def _completed(viewer: Viewer, services: Services) -> Job:
    claimed = await _claimed(viewer, services)
    done = await job_moves.complete(claimed.id, claimed.epoch, result={}, cost_usd=0.0)
    assert done is not None
    return done


async def test_a_waiting_job_is_cancelled_at_once(viewer: Viewer, services: Services) -> None:
    job = await _submit(viewer, services)
    cancelled = await jobs.cancel(viewer, job.id, services=services)
    assert (cancelled.state, cancelled.cancel_requested_at is not None) == ("CANCELLED", True)
    again = await jobs.cancel(viewer, job.id, services=services)
    assert (again.state, again.version) == ("CANCELLED", cancelled.version)


async def test_a_running_job_is_asked_to_stop(viewer: Viewer, services: Services) -> None:
    job = await _claimed(viewer, services)
    async with services.events.subscribe(jobs.cancel_topic(job.id)) as subscription:
        asked = await jobs.cancel(viewer, job.id, services=services)
        assert await subscription.wait(1.0)
    assert (asked.state, asked.cancel_requested_at is not None) == ("PROCESSING", True)
    again = await jobs.cancel(viewer, job.id, services=services)
    assert again.version == asked.version


async def test_an_ended_job_cannot_be_cancelled(viewer: Viewer, services: Services) -> None:
    job = await _completed(viewer, services)
    with pytest.raises(Conflict):
        await jobs.cancel(viewer, job.id, services=services)


async def test_what_is_not_there_is_not_found(viewer: Viewer, services: Services) -> None:
    assert await jobs.find(viewer, uuid4()) is None
    with pytest.raises(NotFound):
        await jobs.get(viewer, uuid4())
    with pytest.raises(NotFound):
        await jobs.cancel(viewer, uuid4(), services=services)
    with pytest.raises(NotFound):
        await jobs.retry(viewer, uuid4(), services=services)
    with pytest.raises(NotFound):
        await jobs.delete(viewer, uuid4(), services=services)


async def test_anothers_job_is_not_there(viewer: Viewer, services: Services) -> None:
    job = await _submit(viewer, services)
    await sql.run("UPDATE jobs SET owner_id = $1", uuid4())
    with pytest.raises(NotFound):
        await jobs.cancel(viewer, job.id, services=services)
    assert (await Job.get(id=job.id)).state == "PENDING"
    assert (await jobs.page(viewer)).total == 0


async def test_a_retry_is_a_new_job(viewer: Viewer, services: Services) -> None:
    job = await _completed(viewer, services)
    again = await jobs.retry(viewer, job.id, from_stage="second", services=services)
    assert (again.state, again.retry_of, again.from_stage) == ("PENDING", job.id, "second")
    assert (again.params, again.subject_id, again.cached) == (job.params, job.subject_id, False)
    assert (await Job.get(id=job.id)).version == job.version
    newest = await jobs.retry(viewer, job.id, services=services)
    assert await jobs.retried_by_for([job.id, again.id]) == {job.id: newest.id}


async def test_a_retry_is_never_answered_from_the_cache(viewer: Viewer, services: Services) -> None:
    await _submit(viewer, services, cache_key="d" * 64)
    claimed = await job_moves.claim("w", ["TEST_STEPS"], 30.0)
    assert claimed is not None
    await job_moves.complete(claimed.id, claimed.epoch, result={}, cost_usd=0.0)
    again = await jobs.retry(viewer, claimed.id, services=services)
    assert (again.state, again.cache_key) == ("PENDING", "d" * 64)


async def test_only_what_ended_is_retried_and_from_a_stage_that_exists(
    viewer: Viewer, services: Services
) -> None:
    waiting = await _submit(viewer, services)
    with pytest.raises(Conflict):
        await jobs.retry(viewer, waiting.id, services=services)
    await jobs.cancel(viewer, waiting.id, services=services)
    with pytest.raises(InvalidInput, match="first, second, third") as raised:
        await jobs.retry(viewer, waiting.id, from_stage="fourth", services=services)
    assert raised.value.field == "fromStage"


async def test_a_retry_needs_its_inputs(viewer: Viewer, services: Services) -> None:
    job = await _completed(viewer, services)
    await sql.run("INSERT INTO job_inputs (job_id, asset_id) VALUES ($1, $2)", job.id, uuid4())
    with pytest.raises(Conflict):
        await jobs.retry(viewer, job.id, services=services)


async def test_deleting_leaves_nothing_but_the_assets(
    viewer: Viewer, services: Services, tmp_path: Path
) -> None:
    job = await _completed(viewer, services)
    film = tmp_path / "film.mp4"
    film.write_bytes(b"a film")
    await services.files.put("renders/x/1/0.mp4", film)
    made = NewAsset("VIDEO", "film.mp4", "video/mp4", 6, "b" * 64, "renders/x/1/0.mp4")
    await outputs.keep(job.id, viewer.id, [("video", made)])
    await jobs.delete(viewer, job.id, services=services)
    for table in ("jobs", "job_events", "job_attempts", "job_inputs", "job_outputs"):
        assert await sql.rows(f"SELECT 1 FROM {table}") == [], table
    assert len(await sql.rows("SELECT 1 FROM assets WHERE deleted_at IS NULL")) == 1
    assert await services.files.exists("renders/x/1/0.mp4")


async def test_deleting_with_outputs_takes_the_files_too(
    viewer: Viewer, services: Services, tmp_path: Path
) -> None:
    job = await _completed(viewer, services)
    film = tmp_path / "film.mp4"
    film.write_bytes(b"a film")
    await services.files.put("renders/x/1/0.mp4", film)
    made = NewAsset("VIDEO", "film.mp4", "video/mp4", 6, "b" * 64, "renders/x/1/0.mp4")
    await outputs.keep(job.id, viewer.id, [("video", made)])
    await jobs.delete(viewer, job.id, services=services, with_outputs=True)
    assert not await services.files.exists("renders/x/1/0.mp4")


async def test_an_output_that_is_deleted_at_the_same_time_is_no_error(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await _completed(viewer, services)
    made = NewAsset("VIDEO", "film.mp4", "video/mp4", 6, "b" * 64, "renders/x/1/0.mp4")
    await outputs.keep(job.id, viewer.id, [("video", made)])
    delete_ended = job_rows.delete_ended

    async def between(job_id: UUID, owner_id: UUID) -> bool:
        await assets.delete(viewer, (await Asset.all().first()).id, services=services)  # type: ignore[union-attr]
        return await delete_ended(job_id, owner_id)

    monkeypatch.setattr(job_rows, "delete_ended", between)
    await jobs.delete(viewer, job.id, services=services, with_outputs=True)
    assert await Job.all().count() == 0


async def test_a_deleted_job_is_not_written_to_redis_again(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(jobs.KINDS, "TEST_STEPS", replace(jobs.KINDS["TEST_STEPS"], documented_in_redis=True))
    job = await _completed(viewer, services)
    told: list[str] = []

    async def publish(job: Job, *, stage: str | None, change: str) -> None:
        told.append(str(job.id))

    monkeypatch.setattr(services.events, "publish_job", publish)
    async with services.events.subscribe(jobs.topic(job.id)) as watcher:
        await jobs.delete(viewer, job.id, services=services)
        assert await watcher.wait(1.0)
    assert told == []


async def test_a_living_job_is_not_deleted(viewer: Viewer, services: Services) -> None:
    for job in (await _claimed(viewer, services), await _submit(viewer, services)):
        with pytest.raises(Conflict):
            await jobs.delete(viewer, job.id, services=services)
    assert await Job.all().count() == 2


def _last(page: Page[Job]) -> str:
    return Key(page.rows[-1].created_at, page.rows[-1].id).encode()


async def test_pages_are_stable_while_jobs_come_and_go(viewer: Viewer, services: Services) -> None:
    made = [await _submit(viewer, services) for _ in range(7)]
    first = await jobs.page(viewer, first=3)
    assert [job.id for job in first.rows] == [job.id for job in made[:3:-1]]
    assert (first.has_next, first.has_previous, first.total) == (True, False, 7)
    await _submit(viewer, services)
    await sql.run("DELETE FROM jobs WHERE id = $1", made[4].id)
    second = await jobs.page(viewer, first=3, after=_last(first))
    assert [job.id for job in second.rows] == [made[3].id, made[2].id, made[1].id]
    third = await jobs.page(viewer, first=3, after=_last(second))
    assert ([job.id for job in third.rows], third.has_next) == ([made[0].id], False)


async def test_a_page_is_two_queries(viewer: Viewer, services: Services) -> None:
    for _ in range(5):
        await _submit(viewer, services)
    with counted() as few:
        await jobs.page(viewer, first=1)
    with counted() as many:
        await jobs.page(viewer, first=100)
    assert few.count == many.count == 2


async def test_filters(viewer: Viewer, services: Services) -> None:
    one = await _submit(viewer, services, subject_type="ParticleSystem", subject_id="s1")
    two = await _submit(viewer, services, kind="TEST_NOOP")
    await jobs.cancel(viewer, two.id, services=services)

    async def found(**given: object) -> list[object]:
        return [job.id for job in (await jobs.page(viewer, JobFilter(**given))).rows]  # type: ignore[arg-type]

    assert await found(status=["PENDING"]) == [one.id]
    assert await found(status=["CANCELLED", "FAILED"]) == [two.id]
    assert await found(status=[]) == []
    assert await found(kind=["TEST_NOOP"]) == [two.id]
    assert await found(kind=["TEST_NOOP", "TEST_STEPS"]) == [two.id, one.id]
    assert await found(subject_id="s1") == [one.id]
    assert await found(created_after=two.created_at) == [two.id]
    assert await found(created_before=two.created_at) == [one.id]
    assert await found(created_after=two.created_at + timedelta(hours=1)) == []
    assert await jobs.count(viewer, JobFilter(status=["PENDING"])) == 1


async def test_kinds_of_another_version_are_left_out(viewer: Viewer, services: Services) -> None:
    job = await _submit(viewer, services)
    await sql.run("UPDATE jobs SET kind = 'FROM_THE_FUTURE'")
    assert (await jobs.page(viewer)).rows == []
    assert await jobs.find(viewer, job.id) is None
    assert (await jobs.queue_stats(viewer)).pending == 0


async def test_queue_stats(viewer: Viewer, services: Services) -> None:
    await _submit(viewer, services)
    await _completed(viewer, services)
    await job_queue.sign_in("a", ["TEST_NOOP"], 2)
    await job_queue.sign_in("b", ["TEST_NOOP"], 2)
    await sql.run("UPDATE workers SET seen_at = now() - interval '1 minute' WHERE id = 'b'")
    stats = await jobs.queue_stats(viewer)
    assert (stats.pending, stats.processing, stats.completed, stats.workers) == (1, 0, 1, 1)


async def test_outputs_of_many_jobs_are_two_queries(viewer: Viewer, services: Services) -> None:
    made = [await _submit(viewer, services) for _ in range(3)]
    with counted() as statements:
        found = await jobs.outputs_for([job.id for job in made])
    assert found == {job.id: [] for job in made}
    assert statements.count <= 2
