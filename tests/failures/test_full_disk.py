"""P15: a full disk is a clear state that passes, whatever it was that did not fit: small tmpfs, the product's
own processes, uploads and films.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from app.engines import Engines
from db.connection import open_database
from db.jobs import Job
from domain.assets.removal import STAGED_UPLOADS
from tests.rest.songs import kick_wav
from tests.support import invariants
from tests.support.clones import Clones
from tests.support.effects import Effects
from tests.support.figures import Figures
from tests.support.full_disk import filled, small_disk, without_names
from tests.support.graphql_http import Api, api, data_of
from tests.support.job_workers import worker_processes
from tests.support.job_world import ended, job_services, submitted, until
from tests.support.left_over import files_below, still_there
from tests.support.server import address, environment, starling, stop

pytestmark = [
    pytest.mark.promise("P15"),
    pytest.mark.slow,
    pytest.mark.timeout(300),  # the first start on a machine compiles kernels
]

NO_ROOM = "There is no room left to store the result"
CREATE = """mutation ($audio: ID, $seed: Int!) { createParticleSystem(input: {particleType: ENHANCED,
  audioId: $audio, config: {width: 640, height: 360, fps: 30, duration: 2, seed: $seed, particleCount: 400}})
  { id } }"""
RENDER = """mutation ($id: ID!) { renderParticleSystem(id: $id, input: {quality: HIGH}) { id status } }"""
RETRY = "mutation ($id: ID!) { retryJob(id: $id) { id } }"
JOB = "query ($id: ID!) { job(id: $id) { status attempts error { code message } video { size url } } }"


@dataclass(frozen=True)
class Crowded:
    """An API process and a worker of which one disk is small: `home` and `files` say what lies on it."""

    disk: Path
    home: Path
    files: Path
    base_url: str
    database_url: str
    log: Path

    def left_over(self, part: str = "") -> list[str]:
        """What an upload or a run has left, and what is to be seen of films, if `part` is in their path."""
        folders = (self.home / "scratch", self.files / ".staging", self.files / "renders")
        return [str(path) for folder in folders for path in files_below(folder) if part in str(path)]


@pytest.fixture(scope="module", params=["all"])
def crowded(
    request: pytest.FixtureRequest,
    engines: Engines,
    clones: Clones,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Crowded]:
    """On the small disk lie "all" of the home, or the stored "files" alone."""
    place = tmp_path_factory.mktemp("crowded")
    with ExitStack() as stack:
        url = stack.enter_context(clones.one())
        disk = stack.enter_context(small_disk(place / "disk", 24 * 1024, names=400))
        home, files, settings = disk / "home", disk / "home" / "files", {}
        if request.param == "files":
            home, files = place / "home", disk / "files"
            settings["STORAGE_URL"] = f"file://{files}"
        home.mkdir()
        redis_url = f"{engines.addresses.redis_url}?db=2"
        given = environment(home, DATABASE_URL=url, REDIS_URL=redis_url, **settings)
        serving = starling(["api", "--port", "0"], given, place / "api.log")
        stack.callback(stop, serving)
        stack.callback(stop, starling(["worker"], given, place / "worker.log"))
        yield Crowded(disk, home, files, address(serving, place / "api.log"), url, place / "api.log")


@pytest.fixture
async def graphql(crowded: Crowded) -> AsyncIterator[Api]:
    """The API once its worker takes part; the test is connected to the same database, and holds the rules
    afterwards."""
    async with open_database(crowded.database_url), api(crowded.base_url) as client:
        async with asyncio.timeout(240):
            while (await client.client.get("/ready")).status_code != 200:
                await asyncio.sleep(0.1)
        yield client
        await invariants.check(crowded.files)


async def a_system(graphql: Api, seed: int, audio: str | None = None) -> str:
    made = await graphql.run(CREATE, audio=audio, seed=seed)
    return str(made["createParticleSystem"]["id"])


async def a_film(graphql: Api, system_id: str) -> UUID:
    return UUID((await graphql.run(RENDER, id=system_id))["renderParticleSystem"]["id"])


async def waiting(job_id: UUID) -> Job:
    """The job once its first attempt has failed."""
    return await until(job_id, lambda job: job.state == "PENDING" and job.attempt == 1, 60.0)


async def runs_on(graphql: Api, job_id: UUID, figures: Figures, what: str) -> None:
    """Now there is room: the next attempt makes the film, and it is whole."""
    began = time.monotonic()
    await until(job_id, lambda job: job.state != "PENDING", 60.0)
    figures.within("P15", f"{what}: tried again after room was made", time.monotonic() - began, 5.0)
    done = await ended(job_id, 60.0)
    assert (done.state, done.attempt, done.crashes) == ("COMPLETED", 2, 0), done.error
    video = (await graphql.run(JOB, id=str(job_id)))["job"]["video"]
    film = (await graphql.client.get(video["url"])).content
    assert len(film) == video["size"]


@pytest.mark.parametrize("lacking", ["room", "names"])
async def test_an_upload_that_does_not_fit_is_refused_and_leaves_nothing(
    crowded: Crowded, graphql: Api, lacking: str
) -> None:
    song = kick_wav(30.0)
    assert len(song) > 1024 * 1024
    shutil.rmtree(crowded.home / "scratch" / STAGED_UPLOADS, ignore_errors=True)  # as before the first upload
    disk = filled(crowded.disk, left_kilobytes=512) if lacking == "room" else without_names(crowded.disk)
    with disk:
        answer = await graphql.upload(f"{lacking}.wav", song)
        assert answer.status_code == 507, crowded.log.read_text()[-8_000:]
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] == "STORAGE_FULL"
        assert error["message"] == "The disk of the server is full"
        posted = await graphql.client.post("/assets", files={"file": (f"{lacking}.wav", song, "audio/wav")})
        assert (posted.status_code, posted.json()["detail"]) == (507, "The disk of the server is full")
        assert crowded.left_over() == []
        if lacking == "room":
            assert data_of(await graphql.upload("short.wav", kick_wav(1.0)))["uploadAsset"]["id"]
    assert (
        data_of(await graphql.upload(f"{lacking}.wav", song))["uploadAsset"]["filename"] == f"{lacking}.wav"
    )


async def test_a_film_waits_for_room_wherever_it_ran_out(
    crowded: Crowded, graphql: Api, figures: Figures
) -> None:
    """In the middle of encoding, of listening, and for lack of one more file."""
    song = data_of(await graphql.upload("kick.wav", kick_wav(2.0)))["uploadAsset"]["id"]
    cases = {
        "in mid-encode": (await a_system(graphql, 1), filled(crowded.disk, left_kilobytes=128), 5.0),
        "while listening": (await a_system(graphql, 2, song), filled(crowded.disk), 0.0),
        "no more files": (await a_system(graphql, 3), without_names(crowded.disk), 0.0),
    }
    for what, (system_id, full, least_progress) in cases.items():
        with full:
            job_id = await a_film(graphql, system_id)
            job = await waiting(job_id)
            assert job.message == f"Runs again: {NO_ROOM}", what
            assert job.progress >= least_progress, what
            assert await still_there(partial(crowded.left_over, str(job_id))) == [], what
        await runs_on(graphql, job_id, figures, what)


async def test_a_film_that_never_finds_room_fails_with_a_sentence_and_can_be_retried(
    crowded: Crowded, graphql: Api
) -> None:
    system_id = await a_system(graphql, 4)
    with filled(crowded.disk, left_kilobytes=64):
        job_id = await a_film(graphql, system_id)
        await ended(job_id, 90.0)
        job = (await graphql.run(JOB, id=str(job_id)))["job"]
        assert (job["status"], job["attempts"]) == ("FAILED", 3)
        assert job["error"] == {"code": "STORAGE_FULL", "message": NO_ROOM}
        assert await still_there(partial(crowded.left_over, str(job_id))) == []
    again = UUID((await graphql.run(RETRY, id=str(job_id)))["retryJob"]["id"])
    assert (await ended(again, 60.0)).state == "COMPLETED"


@pytest.mark.parametrize("crowded", ["files"], indirect=True)
async def test_a_film_whose_storage_is_full_is_not_to_be_seen_until_it_is_whole(
    crowded: Crowded, graphql: Api, figures: Figures
) -> None:
    """The scratch space has room, the folder of the stored files has not: the copy stops in the middle."""
    system_id = await a_system(graphql, 5)
    with filled(crowded.disk, left_kilobytes=64):
        job_id = await a_film(graphql, system_id)
        job = await waiting(job_id)
        assert job.message == f"Runs again: {NO_ROOM}"
        assert job.progress > 90.0, "it was drawn whole"
        assert await still_there(crowded.left_over) == []
    await runs_on(graphql, job_id, figures, "in mid-copy")


async def test_a_redis_without_memory_delays_jobs_by_a_sweep(
    own_engines: Engines, tmp_path: Path, effects: Effects, figures: Figures
) -> None:
    """Every bell and every nudge is refused; no submit fails, and the sweep finds the jobs."""
    url, redis_url = own_engines.addresses.database_url, own_engines.addresses.redis_url
    async with (
        worker_processes(url, redis_url, tmp_path / "home") as workers,
        job_services(redis_url, tmp_path / "home") as services,
    ):
        await workers.start(slots=2)
        await _configure(redis_url, maxmemory="1")
        assert not await services.doorbell.ring([uuid4()]), "it still takes bells"
        jobs = [await submitted(services, "TEST_NOOP", effects=str(effects.path)) for _ in range(20)]
        done = [await ended(job.id) for job in jobs]
        waits = [(job.started_at - job.created_at).total_seconds() for job in done if job.started_at]
        figures.within("P15", "a job starts though Redis has no memory, worst", max(waits), 3.0)
        assert sorted(effects.jobs("ran")) == sorted(str(job.id) for job in jobs)
        await _configure(redis_url, maxmemory="0")
        await asyncio.sleep(2.5)  # whoever was refused asks again
        job = await submitted(services, "TEST_NOOP", effects=str(effects.path))
        await ended(job.id)
        await invariants.check(tmp_path / "home" / "files")


async def _configure(redis_url: str, **settings: str) -> None:
    async with Redis.from_url(redis_url) as client:
        for name, value in settings.items():
            await client.config_set(name, value)
