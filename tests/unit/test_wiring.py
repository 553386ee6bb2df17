"""Services are built whole, from real parts, and closing them leaves nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from app.refusals import DoesNotStart
from app.settings import Settings
from app.wiring import assembled, check, open_services
from db.accounts import User
from db.connection import DatabaseAway
from db.migrate import PendingMigrations
from domain.ports import Limits
from tests.support.inprocess import until
from tests.support.processes import pool_children


async def test_the_services_of_the_settings(settings: Settings) -> None:
    wanted = replace(settings, public_url="https://starling.example", limits=Limits(max_systems_per_owner=3))
    async with open_services(wanted) as services:
        assert services.scratch.is_dir()
        assert services.limits.max_systems_per_owner == 3
        assert services.public_url == "https://starling.example"
        assert not await services.files.exists("probe/none")
        assert await services.doorbell.ring([]) is True
        assert await User.all().count() == 0


async def test_closing_leaves_no_task_and_no_connection(settings: Settings) -> None:
    for _ in range(2):
        async with open_services(settings):
            assert len(asyncio.all_tasks()) > 1
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(RuntimeError, match="No TortoiseContext"):
        await User.all().count()


async def test_media_children_are_gone_after_closing(settings: Settings) -> None:
    async with open_services(settings, warm=True):
        await until(lambda: bool(pool_children()))
        children = pool_children()
    assert pool_children() == []
    assert not any(child.is_running() for child in children), "a zombie"
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_redis_need_not_be_there(settings: Settings, tmp_path: Path) -> None:
    away = replace(settings, redis_url=f"unix://{tmp_path}/none.sock")
    async with open_services(away) as services:
        assert await services.doorbell.ring([]) in (True, False)
        await services.events.nudge("jobs")


async def test_a_database_without_tables_is_refused(settings: Settings, empty_database_url: str) -> None:
    with pytest.raises(PendingMigrations, match="starling migrate"):
        async with open_services(replace(settings, database_url=empty_database_url)):
            pass


async def test_what_cannot_be_opened_is_a_sentence(settings: Settings) -> None:
    away = "postgresql://postgres@/a?host=/nonexistent"
    for changed, refusal in (
        (replace(settings, database_url=away), DatabaseAway),
        (replace(settings, database_url=None), DoesNotStart),
        (replace(settings, storage_url="ftp://example/a"), DoesNotStart),
    ):
        with pytest.raises(refusal):
            await check(changed)
    with pytest.raises(DoesNotStart, match="REDIS_URL"):
        async with assembled(replace(settings, redis_url=None)):
            pass
