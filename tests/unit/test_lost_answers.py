"""Settlements that happened though their worker never heard of it: what they leave, count and announce."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
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


@pytest.fixture
def nudges() -> Nudges:
    return Nudges()


@pytest.fixture
async def services(redis_url: str, tmp_path: Path, nudges: Nudges) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path) as opened:
        yield replace(opened, events=nudges)


async def _claimed(services: Services, tmp_path: Path, kind: str = "TEST_STEPS") -> tuple[Run, Heart]:
    await submitted(services, kind)
    services.events.topics.clear()  # type: ignore[attr-defined]
    claimed_at = time.monotonic()
    job = await job_moves.claim("w", [kind], LEASE_SECONDS)
    assert job is not None
    run = Run(job, KINDS[job.kind], services, {}, tmp_path)
    return run, Heart(run, claimed_at)


def _told_to_fail(failure: Failure) -> Settle:
    async def settle_it(run: Run, heart: Heart) -> bool:
        return await settle.failed(run, failure, heart)

    return settle_it


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


async def test_files_that_no_row_names_go(services: Services, tmp_path: Path) -> None:
    run, _ = await _claimed(services, tmp_path)
    made = await _stored(run, tmp_path)
    ((_, asset),) = made
    assert await services.files.exists(asset.key)
    await settle.discard(run, made)
    assert not await services.files.exists(asset.key)


async def test_discarding_does_not_wait_for_the_database_without_end(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def hang(key: str, *, services: Services) -> bool:
        await asyncio.Event().wait()
        return True

    run, _ = await _claimed(services, tmp_path)
    made = await _stored(run, tmp_path)
    monkeypatch.setattr(settle, "remove_orphan", hang)
    monkeypatch.setattr(settle, "DISCARD_SECONDS", 0.2)
    async with asyncio.timeout(5.0):
        await settle.discard(run, made)
    assert "until the sweep" in caplog.text


MOVES = [
    pytest.param("fail", _told_to_fail(FINAL), "failed", id="failed for good"),
    pytest.param("fail", _told_to_fail(PASSING), "retried", id="to be tried again"),
    pytest.param("crash", _told_to_fail(CRASH), "crashed", id="crashed"),
    pytest.param("stop", settle.stopped, "cancelled", id="stopped"),
    pytest.param("release", settle.released, "released", id="released"),
]


@pytest.mark.parametrize(("move", "settle_it", "outcome"), MOVES)
async def test_an_end_whose_answer_was_lost_is_counted_and_announced_as_what_it_was(
    services: Services,
    nudges: Nudges,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    move: str,
    settle_it: Settle,
    outcome: str,
) -> None:
    run, heart = await _claimed(services, tmp_path)
    if outcome == "cancelled":
        await job_moves.cancel(run.job.id, run.job.owner_id)
    _first_answer_lost(monkeypatch, move)
    assert await settle_it(run, heart)
    assert _outcomes(services) == {outcome: 1}
    assert topic(run.job.id) in nudges.topics
    assert _ended(services) == ({outcome: 1} if outcome in ("failed", "cancelled") else {})


@pytest.mark.parametrize("outcome", ["crashed", "released"])
async def test_what_another_has_ended_since_is_not_counted_twice(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    """A job that was given back is claimed, and may be done, before its first worker asks."""
    run, heart = await _claimed(services, tmp_path)

    async def another_completes_it() -> None:
        again = await job_moves.claim("another", ["TEST_STEPS"], LEASE_SECONDS)
        assert again is not None and again.id == run.job.id
        assert await job_moves.complete(again.id, again.epoch, result=None, cost_usd=0.0) is not None

    move, settle_it = (
        ("crash", _told_to_fail(CRASH)) if outcome == "crashed" else ("release", settle.released)
    )
    _first_answer_lost(monkeypatch, move, another_completes_it)
    assert await settle_it(run, heart)
    assert _outcomes(services) == {outcome: 1}
    assert _ended(services) == {}


GIVEN_BACK = [each for each in MOVES if each.values[2] in ("retried", "crashed", "released")]


@pytest.mark.parametrize(("move", "settle_it", "outcome"), GIVEN_BACK)
async def test_what_its_owner_has_cancelled_since_is_counted_as_given_back(
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    move: str,
    settle_it: Settle,
    outcome: str,
) -> None:
    """A waiting job is cancelled without a new claim: its epoch is still that of the run."""
    run, heart = await _claimed(services, tmp_path)

    async def its_owner_cancels_it() -> None:
        cancelled = await job_moves.cancel(run.job.id, run.job.owner_id)
        assert cancelled is not None and cancelled.state == "CANCELLED"

    _first_answer_lost(monkeypatch, move, its_owner_cancels_it)
    assert await settle_it(run, heart)
    assert _outcomes(services) == {outcome: 1}
    assert _ended(services) == {}


@pytest.mark.parametrize(("move", "settle_it", "outcome"), GIVEN_BACK)
async def test_what_was_to_be_cancelled_is_counted_as_an_end(
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    move: str,
    settle_it: Settle,
    outcome: str,
) -> None:
    run, heart = await _claimed(services, tmp_path)
    await job_moves.cancel(run.job.id, run.job.owner_id)
    _first_answer_lost(monkeypatch, move)
    assert await settle_it(run, heart)
    assert _outcomes(services) == {"crashed" if outcome == "crashed" else "cancelled": 1}
    assert _ended(services) == {"cancelled": 1}


@pytest.mark.parametrize(("move", "settle_it", "outcome"), MOVES)
async def test_a_lease_that_was_reaped_is_lost(
    services: Services, nudges: Nudges, tmp_path: Path, move: str, settle_it: Settle, outcome: str
) -> None:
    """Also to a crash, which leaves the row as the reaper does: the worker's own clock tells them apart."""
    run, _ = await _claimed(services, tmp_path)
    await sql.run("UPDATE jobs SET lease_until = now() - interval '1 second'")
    assert await job_moves.reap(max_crashes=MAX_CRASHES, delay_seconds=CRASH_DELAY_SECONDS)
    assert not await settle_it(run, Heart(run, time.monotonic() - LEASE_SECONDS))
    assert _outcomes(services) == {}
    assert topic(run.job.id) not in nudges.topics


def _outcomes(services: Services) -> dict[str, float]:
    """How many runs ended in which way, from the durations."""
    ends: dict[str, float] = {}
    for (name, *labels), value in services.tallies.totals().items():
        if name == tallies.RUN_SECONDS.name and labels[2] != "sum":
            ends[labels[1]] = ends.get(labels[1], 0) + value
    return ends


def _ended(services: Services) -> dict[str, float]:
    """How many jobs runs have ended, and in which way."""
    totals = services.tallies.totals().items()
    return {labels[1]: value for (name, *labels), value in totals if name == tallies.ENDED.name}
