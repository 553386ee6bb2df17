"""A render request becomes a job that holds all it needs; equal films have equal cache keys, no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain import jobs, particles
from domain.accounts import Viewer, local_owner
from domain.errors import Conflict, InvalidInput, NotFound
from domain.jobs import JobOptions, NewJob
from domain.particles import ParticleType, Quality, RenderRequest
from domain.ports import Services
from tests.support.job_kinds import NOOP
from tests.support.local_services import local_services
from tests.unit.test_particle_systems import song

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def viewer(database: None) -> Viewer:
    return await local_owner()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return local_services(tmp_path)


async def test_the_job_holds_the_whole_config_and_the_song(viewer: Viewer, services: Services) -> None:
    audio = await song(viewer)
    system = await particles.create(viewer, ParticleType.SNOW, audio_id=audio.id, services=services)
    request = RenderRequest(filename="x/mine", quality=Quality.HIGH, start_time=0.5, end_time=3.0)
    job = await particles.render(viewer, system.id, request, services=services)
    assert job.kind == "PARTICLE_RENDER"
    assert (job.subject_type, job.subject_id) == (particles.SUBJECT, str(system.id))
    assert job.params == {
        "system_id": str(system.id),
        "particle_type": "SNOW",
        "config": system.config,
        "audio_id": str(audio.id),
        "quality": "HIGH",
        "start_time": 0.5,
        "end_time": None,  # the song ends there
        "filename": "mine.mp4",
    }


async def test_only_what_is_seen_or_heard_makes_another_film(viewer: Viewer, services: Services) -> None:
    async def key(kind: ParticleType = ParticleType.SNOW, request: Any = None, **config: object) -> str:
        system = await particles.create(viewer, kind, config=config, services=services)
        job = await particles.render(viewer, system.id, request, services=services)
        assert job.cache_key is not None
        return job.cache_key

    audio = await song(viewer)
    same = [
        await key(),
        await key(request=RenderRequest(filename="other.mp4")),
        await key(request=RenderRequest(start_time=0.0, end_time=10.0)),
        await key(fps=30.0),
    ]
    assert len(set(same)) == 1
    others = [
        await key(ParticleType.ZEN),
        await key(seed=2),
        await key(duration=9.0),
        await key(request=RenderRequest(quality=Quality.DRAFT)),
        await key(request=RenderRequest(end_time=9.0)),
        await key(request=RenderRequest(audio_id=audio.id)),
    ]
    assert len({*same, *others}) == 1 + len(others)


async def test_a_key_stands_for_what_the_client_said(viewer: Viewer, services: Services) -> None:
    system = await particles.create(viewer, ParticleType.SNOW, services=services)
    options = JobOptions(idempotency_key="once")
    first = await particles.render(viewer, system.id, RenderRequest(), options, services=services)
    await particles.update(viewer, system.id, {"config": {"seed": 5}}, services=services)
    again = await particles.render(viewer, system.id, RenderRequest(), options, services=services)
    assert again.id == first.id
    with pytest.raises(Conflict):
        other = RenderRequest(quality=Quality.DRAFT)
        await particles.render(viewer, system.id, other, options, services=services)


async def test_times_outside_the_film_are_refused_and_nothing_is_queued(
    viewer: Viewer, services: Services
) -> None:
    system = await particles.create(viewer, ParticleType.SNOW, config={"duration": 2}, services=services)
    with pytest.raises(InvalidInput, match="end_time must be 0 to 2 s, got 3"):
        await particles.render(viewer, system.id, RenderRequest(end_time=3.0), services=services)
    assert (await particles.metrics(viewer)).queued_jobs == 0


async def test_a_job_of_another_kind_is_no_render(viewer: Viewer, services: Services) -> None:
    other = await jobs.submit(viewer, NewJob(NOOP.name, {}), services=services)
    with pytest.raises(NotFound):
        await particles.find_render(viewer, other.id)
    with pytest.raises(NotFound):
        await particles.delete_render(viewer, other.id, services=services)
    assert (await jobs.get(viewer, other.id)).state == "PENDING"
    assert (await particles.metrics(viewer)).queued_jobs == 0


async def test_a_waiting_render_is_cancelled_before_it_is_deleted(viewer: Viewer, services: Services) -> None:
    system = await particles.create(viewer, ParticleType.SNOW, services=services)
    waiting = [
        await particles.render(viewer, system.id, RenderRequest(end_time=end), services=services)
        for end in (1.0, 2.0, 3.0)
    ]
    await particles.delete_render(viewer, waiting[0].id, services=services)
    assert await jobs.find(viewer, waiting[0].id) is None
    await particles.stop_renders(viewer, system.id, services=services)
    assert [(await jobs.get(viewer, job.id)).state for job in waiting[1:]] == ["CANCELLED"] * 2
    figures = await particles.metrics(viewer)
    assert (figures.cancelled_jobs, figures.failed_jobs, figures.error_rate) == (2, 0, 0.0)


async def test_metrics_of_nothing(viewer: Viewer) -> None:
    found = await particles.metrics(viewer)
    assert (found.active_systems, found.completed_jobs, found.failed_jobs) == (0, 0, 0)
    assert (found.average_render_seconds, found.error_rate, found.storage_bytes) == (None, 0.0, 0)
