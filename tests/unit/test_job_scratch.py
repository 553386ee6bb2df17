"""Folders of runs whose process was killed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from db import job_moves
from db.jobs import Job
from domain import jobs
from domain.accounts import local_owner
from domain.jobs import NewJob
from domain.ports import Services
from tests.support.job_world import job_services
from workers.rounds import Rounds
from workers.runner import Runner
from workers.scratch import folder_of

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def services(redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path) as opened:
        yield opened


async def _claimed(services: Services) -> Job:
    await jobs.submit(await local_owner(), NewJob("TEST_STEPS", {"n": 1}), services=services)
    job = await job_moves.claim("w", ["TEST_STEPS"], 30.0)
    assert job is not None
    return job


def _left_by(job: Job, services: Services, *, is_old: bool = True) -> Path:
    folder = folder_of(job, services.scratch)
    folder.mkdir(parents=True)
    (folder / "film.mp4.part").write_bytes(b"half a film")
    if is_old:
        os.utime(folder, (0, 0))
    return folder


async def test_the_daily_round_removes_what_killed_runs_left_and_nothing_of_a_living_one(
    services: Services,
) -> None:
    ended = await _claimed(services)
    fresh, earlier = _left_by(await _claimed(services), services, is_old=False), await _claimed(services)
    gone = [
        _left_by(ended, services),
        _left_by(earlier, services),
        _left_by(Job(id=uuid4(), epoch=1), services),
    ]
    await job_moves.complete(ended.id, ended.epoch, result={}, cost_usd=0.0)
    await job_moves.release(earlier.id, earlier.epoch)
    again = await job_moves.claim("w", ["TEST_STEPS"], 30.0)
    assert again is not None and again.epoch == earlier.epoch + 1
    living = _left_by(again, services)
    foreign = services.scratch / "jobs" / "notes"
    foreign.mkdir()
    os.utime(foreign, (0, 0))
    await Rounds(Runner("w", services, {}, {}, 1), services).tidy()
    assert [folder for folder in gone if folder.exists()] == []
    assert sorted((services.scratch / "jobs").iterdir()) == sorted([fresh, living, foreign])
