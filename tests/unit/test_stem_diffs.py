"""STEM_DIFF without a worker: whose commits its owner may hear is asked when it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain import commits, jobs, repositories
from domain.accounts import local_owner
from domain.commits import StemType
from domain.errors import NotFound
from domain.jobs import KINDS
from tests.support.local_services import local_services
from tests.support.music import a_commit, a_repository, some_sounds, somebody_else
from workers.handlers.stem_diff import stem_diff
from workers.run import Run

pytestmark = pytest.mark.usefixtures("database")


async def test_what_was_made_private_is_not_heard_by_a_retry(tmp_path: Path) -> None:
    owner, stranger, services = await local_owner(), await somebody_else(), local_services(tmp_path)
    repository = await a_repository(owner)
    before, after = await some_sounds(owner, 2)
    base = await a_commit(owner, repository, services, {"DRUMS": before})
    head = await a_commit(owner, repository, services, {"DRUMS": after})
    await repositories.update(owner, repository.id, {"is_public": True})
    job = await commits.render_stem_diff(stranger, base.id, head.id, StemType.DRUMS, services=services)
    await jobs.cancel(stranger, job.id, services=services)
    await repositories.update(owner, repository.id, {"is_public": False})
    again = await jobs.retry(stranger, job.id, services=services)
    with pytest.raises(NotFound, match="Commit not found"):
        await stem_diff(Run(again, KINDS[again.kind], services, {}, tmp_path / "scratch"))
