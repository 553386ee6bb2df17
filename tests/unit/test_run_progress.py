"""Progress of a run whose stage is several calls, and files that are on their way without any."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from db.jobs import Job
from domain import portraits
from domain.commits import rendering
from domain.jobs import COMMIT_RENDER
from domain.ports import Services
from tests.support.local_services import local_services
from workers.handlers.commit_render import commit_render
from workers.run import TRANSFER_SECONDS, Run


class Halfway:
    """Each call is seen at 50 % of it, and then at 99 %."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.stalls: list[float] = []
        self.run_of: Run

    async def run(self, function: str, *args: Any, timeout: float | None, on_progress: Any) -> str:
        for percent in (50.0, 99.0):
            on_progress(percent, None)
            self.seen.append(self.run_of.stages[0]["progress"])
            self.stalls.append(self.run_of.stall_seconds)
        return "heard"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return local_services(tmp_path)


def a_run(services: Services, pool: Halfway, folder: Path) -> Run:
    said = {"stem_set_id": str(uuid4()), "is_to_mix": False}
    job = Job(id=uuid4(), kind=COMMIT_RENDER.name, params=said, started_at=datetime.now(UTC))
    pool.run_of = Run(job, COMMIT_RENDER, services, cast(Any, {"features": pool}), folder)
    return pool.run_of


async def test_each_stem_has_its_share_and_each_file_its_time(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Halfway()
    run = a_run(services, pool, tmp_path / "scratch")
    while_fetched: list[float] = []

    class Slow:
        def local(self, key: str) -> Slow:
            return self

        async def __aenter__(self) -> Path:
            while_fetched.append(run.stall_seconds)
            return tmp_path

        async def __aexit__(self, *_: object) -> None:
            pass

    async def stems(set_id: UUID) -> list[Any]:
        return [(None, SimpleNamespace(key=name, sha256=name)) for name in "ab"]

    async def lacking(hashes: Any) -> set[str]:
        return set(hashes)

    monkeypatch.setattr(rendering, "to_mix", stems)
    monkeypatch.setattr(portraits, "lacking", lacking)
    monkeypatch.setattr(run, "services", SimpleNamespace(files=Slow()))
    assert (await commit_render(run)).result == {"provider": "starling-mixer", "heard": 2}
    assert while_fetched == [TRANSFER_SECONDS] * 2
    assert pool.seen == [25.0, 49.5, 75.0, 99.5]
    assert pool.stalls == [COMMIT_RENDER.stall_seconds] * 4
