"""Analyses: heard once for a content, waited for and no longer, forgotten with the last who has it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest

from db import audio_analyses as rows
from db import job_moves, sql
from db.assets import Asset
from db.audio_analyses import AudioAnalysis
from db.jobs import Job
from domain import assets, audio_analysis, jobs
from domain.accounts import Viewer, local_owner
from domain.errors import Cancelled, InvalidInput, NotFound, StarlingError, TimedOut, UnsupportedMedia
from domain.jobs import AUDIO_ANALYZE
from domain.ports import Services
from render.audio.version import ANALYSIS_VERSION
from tests.support.local_services import local_services
from tests.unit.test_particle_render_handler import Thread, stored_song
from workers.children import ChildPool
from workers.handlers.audio_analyze import ANALYSE, audio_analyze
from workers.run import Run, Settlement

pytestmark = pytest.mark.usefixtures("database")
FACTS: dict[str, Any] = {"duration": 1.0, "bpm": None, "key": None, "beats": [], "energy": []}


@pytest.fixture
async def viewer(database: None) -> Viewer:
    return await local_owner()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return local_services(tmp_path)


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody nudges here, so watchers look again by themselves, and often."""
    monkeypatch.setattr("domain.jobs.updates.REREAD_SECONDS", 0.02)


async def analyze(viewer: Viewer, song: Asset, services: Services, patience: float = 5.0) -> AudioAnalysis:
    return await audio_analysis.analyze(viewer, song.id, services=services, patience=patience)


async def claimed() -> Job:
    async with asyncio.timeout(5.0):
        while (job := await job_moves.claim("here", [AUDIO_ANALYZE.name], 30.0)) is None:
            await asyncio.sleep(0.01)
    return job


async def handled(job: Job, services: Services, folder: Path) -> tuple[Thread, Settlement]:
    features = Thread("features")
    pools = cast(dict[str, ChildPool], {"features": features})
    return features, await audio_analyze(Run(job, AUDIO_ANALYZE, services, pools, folder))


async def settled(job: Job, settlement: Settlement) -> None:
    await job_moves.complete(job.id, job.epoch, result=settlement.result, cost_usd=0.0)
    if settlement.rows is not None:
        await settlement.rows(job)


async def test_it_is_heard_once_for_its_content(viewer: Viewer, services: Services, tmp_path: Path) -> None:
    song = await stored_song(viewer, services, 2.0)
    asking = asyncio.create_task(analyze(viewer, song, services, 60.0))
    job = await claimed()
    assert (job.params["sha256"], job.subject_id, job.priority) == (song.sha256, str(song.id), 2)
    features, settlement = await handled(job, services, tmp_path / "run")
    assert features.calls == [ANALYSE]
    assert settlement.result is not None
    assert settlement.result["provider"] == "starling-analysis"
    assert "beats" not in settlement.result
    await settled(job, settlement)
    found = await asking
    assert found.facts["duration"] == 2.0
    assert (await analyze(viewer, song, services)).facts == found.facts
    assert await Job.filter(kind=AUDIO_ANALYZE.name).count() == 1


async def test_a_worker_that_comes_second_does_not_listen_again(
    viewer: Viewer, services: Services, tmp_path: Path
) -> None:
    song = await stored_song(viewer, services)
    with pytest.raises(TimedOut):
        await analyze(viewer, song, services, 0.05)
    await rows.keep(song.sha256, ANALYSIS_VERSION, FACTS)
    features, settlement = await handled(await claimed(), services, tmp_path / "run")
    assert features.calls == []
    assert settlement.result is not None and settlement.result["duration"] == 1.0


async def test_who_waits_too_long_is_told_the_job_and_the_next_waits_for_the_same(
    viewer: Viewer, services: Services
) -> None:
    song = await stored_song(viewer, services)
    named = []
    for _ in range(3):
        with pytest.raises(TimedOut) as refused:
            await analyze(viewer, song, services, 0.05)
        named.append(refused.value.job_id)
    (job,) = await Job.filter(kind=AUDIO_ANALYZE.name)
    assert named == [str(job.id)] * 3


