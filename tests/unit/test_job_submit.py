"""Submitting: once for a key, answered from an earlier result, within the owner's means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from db import job_moves, sql
from db.jobs import Job, JobInput
from domain import assets, jobs
from domain.accounts import Viewer, local_owner
from domain.assets import NewAsset
from domain.errors import Conflict, InvalidInput, NotFound, QuotaExceeded
from domain.jobs import JobOptions, NewJob, Priority, outputs, submit, submit_many
from domain.ports import Limits, Services
from tests.support.job_world import job_services
from tests.support.local_services import Bell, Nudges, local_services

pytestmark = pytest.mark.usefixtures("database")
KEY = "a" * 64


@pytest.fixture
async def services(redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def viewer(database: object) -> Viewer:
    return await local_owner()


def new(key: str | None = None, **given: object) -> NewJob:
    return replace(NewJob("TEST_NOOP", {"n": 1}, options=JobOptions(idempotency_key=key)), **given)  # type: ignore[arg-type]


async def test_watchers_are_told_of_a_job_before_a_worker_is(viewer: Viewer, tmp_path: Path) -> None:
    """The bell may take its time, and the worker that heard it tells of the claim meanwhile."""
    nudges = Nudges()

    class Slow(Bell):
        async def ring(self, job_ids: list[UUID]) -> bool:
            assert {jobs.topic(job_id) for job_id in job_ids} <= set(nudges.topics)
            return await super().ring(job_ids)

    bell = Slow()
    alone = replace(local_services(tmp_path, events=nudges), doorbell=bell)
    job = await submit(viewer, new(), services=alone)
    assert bell.rung == [job.id]


async def test_the_same_key_and_arguments_are_the_same_job(viewer: Viewer, services: Services) -> None:
    first = await submit(viewer, new("once"), services=services)
    again = await submit(viewer, new("once"), services=services)
    assert again.id == first.id
    assert await Job.all().count() == 1


async def test_fifty_submits_at_once_are_one_job(viewer: Viewer, services: Services) -> None:
    made = await asyncio.gather(*(submit(viewer, new("once"), services=services) for _ in range(50)))
    assert len({job.id for job in made}) == 1
    assert await Job.all().count() == 1


@pytest.mark.parametrize(
    "other",
    [
        new("once", params={"n": 2}),
        new("once", kind="TEST_STEPS"),
        new("once", subject_type="ParticleSystem", subject_id="x"),
        new(options=JobOptions(priority=Priority.HIGH, idempotency_key="once")),
    ],
)
async def test_a_key_with_other_arguments_is_a_conflict(
    viewer: Viewer, services: Services, other: NewJob
) -> None:
    await submit(viewer, new("once"), services=services)
    with pytest.raises(Conflict) as raised:
        await submit(viewer, other, services=services)
    assert raised.value.field == "idempotencyKey"
    assert await Job.all().count() == 1


async def test_arguments_stand_for_params_that_hold_more(viewer: Viewer, services: Services) -> None:
    first = await submit(viewer, new("k", params={"config": 1}, arguments={"id": 7}), services=services)
    again = await submit(viewer, new("k", params={"config": 2}, arguments={"id": 7}), services=services)
    assert again.id == first.id


async def test_a_key_is_its_owners(viewer: Viewer, services: Services) -> None:
    other = replace(viewer, id=uuid4())
    first = await submit(viewer, new("once"), services=services)
    second = await submit(other, new("once"), services=services)
    assert first.id != second.id


async def test_a_batch_has_one_key(viewer: Viewer, services: Services) -> None:
    batch = [new("batch", params={"n": n}) for n in range(5)]
    first = await submit_many(viewer, batch, services=services)
    again = await submit_many(viewer, batch, services=services)
    assert [job.id for job in again] == [job.id for job in first]
    assert [job.idempotency_index for job in first] == list(range(5))
    with pytest.raises(Conflict):
        await submit_many(viewer, batch[:3], services=services)
    with pytest.raises(Conflict):
        await submit_many(viewer, batch[::-1], services=services)
    assert await Job.all().count() == 5


async def test_batches_that_race_are_one(viewer: Viewer, services: Services) -> None:
    batch = [new("batch", params={"n": n}) for n in range(4)]
    made = await asyncio.gather(*(submit_many(viewer, batch, services=services) for _ in range(10)))
    assert len({tuple(job.id for job in jobs) for jobs in made}) == 1
    assert await Job.all().count() == 4


async def test_a_batch_is_all_or_none(viewer: Viewer, services: Services) -> None:
    with pytest.raises(NotFound):
        await submit_many(viewer, [new(), new(inputs=[uuid4()])], services=services)
    assert await Job.all().count() == 0
    assert await sql.rows("SELECT 1 FROM job_events") == []


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (JobOptions(idempotency_key=""), "idempotencyKey"),
        (JobOptions(idempotency_key="k" * 256), "idempotencyKey"),
        (JobOptions(idempotency_key="a\0b"), "idempotencyKey"),
        (JobOptions(callback_url="ftp://example.org/"), "callbackUrl"),
        (JobOptions(callback_url="http://"), "callbackUrl"),
        (JobOptions(callback_url="http://[::1"), "callbackUrl"),
        (JobOptions(callback_url="https://example.org/" + "a" * 2_000), "callbackUrl"),
        (JobOptions(callback_url="https://example.org/told"), "callbackUrl"),  # no secret is set
    ],
)
async def test_options_are_judged(
    viewer: Viewer, services: Services, options: JobOptions, field: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        await submit(viewer, new(options=options), services=services)
    assert raised.value.field == field
    assert await Job.all().count() == 0


async def test_a_kind_must_be_registered(viewer: Viewer, services: Services) -> None:
    with pytest.raises(InvalidInput) as raised:
        await submit(viewer, new(kind="PLAN_REVERT"), services=services)
    assert raised.value.field == "kind"


async def test_an_owner_may_have_so_many_jobs_waiting(viewer: Viewer, redis_url: str, tmp_path: Path) -> None:
    limits = Limits(max_pending_jobs_per_owner=3)
    async with job_services(redis_url, tmp_path, limits) as services:
        await submit_many(viewer, [new(), new()], services=services)
        with pytest.raises(QuotaExceeded):
            await submit_many(viewer, [new(), new()], services=services)
        await submit(viewer, new(), services=services)
        with pytest.raises(QuotaExceeded):
            await submit(viewer, new(), services=services)
        claimed = await job_moves.claim("w", ["TEST_NOOP"], 30.0)
        await submit(viewer, new(), services=services)
        assert claimed is not None
        ended = await job_moves.complete(claimed.id, claimed.epoch, result={}, cost_usd=0.0)
        assert ended is not None
        with pytest.raises(QuotaExceeded):
            await jobs.retry(viewer, ended.id, services=services)
        assert await Job.filter(retry_of=ended.id).count() == 0


async def _completed(viewer: Viewer, services: Services, tmp_path: Path, cache_key: str = KEY) -> Job:
    """A job that has made one film."""
    job = await submit(viewer, new(cache_key=cache_key), services=services)
    claimed = await job_moves.claim("w", ["TEST_NOOP"], 30.0)
    assert claimed is not None
    film = tmp_path / "film.mp4"
    film.write_bytes(b"a film")
    key = f"renders/{job.id}/1/0.mp4"
    await services.files.put(key, film)
    done = await job_moves.complete(job.id, claimed.epoch, result={"frames": 3}, cost_usd=0.0)
    assert done is not None
    made = NewAsset("VIDEO", "film.mp4", "video/mp4", 6, "b" * 64, key, duration=1.5, width=64, height=36)
    await outputs.keep(job.id, viewer.id, [("video", made)])
    return done


async def test_an_identical_job_is_answered_at_once(
    viewer: Viewer, services: Services, tmp_path: Path
) -> None:
    first = await _completed(viewer, services, tmp_path)
    again = await submit(viewer, new(cache_key=KEY), services=services)
    assert (again.state, again.cached, again.progress) == ("COMPLETED", True, 100.0)
    assert again.id != first.id
    assert again.result == {"frames": 3}
    assert again.attempt == 0
    assert {stage["status"] for stage in again.stages} == {"COMPLETED"}
    made = await jobs.outputs_for([first.id, again.id])
    (one,), (two,) = made[first.id], made[again.id]
    assert (one.role, two.role) == ("video", "video")
    assert one.asset.id != two.asset.id
    assert one.asset.key == two.asset.key
    assert two.asset.filename == "film-2.mp4"
    assert (two.asset.duration, two.asset.width, two.asset.sha256) == (1.5, 64, "b" * 64)


async def test_another_owner_is_answered_with_assets_of_their_own(
    viewer: Viewer, services: Services, tmp_path: Path
) -> None:
    first = await _completed(viewer, services, tmp_path)
    other = replace(viewer, id=uuid4())
    again = await submit(other, new(cache_key=KEY), services=services)
    (output,) = (await jobs.outputs_for([again.id]))[again.id]
    assert (again.cached, output.asset.owner_id) == (True, other.id)
    (mine,) = (await jobs.outputs_for([first.id]))[first.id]
    await assets.delete(viewer, mine.asset.id, services=services)
    assert await services.files.exists(output.asset.key)


async def test_a_file_that_is_gone_answers_nothing(
    viewer: Viewer, services: Services, tmp_path: Path
) -> None:
    first = await _completed(viewer, services, tmp_path)
    await services.files.delete(f"renders/{first.id}/1/0.mp4")
    again = await submit(viewer, new(cache_key=KEY), services=services)
    assert (again.state, again.cached) == ("PENDING", False)


async def test_a_deleted_asset_answers_nothing(viewer: Viewer, services: Services, tmp_path: Path) -> None:
    first = await _completed(viewer, services, tmp_path)
    (output,) = (await jobs.outputs_for([first.id]))[first.id]
    await assets.delete(viewer, output.asset.id, services=services)
    again = await submit(viewer, new(cache_key=KEY), services=services)
    assert (again.state, again.cached) == ("PENDING", False)


async def test_what_was_not_completed_answers_nothing(viewer: Viewer, services: Services) -> None:
    job = await submit(viewer, new(cache_key=KEY), services=services)
    await jobs.cancel(viewer, job.id, services=services)
    again = await submit(viewer, new(cache_key=KEY), services=services)
    assert again.state == "PENDING"


async def test_the_key_wins_over_the_cache(viewer: Viewer, services: Services, tmp_path: Path) -> None:
    waiting = await submit(viewer, new("once", cache_key="c" * 64), services=services)
    await sql.run("UPDATE jobs SET run_at = now() + interval '1 hour'")
    await _completed(viewer, services, tmp_path, cache_key="c" * 64)
    again = await submit(viewer, new("once", cache_key="c" * 64), services=services)
    assert (again.id, again.state) == (waiting.id, "PENDING")


async def test_inputs_are_held_by_the_job(viewer: Viewer, services: Services, tmp_path: Path) -> None:
    first = await _completed(viewer, services, tmp_path)
    (output,) = (await jobs.outputs_for([first.id]))[first.id]
    job = await submit(viewer, new(inputs=[output.asset.id, output.asset.id]), services=services)
    assert [row.asset_id for row in await JobInput.filter(job_id=job.id)] == [output.asset.id]
    await assets.delete(viewer, output.asset.id, services=services)
    assert await services.files.exists(output.asset.key)


async def test_a_submit_is_in_the_log(viewer: Viewer, services: Services) -> None:
    job = await submit(viewer, new(), services=services)
    (event,) = await sql.rows("SELECT * FROM job_events")
    assert (event["job_id"], event["version"], event["state"], event["stage"]) == (
        job.id,
        1,
        "PENDING",
        None,
    )
