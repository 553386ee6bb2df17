"""The handler of PARTICLE_RENDER over real songs: the functions of the children, called in a thread."""

from __future__ import annotations

import asyncio
import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest

from db import job_moves
from db.assets import Asset
from domain import assets, particles
from domain.accounts import Viewer, local_owner
from domain.jobs import PARTICLE_RENDER
from domain.particles import ParticleType, RenderRequest
from domain.ports import Services
from domain.tallies import SUM
from render.errors import StorageFull
from tests.rest.films import Film
from tests.rest.songs import kick_wav
from tests.support.local_services import local_services
from workers.children import ChildPool
from workers.handlers.particle_render import LISTEN, RENDER, particle_render
from workers.run import Run, Settlement
from workers.tallies import FRAMES, FRAMES_PER_SECOND

pytestmark = pytest.mark.usefixtures("database")
SMALL = {"width": 64, "height": 36, "fps": 10, "particle_count": 20}


@dataclass
class Thread:
    """Stands for both pools: what was asked of which, and what it reported."""

    name: str
    calls: list[str] = field(default_factory=list)
    said: list[str | None] = field(default_factory=list)
    failing: Exception | None = None

    async def run(self, function: str, *args: Any, timeout: float | None, on_progress: Any) -> Any:
        self.calls.append(function)
        if self.failing is not None:
            raise self.failing
        module, _, name = function.partition(":")
        loop = asyncio.get_running_loop()

        def report(percent: float, message: str | None) -> None:
            self.said.append(message)
            loop.call_soon_threadsafe(on_progress, percent, message)

        return await asyncio.to_thread(getattr(importlib.import_module(module), name), *args, report=report)


@dataclass
class Worker:
    """Claims the one job that is due and lets the handler have it."""

    services: Services
    folder: Path
    render: Thread = field(default_factory=lambda: Thread("render"))
    features: Thread = field(default_factory=lambda: Thread("features"))

    async def work(self) -> tuple[Run, Settlement]:
        job = await job_moves.claim("here", ["PARTICLE_RENDER"], 30.0)
        assert job is not None
        scratch = self.folder / str(job.epoch) / str(job.id)
        scratch.mkdir(parents=True)
        pools = cast(dict[str, ChildPool], {"render": self.render, "features": self.features})
        run = Run(job, PARTICLE_RENDER, self.services, pools, scratch)
        return run, await particle_render(run)


@pytest.fixture
async def viewer(database: None) -> Viewer:
    return await local_owner()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return local_services(tmp_path)


@pytest.fixture
def worker(services: Services, tmp_path: Path) -> Worker:
    return Worker(services, tmp_path / "runs")


async def stored_song(viewer: Viewer, services: Services, seconds: float = 1.0, **shape: Any) -> Asset:
    path = services.scratch / uuid4().hex
    path.write_bytes(kick_wav(seconds, **shape))
    return await assets.store(viewer, path, "song.wav", services=services)


async def asked(
    viewer: Viewer, services: Services, kind: ParticleType, song: Asset | None, **config: Any
) -> particles.ParticleSystem:
    audio_id = None if song is None else song.id
    system = await particles.create(viewer, kind, config=SMALL | config, audio_id=audio_id, services=services)
    await particles.render(viewer, system.id, RenderRequest(filename="mine.mp4"), services=services)
    return system


