"""The heartbeat of one run beside an event loop that must stay free."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from db import job_moves, sql
from domain import jobs
from domain.accounts import local_owner
from domain.jobs import KINDS, NewJob
from domain.jobs.protocol import CRASH_DELAY_SECONDS, LEASE_SECONDS, MAX_CRASHES
from domain.ports import Services
from tests.support.inprocess import until
from tests.support.job_kinds import HANDLERS
from tests.support.job_world import ended, job_services
from workers import heart as hearts
from workers.heart import MARGIN_SECONDS, Heart, Verdict
from workers.run import Run
from workers.runner import Runner

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
    heart = Heart(run, time.monotonic())
    heart.look()
    began = time.monotonic()
    beating = asyncio.create_task(heart.beat())
    asyncio.get_running_loop().call_soon(heart.look)  # after the beat began, before its query did
    await asyncio.sleep(0.3)
    await until(lambda: not run.changed.is_set())
    assert time.monotonic() - began < 5.0
    assert not heart.verdict.done()
    await jobs.cancel(await local_owner(), run.job.id, services=services)
    heart.look()
    assert await asyncio.wait_for(heart.verdict, 5.0) is Verdict.CANCELLED
    await beating


async def test_a_look_that_the_database_did_not_answer_is_repeated(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await _claimed(services, tmp_path)
    await jobs.cancel(await local_owner(), run.job.id, services=services)
    heart, beat = Heart(run, time.monotonic()), job_moves.beat
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
    heart = Heart(await _claimed(services, tmp_path), time.monotonic())
    heart.look()
    beating = asyncio.create_task(heart.beat())
    assert await asyncio.wait_for(heart.verdict, 20.0) is Verdict.LOST
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)


async def test_a_lease_is_as_old_as_the_question_for_it(services: Services, tmp_path: Path) -> None:
    """The claim was made at some time between its sending and its answer, which may come late."""
    run = await _claimed(services, tmp_path)
    assert Heart(run, time.monotonic() - 5.0).seconds_left <= LEASE_SECONDS - MARGIN_SECONDS - 5.0
    heart = Heart(run, time.monotonic() - LEASE_SECONDS + MARGIN_SECONDS)
    beating = asyncio.create_task(heart.beat())
    assert await asyncio.wait_for(heart.verdict, 5.0) is Verdict.LOST
    await beating


@pytest.mark.parametrize("is_report", [False, True], ids=["bare beat", "report"])
async def test_a_beat_that_finds_the_lease_gone_does_not_extend_it(
    services: Services, tmp_path: Path, is_report: bool
) -> None:
    """What is left of it tells a crash of ours from the reaper's."""
    run, age_seconds = await _claimed(services, tmp_path), 20.0
    await sql.run("UPDATE jobs SET lease_until = now() - interval '1 second'")
    assert await job_moves.reap(max_crashes=MAX_CRASHES, delay_seconds=CRASH_DELAY_SECONDS)
    heart = Heart(run, time.monotonic() - age_seconds)
    run.is_dirty = is_report
    heart.look()
    beating = asyncio.create_task(heart.beat())
    assert await asyncio.wait_for(heart.verdict, 5.0) is Verdict.LOST
    await beating
    assert heart.seconds_left <= LEASE_SECONDS - MARGIN_SECONDS - age_seconds


async def test_a_runner_counts_a_lease_from_before_its_claim(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that came late has cost the lease that time."""
    late_seconds, left = 0.5, []
    claim = job_moves.claim

    async def claim_late(*given: Any) -> Any:
        job = await claim(*given)
        await asyncio.sleep(late_seconds)
        return job

    class Watched(Heart):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            left.append(self.seconds_left)

    monkeypatch.setattr(job_moves, "claim", claim_late)
    monkeypatch.setattr("workers.runner.Heart", Watched)
    runner = Runner("w", services, HANDLERS, {}, 1)
    job = await jobs.submit(await local_owner(), NewJob("TEST_NOOP", {}), services=services)
    await runner.answer_bell()
    assert (await ended(job.id)).state == "COMPLETED"
    await runner.drain(5.0)
    assert [seconds <= LEASE_SECONDS - MARGIN_SECONDS - late_seconds for seconds in left] == [True]
