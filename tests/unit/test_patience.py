"""Whoever watches waits for a database that is away, and not for a question that takes it too long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from db import postgres, sql
from db.connection import open_database
from domain import patience
from domain.patience import patiently


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "AWAY_SECONDS", 0.01)


def failing(*errors: Exception) -> Callable[[], Awaitable[str]]:
    """A read that raises these one after the other, and then has an answer."""
    left = list(errors)

    async def read() -> str:
        if left:
            raise left.pop(0)
        return "an answer"

    return read


async def test_a_read_that_takes_too_long_for_a_database_that_answers_is_given_up(
    database: TortoiseContext,
) -> None:
    begun = 0

    async def read() -> None:
        nonlocal begun
        begun += 1
        async with asyncio.timeout(0.2):
            await sql.rows("SELECT pg_sleep(60)")

    async with asyncio.timeout(10.0):
        with pytest.raises(TimeoutError):
            await patiently(read)
    assert begun == patience.MOST_TIMEOUTS


async def test_a_database_that_was_cut_off_in_the_middle_of_a_read_is_asked_again(
    database: TortoiseContext,
) -> None:
    assert await patiently(failing(TimeoutError())) == "an answer"
    outages = [TimeoutError(), ConnectionRefusedError()] * patience.MOST_TIMEOUTS
    assert await patiently(failing(*outages)) == "an answer"


async def test_a_pool_whose_connections_are_all_in_use_is_waited_for(database: TortoiseContext) -> None:
    busy = [postgres.NoConnection()] * (2 * patience.MOST_TIMEOUTS)
    assert await patiently(failing(*busy)) == "an answer"


async def test_a_database_that_answers_nothing_is_waited_for_without_end(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ACQUIRE_SECONDS", 0.02)
    tries, is_enough, is_held = 0, asyncio.Event(), asyncio.Event()

    async def read() -> datetime:
        nonlocal tries
        tries += 1
        if tries > 3 * patience.MOST_TIMEOUTS:
            is_enough.set()
        return await sql.now()

    async def hold_the_only_connection() -> None:
        async with in_transaction():
            is_held.set()
            await is_enough.wait()

    async with open_database(database_url, pool_size=1), asyncio.timeout(10.0):
        holding = asyncio.create_task(hold_the_only_connection())
        await is_held.wait()
        assert isinstance(await patiently(read), datetime)
        await holding
