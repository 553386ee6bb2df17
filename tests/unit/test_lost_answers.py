"""Settlements that happened though their worker never heard of it: what they leave, count and announce."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from db import job_moves, sql
from db.assets import Asset
from db.jobs import Job
from domain import jobs
from domain.accounts import local_owner
from domain.jobs import KINDS, topic
from domain.jobs.protocol import CRASH_DELAY_SECONDS, LEASE_SECONDS, MAX_CRASHES
from domain.ports import Services
from domain.tallies import SUM
from tests.support.job_world import job_services, options, submitted, worker_here
from tests.support.local_services import Nudges
from tests.support.unheard import first_settlement_unheard
from workers import settle, tallies
from workers.failures import Failure
from workers.heart import Heart
from workers.run import NewOutput, Run

pytestmark = pytest.mark.usefixtures("database")

FINAL = Failure("BAD_USER_INPUT", "width must be even")
PASSING = Failure("STORAGE_FULL", "There is no room left", may_retry=True)
CRASH = Failure("WORKER_LOST", "The process that ran this job was lost", is_crash=True)
Settle = Callable[[Run, Heart], Awaitable[bool]]
Counts = dict[str, float]


@pytest.fixture
def nudges() -> Nudges:
    return Nudges()


@pytest.fixture
async def services(redis_url: str, tmp_path: Path, nudges: Nudges) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path) as opened:
        yield replace(opened, events=nudges)


@dataclass(frozen=True)
class Claimed:
    """A job of TEST_STEPS that is ours, of which nobody was told anything since."""

    run: Run
    heart: Heart

    async def counted(self, settle_it: Settle) -> tuple[Counts, Counts]:
        """How many runs are counted as having ended in which way, and how many jobs, once this one has."""
        assert await settle_it(self.run, self.heart)
        return _runs(self.run.services), _jobs(self.run.services)


@pytest.fixture
async def claimed(services: Services, nudges: Nudges, tmp_path: Path) -> Claimed:
    await submitted(services, "TEST_STEPS")
    nudges.topics.clear()
    claimed_at = time.monotonic()
    job = await job_moves.claim("w", ["TEST_STEPS"], LEASE_SECONDS)
    assert job is not None
    run = Run(job, KINDS[job.kind], services, {}, tmp_path)
    return Claimed(run, Heart(run, claimed_at))


def _told_to_fail(failure: Failure) -> Settle:
    async def settle_it(run: Run, heart: Heart) -> bool:
        return await settle.failed(run, failure, heart)

    return settle_it


@dataclass(frozen=True)
class Ending:
    """A way to end a run, the move that it makes, and what it is counted as."""

    settle_it: Settle
    move: str
    outcome: str


FAILED = Ending(_told_to_fail(FINAL), "fail", "failed")
RETRIED = Ending(_told_to_fail(PASSING), "fail", "retried")
CRASHED = Ending(_told_to_fail(CRASH), "crash", "crashed")
STOPPED = Ending(settle.stopped, "stop", "cancelled")
RELEASED = Ending(settle.released, "release", "released")
GIVEN_BACK = [RETRIED, CRASHED, RELEASED]


def _each(endings: Sequence[Ending]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("ending", endings, ids=[each.outcome for each in endings])


def _first_answer_lost(
    monkeypatch: pytest.MonkeyPatch, name: str, *then: Callable[[], Awaitable[None]]
) -> None:
    """The move is made, and what is given happens; the worker that made it hears nothing of all that."""
    real: Callable[..., Awaitable[Job | None]] = getattr(job_moves, name)
    calls: list[Job | None] = []

    async def cut(*given: object, **named: object) -> Job | None:
        calls.append(await real(*given, **named))
        if len(calls) > 1:
            return calls[-1]
        for each in then:
            await each()
        raise ConnectionError("the answer was lost")

    monkeypatch.setattr(job_moves, name, cut)


@pytest.mark.parametrize("is_deleted", [False, True], ids=["with its job", "without its job"])
async def test_a_file_that_a_row_names_outlives_a_worker_that_never_heard_of_its_settlement(
    services: Services, redis_url: str, monkeypatch: pytest.MonkeyPatch, is_deleted: bool
) -> None:
    """Its owner may have deleted the job meanwhile, which keeps the file: then its row alone is left."""
    viewer, job = await local_owner(), await submitted(services, "TEST_STEPS", file="kept")

    async def its_owner_deletes_it() -> None:
        await jobs.delete(viewer, job.id, services=services)

    then = [its_owner_deletes_it] if is_deleted else []
    unheard = first_settlement_unheard(monkeypatch, *then)
    async with worker_here(services, options(redis_url)):
        await asyncio.wait_for(unheard.happened.wait(), 20.0)
        await _let_go(services, job)
    (asset,) = await Asset.all()
    assert await services.files.exists(asset.key)


async def _let_go(services: Services, job: Job) -> None:
    """Until the worker is through with the run: its folder is the last that goes."""
    async with asyncio.timeout(20.0):
        while (services.scratch / "jobs" / f"{job.id}-1").exists():
            await asyncio.sleep(0.02)


async def _stored(run: Run, folder: Path) -> settle.Made:
    film = folder / "film.mp4"
    film.write_bytes(b"a film")
    made: settle.Made = []
    await settle.store(run, [NewOutput("video", film, "film.mp4", "video/mp4", "VIDEO")], made)
    return made


async def test_files_that_no_row_names_go(claimed: Claimed, services: Services, tmp_path: Path) -> None:
    made = await _stored(claimed.run, tmp_path)
    ((_, asset),) = made
    assert await services.files.exists(asset.key)
    await settle.discard(claimed.run, made)
    assert not await services.files.exists(asset.key)


async def test_discarding_does_not_wait_for_the_database_without_end(
    claimed: Claimed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def hang(key: str, *, services: Services) -> bool:
        await asyncio.Event().wait()
        return True

    made = await _stored(claimed.run, tmp_path)
    monkeypatch.setattr(settle, "remove_orphan", hang)
    monkeypatch.setattr(settle, "DISCARD_SECONDS", 0.2)
    async with asyncio.timeout(5.0):
        await settle.discard(claimed.run, made)
    assert "until the sweep" in caplog.text


@_each([FAILED, STOPPED])
async def test_an_end_whose_answer_was_lost_is_counted_and_announced_as_what_it_was(
    claimed: Claimed, nudges: Nudges, monkeypatch: pytest.MonkeyPatch, ending: Ending
) -> None:
    job = claimed.run.job
    if ending is STOPPED:
        await job_moves.cancel(job.id, job.owner_id)
    _first_answer_lost(monkeypatch, ending.move)
    assert await claimed.counted(ending.settle_it) == ({ending.outcome: 1}, {ending.outcome: 1})
    assert topic(job.id) in nudges.topics


@_each(GIVEN_BACK)
async def test_what_was_given_back_though_its_answer_was_lost_is_counted_and_announced_as_that(
    claimed: Claimed, nudges: Nudges, monkeypatch: pytest.MonkeyPatch, ending: Ending
) -> None:
    _first_answer_lost(monkeypatch, ending.move)
    assert await claimed.counted(ending.settle_it) == ({ending.outcome: 1}, {})
    assert topic(claimed.run.job.id) in nudges.topics


@_each([CRASHED, RELEASED])
async def test_what_another_has_ended_since_is_not_counted_twice(
    claimed: Claimed, monkeypatch: pytest.MonkeyPatch, ending: Ending
) -> None:
    """A job that was given back is claimed, and may be done, before its first worker asks."""

    async def another_completes_it() -> None:
        again = await job_moves.claim("another", ["TEST_STEPS"], LEASE_SECONDS)
        assert again is not None and again.id == claimed.run.job.id
        assert await job_moves.complete(again.id, again.epoch, result=None, cost_usd=0.0) is not None

    _first_answer_lost(monkeypatch, ending.move, another_completes_it)
    assert await claimed.counted(ending.settle_it) == ({ending.outcome: 1}, {})


@_each(GIVEN_BACK)
async def test_what_its_owner_has_cancelled_since_is_counted_as_given_back(
    claimed: Claimed, monkeypatch: pytest.MonkeyPatch, ending: Ending
) -> None:
    """A waiting job is cancelled without a new claim: its epoch is still that of the run."""

    async def its_owner_cancels_it() -> None:
        cancelled = await job_moves.cancel(claimed.run.job.id, claimed.run.job.owner_id)
        assert cancelled is not None and cancelled.state == "CANCELLED"

    _first_answer_lost(monkeypatch, ending.move, its_owner_cancels_it)
    assert await claimed.counted(ending.settle_it) == ({ending.outcome: 1}, {})


@_each(GIVEN_BACK)
async def test_what_was_to_be_cancelled_is_counted_as_an_end(
    claimed: Claimed, monkeypatch: pytest.MonkeyPatch, ending: Ending
) -> None:
    job = claimed.run.job
    await job_moves.cancel(job.id, job.owner_id)
    _first_answer_lost(monkeypatch, ending.move)
    run_as = "crashed" if ending is CRASHED else "cancelled"
    assert await claimed.counted(ending.settle_it) == ({run_as: 1}, {"cancelled": 1})


@_each([FAILED, STOPPED, *GIVEN_BACK])
async def test_a_lease_that_was_reaped_is_lost(
    claimed: Claimed, services: Services, nudges: Nudges, ending: Ending
) -> None:
    """Also to a crash, which leaves the row as the reaper does: the worker's own clock tells them apart."""
    run = claimed.run
    await sql.run("UPDATE jobs SET lease_until = now() - interval '1 second'")
    assert await job_moves.reap(max_crashes=MAX_CRASHES, delay_seconds=CRASH_DELAY_SECONDS)
    assert not await ending.settle_it(run, Heart(run, time.monotonic() - LEASE_SECONDS))
    assert _runs(services) == {}
    assert topic(run.job.id) not in nudges.topics


def _runs(services: Services) -> Counts:
    """How many runs ended in which way, from the durations."""
    ends: Counts = {}
    for (name, *labels), value in services.tallies.totals().items():
        if name == tallies.RUN_SECONDS.name and labels[2] != SUM:
            ends[labels[1]] = ends.get(labels[1], 0) + value
    return ends


def _jobs(services: Services) -> Counts:
    """How many jobs runs have ended, and in which way."""
    totals = services.tallies.totals().items()
    return {labels[1]: value for (name, *labels), value in totals if name == tallies.ENDED.name}
