"""Whatever has happened: retention removes all that it should and nothing else, and no reference dangles."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from tortoise.context import TortoiseContext

from db import asset_uses, retention, sql
from db.asset_uses import Use
from domain import jobs
from domain.accounts import local_owner
from domain.ports import Services
from tests.support.local_services import local_services
from tests.support.old_jobs import Past, Rows, sizes

DAYS = 30

# Each query returns references of what is kept that lead to nothing.
DANGLING = {
    "an input": "SELECT i.* FROM job_inputs i LEFT JOIN jobs j ON j.id = i.job_id WHERE j.id IS NULL",
    "an output": "SELECT o.* FROM job_outputs o LEFT JOIN jobs j ON j.id = o.job_id WHERE j.id IS NULL",
    "an attempt": "SELECT a.* FROM job_attempts a LEFT JOIN jobs j ON j.id = a.job_id WHERE j.id IS NULL",
    "an event": "SELECT e.* FROM job_events e LEFT JOIN jobs j ON j.id = e.job_id WHERE j.id IS NULL",
    "a song": """SELECT s.id FROM particle_systems s LEFT JOIN assets a ON a.id = s.audio_id
        AND a.deleted_at IS NULL WHERE s.audio_id IS NOT NULL AND a.id IS NULL""",
    "a clip": """SELECT c.asset_id FROM clips c LEFT JOIN assets a ON a.id = c.asset_id
        AND a.deleted_at IS NULL WHERE a.id IS NULL""",
}


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return local_services(tmp_path / "home")


@pytest.fixture(autouse=True)
def clips_refer_to_assets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As a later part of the product registers itself."""
    monkeypatch.setattr(asset_uses, "USES", dict(asset_uses.USES))
    asset_uses.register(Use("clips", "SELECT asset_id FROM clips"))
    yield


@pytest.mark.parametrize("batch", [1, 7, 200])
@pytest.mark.parametrize("round_", range(5))
async def test_exactly_what_is_old_and_unused_goes(
    database: TortoiseContext,
    services: Services,
    tmp_path: Path,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
    round_: int,
) -> None:
    monkeypatch.setattr(retention, "JOBS_A_BATCH", batch)
    past = await a_past(services, tmp_path, rng)
    await past.happen(120)
    before, stored = await Rows.now(), await sizes(services)
    wanted = before.without_expired(DAYS)
    foreseen = await jobs.prunable(DAYS)
    retry_of = await sql.rows("SELECT id, retry_of FROM jobs")
    removed = await jobs.prune(DAYS, services=services)

    assert await Rows.now() == wanted
    assert removed == foreseen
    assert removed.jobs == len(before.jobs) - len(wanted.jobs)
    assert removed.files == len(before.assets) - len(wanted.assets)
    for what, query in DANGLING.items():
        assert await sql.rows(query) == [], f"{what} of what was kept leads to nothing"
    assert await sql.rows("SELECT id, retry_of FROM jobs") == [r for r in retry_of if r["id"] in wanted.jobs]
    await the_bytes_are_right(wanted, services, stored, removed.bytes)
    assert await jobs.prune(DAYS, services=services) == replace(jobs.Pruned(), held=removed.held)


async def a_past(services: Services, folder: Path, rng: random.Random) -> Past:
    await sql.run("CREATE TABLE clips (asset_id uuid NOT NULL)")
    viewer = await local_owner()
    return Past(rng, [viewer, replace(viewer, id=uuid4())], services, folder)


async def the_bytes_are_right(
    wanted: Rows, services: Services, before: dict[str, int], freed_bytes: int
) -> None:
    """Every kept row has its bytes; bytes without a live row are only those that an unfinished job reads."""
    after = await sizes(services)
    named = {asset["key"] for asset in wanted.assets.values()}
    assert named <= after.keys()
    read = await sql.rows(
        "SELECT a.key FROM assets a JOIN job_inputs i ON i.asset_id = a.id JOIN jobs j ON j.id = i.job_id"
        " WHERE a.deleted_at IS NOT NULL AND j.state IN ('PENDING', 'PROCESSING')"
    )
    assert after.keys() - named == {row["key"] for row in read} - named
    assert after.keys() <= before.keys()
    assert freed_bytes == sum(before.values()) - sum(after.values())
