"""A worker process as it is when nothing fails: what a bell is worth."""

from __future__ import annotations

import pytest

from domain.ports import Services
from tests.support.figures import Figures
from tests.support.job_history import share
from tests.support.job_workers import Workers
from tests.support.job_world import ended, submitted

pytestmark = pytest.mark.promise("P8")


async def test_jobs_start_soon_after_the_bell(
    services: Services, workers: Workers, figures: Figures, invariants: None
) -> None:
    await workers.start(slots=2)
    waits = []
    for _ in range(40):
        done = await ended((await submitted(services, "TEST_NOOP")).id)
        assert done.started_at is not None
        waits.append(1000 * (done.started_at - done.created_at).total_seconds())
    figures.within("P8", "a job starts after its bell, median", share(waits, 0.5), limit=50.0, unit="ms")
