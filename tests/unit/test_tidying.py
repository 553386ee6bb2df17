"""The daily round: each part does its work, whatever becomes of the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tortoise.context import TortoiseContext

from app.storage import FolderFiles
from db.jobs import Job
from domain import assets
from domain.accounts import Viewer, local_owner
from domain.errors import Unavailable
from domain.ports import Services
from tests.support.local_services import local_services
from tests.support.rows import a_job, an_asset
from workers.rounds import Rounds
from workers.runner import Runner
from workers.tallies import ROUNDS_FAILED

OLD: dict[str, Any] = {"completed_at": datetime.now(UTC) - timedelta(days=40)}


@pytest.fixture
async def viewer(database: TortoiseContext) -> Viewer:
    return await local_owner()


async def tidied(services: Services) -> None:
    await Rounds(Runner("w", services, {}, {}, 1), services).tidy()


async def test_jobs_go_as_the_setting_says(viewer: Viewer, tmp_path: Path) -> None:
    services = local_services(tmp_path / "home")
    await a_job(viewer, **OLD)
    for days, left in ((0, 1), (60, 1), (30, 0)):
        await tidied(replace(services, retention_days=days))
        assert await Job.all().count() == left


async def test_a_part_that_fails_keeps_no_other_from_its_work(
    viewer: Viewer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class AwayFiles(FolderFiles):
        async def delete(self, key: str) -> None:
            raise Unavailable("The storage did not answer")

    services = local_services(tmp_path / "home", files=AwayFiles(tmp_path / "files"))
    song = await an_asset(viewer)
    await assets.delete(viewer, song.id, services=services)
    await a_job(viewer, **OLD)
    await tidied(replace(services, retention_days=30))
    assert "a round failed (tidy_files): The storage did not answer" in caplog.text
    assert services.tallies.totals()[ROUNDS_FAILED.name, "tidy_files"] == 1
    assert await Job.all().count() == 0
