"""What `starling jobs watch` minds beside the jobs costs the database next to nothing."""

from __future__ import annotations

import asyncio
import sys

import pytest
from tortoise.context import TortoiseContext

from app.jobs_cli import minding
from app.jobs_cli.minding import mind_database
from app.jobs_cli.screen import Screen
from app.jobs_cli.views import Lines
from tests.support.queries import counted


async def test_whether_the_database_answers_is_asked_of_no_table(
    database: TortoiseContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minding, "LOOK_SECONDS", 0.01)
    view = Lines(Screen(sys.stdout), Screen(sys.stderr), as_json=False)
    with counted() as queries:
        minded = asyncio.create_task(mind_database(view))
        async with asyncio.timeout(10.0):
            while queries.count < 3:
                await asyncio.sleep(0.01)
        minded.cancel()
        await asyncio.gather(minded, return_exceptions=True)
    assert set(queries.statements) == {"SELECT now() AS now"}