async def test_of_many_who_ask_first_at_the_same_moment_one_makes_the_job(
    viewer: Viewer, services: Services
) -> None:
    song = await stored_song(viewer, services)
    for failed in range(2):  # and again after one that failed
        asking = [analyze(viewer, song, services, 0.05) for _ in range(8)]
        refused = await asyncio.gather(*asking, return_exceptions=True)
        job = await claimed()
        assert {getattr(error, "job_id", None) for error in refused} == {str(job.id)}
        assert await Job.filter(kind=AUDIO_ANALYZE.name).count() == failed + 1
        await job_moves.fail(job.id, job.epoch, code="INTERNAL", message="", may_retry=False, delay_seconds=0)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("BAD_USER_INPUT", InvalidInput),
        ("UNSUPPORTED_MEDIA", UnsupportedMedia),
        ("INTERNAL", StarlingError),
    ],
)
async def test_why_a_job_failed_is_why_there_is_no_analysis(
    viewer: Viewer, services: Services, code: str, kind: type[StarlingError]
) -> None:
    song = await stored_song(viewer, services)
    asking = asyncio.create_task(analyze(viewer, song, services))
    job = await claimed()
    await job_moves.fail(job.id, job.epoch, code=code, message="It broke.", may_retry=False, delay_seconds=0)
    with pytest.raises(kind) as refused:
        await asking
    assert (refused.value.code, refused.value.message, refused.value.field) == (code, "It broke.", "audio_id")


async def test_a_cancelled_job_has_no_analysis(viewer: Viewer, services: Services) -> None:
    song = await stored_song(viewer, services)
    asking = asyncio.create_task(analyze(viewer, song, services))
    while (job := await Job.get_or_none(kind=AUDIO_ANALYZE.name)) is None:
        await asyncio.sleep(0.01)
    await jobs.cancel(viewer, job.id, services=services)
    with pytest.raises(Cancelled):
        await asking


async def test_a_song_that_is_deleted_meanwhile_is_heard_and_not_given(
    viewer: Viewer, services: Services, tmp_path: Path
) -> None:
    song = await stored_song(viewer, services)
    asking = asyncio.create_task(analyze(viewer, song, services))
    job = await claimed()
    await assets.delete(viewer, song.id, services=services)
    _, settlement = await handled(job, services, tmp_path / "run")
    await settled(job, settlement)
    assert (await asking).facts["duration"] == 1.0
    with pytest.raises(NotFound):
        await analyze(viewer, song, services)


async def test_anothers_song_is_not_found(viewer: Viewer, services: Services) -> None:
    song = await stored_song(viewer, services)
    with pytest.raises(NotFound) as refused:
        await analyze(replace(viewer, id=uuid4()), song, services)
    assert refused.value.field == "audio_id"


async def test_it_goes_with_the_last_who_has_the_content(viewer: Viewer, services: Services) -> None:
    song = await stored_song(viewer, services)
    copy = await assets.record(
        viewer.id,
        assets.NewAsset("AUDIO", "copy.wav", "audio/wav", song.size, song.sha256, song.key, channels=1),
    )
    await rows.keep(song.sha256, ANALYSIS_VERSION, FACTS)
    await assets.delete(viewer, song.id, services=services)
    assert song.sha256 in await audio_analysis.by_contents([song.sha256])
    await assets.delete(viewer, copy.id, services=services)
    assert await audio_analysis.by_contents([song.sha256]) == {}


async def test_the_sweep_removes_what_nobody_has_or_reads(viewer: Viewer, services: Services) -> None:
    song, other = await stored_song(viewer, services), await stored_song(viewer, services, 1.5)
    await rows.keep(song.sha256, ANALYSIS_VERSION, FACTS)
    await rows.keep("a" * 64, ANALYSIS_VERSION, FACTS)
    await rows.keep("b" * 64, ANALYSIS_VERSION + 1, FACTS)
    await sql.rows("UPDATE audio_analyses SET created_at = now() - interval '2 days' RETURNING sha256")
    await rows.keep("c" * 64, ANALYSIS_VERSION, FACTS)
    await rows.keep(other.sha256, ANALYSIS_VERSION + 1, FACTS)
    await assets.sweep(services)
    left = {row.sha256 for row in await AudioAnalysis.all()}
    assert left == {song.sha256, "c" * 64, other.sha256}


async def test_an_older_worker_takes_nothing_back(viewer: Viewer) -> None:
    await rows.keep("d" * 64, 7, FACTS)
    await rows.keep("d" * 64, 6, {**FACTS, "bpm": 1.0})
    assert (await rows.of_contents(["d" * 64], 7))["d" * 64].facts["bpm"] is None
    await rows.keep("d" * 64, 8, {**FACTS, "bpm": 2.0})
    assert await rows.of_contents(["d" * 64], 7) == {}
    assert (await rows.of_contents(["d" * 64], 8))["d" * 64].facts["bpm"] == 2.0