async def test_a_film_with_its_facts(viewer: Viewer, services: Services, worker: Worker) -> None:
    await asked(viewer, services, ParticleType.ENHANCED, await stored_song(viewer, services))
    run, settlement = await worker.work()
    (output,) = settlement.outputs
    film = Film.of(output.path.read_bytes())
    assert (film.width, film.height, film.frames, film.has_sound) == (64, 36, 10, True)
    assert (output.role, output.filename, output.content_type) == ("video", "mine.mp4", "video/mp4")
    assert (output.kind, output.width, output.height, output.duration) == ("VIDEO", 64, 36, 1.0)
    assert (output.sample_rate, output.channels) == (48_000, 1)
    result = settlement.result or {}
    assert result["frames"] == 10
    assert result["size"] == output.path.stat().st_size
    assert result["times_real_time"] == pytest.approx(1.0 / result["seconds"], rel=0.25)
    assert result["provider"] == "starling-particles"
    assert [stage["name"] for stage in run.stages] == ["features", "render", "publish"]
    assert run.stages[0]["message"] == "listening to the song"
    assert "frame 10 of 10" in worker.render.said
    counted = services.tallies.totals()
    assert counted[FRAMES.name, run.job.kind] == 10
    pace = counted[FRAMES_PER_SECOND.name, run.job.kind, SUM]
    assert pace == pytest.approx(10 / result["seconds"], rel=0.25)


async def test_a_song_is_listened_to_once_whoever_renders_it(
    viewer: Viewer, services: Services, worker: Worker
) -> None:
    song = await stored_song(viewer, services)
    for seed in (1, 2):
        await asked(viewer, services, ParticleType.SNOW, song, seed=seed)
        await worker.work()
    assert worker.features.calls == [LISTEN]
    assert await services.files.exists(assets.features_key(song.sha256))


@pytest.mark.parametrize("kind", [ParticleType.ZEN, ParticleType.NO_MUSIC])
async def test_a_deaf_type_plays_its_song_and_never_listens(
    viewer: Viewer, services: Services, worker: Worker, kind: ParticleType
) -> None:
    await asked(viewer, services, kind, await stored_song(viewer, services))
    run, settlement = await worker.work()
    assert worker.features.calls == []
    assert run.stages[0]["message"] == "nothing to listen to"
    assert worker.render.calls == [RENDER]
    assert Film.of(settlement.outputs[0].path.read_bytes()).has_sound


async def test_nothing_that_is_deleted_or_changed_meanwhile_matters(
    viewer: Viewer, services: Services, worker: Worker
) -> None:
    song = await stored_song(viewer, services)
    system = await asked(viewer, services, ParticleType.SNOW, song)
    await particles.update(viewer, system.id, {"config": {"fps": 60, "width": 128}}, services=services)
    await assets.delete(viewer, song.id, services=services)
    await particles.delete(viewer, system.id, services=services)
    _, settlement = await worker.work()
    film = Film.of(settlement.outputs[0].path.read_bytes())
    assert (film.width, film.frames, film.has_sound) == (64, 10, True)


@pytest.mark.parametrize("shape", [{"sample_rate_hz": 8_000}, {"sample_rate_hz": 192_000}, {"channels": 6}])
async def test_songs_of_every_shape(
    viewer: Viewer, services: Services, worker: Worker, shape: dict[str, int]
) -> None:
    await asked(viewer, services, ParticleType.BOUNCING, await stored_song(viewer, services, **shape))
    _, settlement = await worker.work()
    film = Film.of(settlement.outputs[0].path.read_bytes())
    assert (film.frames, film.has_sound) == (10, True)


@pytest.mark.parametrize("kind", [ParticleType.ENHANCED, ParticleType.ZEN])
async def test_a_song_of_one_sample_is_a_film_of_one_frame(
    viewer: Viewer, services: Services, worker: Worker, kind: ParticleType
) -> None:
    await asked(viewer, services, kind, await stored_song(viewer, services, 0.0))
    _, settlement = await worker.work()
    film = Film.of(settlement.outputs[0].path.read_bytes())
    assert (film.frames, film.has_sound) == (1, True)


async def test_what_a_child_refuses_ends_the_run(viewer: Viewer, services: Services, worker: Worker) -> None:
    await asked(viewer, services, ParticleType.SNOW, None)
    worker.render.failing = StorageFull("There is no room left on the disk for the film.")
    with pytest.raises(StorageFull):
        await worker.work()
    assert [path for path in worker.folder.rglob("*") if path.is_file()] == []
