"""A real worker in this process, a real receiver, and tries that follow each other quickly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.webhooks import HttpCaller
from domain.ports import Services, Webhooks
from domain.webhooks import key_of, tries
from tests.support.job_world import job_services, options, worker_here
from tests.support.receiver import SECRET, Receiver
from workers import deliveries


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver.open() as opened:
        yield opened


@pytest.fixture
async def services(database: object, redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with HttpCaller(allow_private=True) as caller, job_services(redis_url, tmp_path) as opened:
        yield replace(
            opened,
            webhooks=Webhooks(caller, (key_of(SECRET),), allow_private=True),
            public_url="https://starling.example",
        )


@pytest.fixture
async def worker(services: Services, redis_url: str) -> AsyncIterator[None]:
    async with worker_here(services, options(redis_url)):
        yield


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other within tenths of a second."""
    monkeypatch.setattr(tries, "FIRST_DELAY_SECONDS", 0.05)
    monkeypatch.setattr(deliveries, "LOOK_SECONDS", 0.05)
