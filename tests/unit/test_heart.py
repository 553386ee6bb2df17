"""The heartbeat of one run beside an event loop that must stay free."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db import job_moves
from domain import jobs
from domain.accounts import local_owner
from domain.jobs import KINDS, NewJob
from domain.ports import Services
from tests.support.job_world import job_services
from workers import heart as hearts
from workers.heart import MARGIN_SECONDS, Heart, Verdict
from workers.run import Run

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def services(redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path) as opened:
        yield opened


async def _claimed(services: Services, tmp_path: Path) -> Run:
    await jobs.submit(await local_owner(), NewJob("TEST_STEPS", {"n": 1}), services=services)
    job = await job_moves.claim("w", ["TEST_STEPS"], 30.0)
    assert job is not None
    return Run(job, KINDS[job.kind], services, {}, tmp_path)


async def test_a_nudge_between_a_beat_and_its_query_is_answered_by_another_beat(
    services: Services, tmp_path: Path
) -> None:
    run = await _claimed(services, tmp_path)
    heart = Heart(run)
    heart.look()
    began = time.monotonic()
    beating = asyncio.create_task(heart.beat())
    asyncio.get_running_loop().call_soon(heart.look)  # after the beat began, before its query did
    await asyncio.sleep(0.3)
    assert time.monotonic() - began < 5.0
    assert not heart.verdict.done()
    assert not run.changed.is_set()
    await jobs.cancel(await local_owner(), run.job.id, services=services)
    heart.look()
    assert await asyncio.wait_for(heart.verdict, 5.0) is Verdict.CANCELLED
    await beating


async def test_a_look_that_the_database_did_not_answer_is_repeated(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await _claimed(services, tmp_path)
    await jobs.cancel(await local_owner(), run.job.id, services=services)
    heart, beat = Heart(run), job_moves.beat
    tries = 0

    async def away_once(*arguments: object) -> bool | None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError("away")
        return await beat(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(job_moves, "beat", away_once)
    beating = asyncio.create_task(heart.beat())
    heart.look()
    assert await asyncio.wait_for(heart.verdict, 5.0) is Verdict.CANCELLED
    await beating


async def test_a_beat_that_hangs_does_not_hide_that_the_lease_is_about_to_lapse(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> bool | None:
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(hearts, "LEASE_SECONDS", MARGIN_SECONDS + 0.5)
    monkeypatch.setattr(hearts, "QUERY_SECONDS", 600.0)
    monkeypatch.setattr(job_moves, "beat", hang)
    heart = Heart(await _claimed(services, tmp_path))
    heart.look()
    beating = asyncio.create_task(heart.beat())
    assert await asyncio.wait_for(heart.verdict, 20.0) is Verdict.LOST
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
