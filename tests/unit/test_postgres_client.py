"""The pool of `db.postgres`: nobody waits without end, and nothing is carried over from user to user."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import asyncpg
import pytest
from tortoise.transactions import in_transaction

from db import postgres, sql
from db.connection import open_database
from tests.support.fault_proxy import FaultProxy

ROOT = Path(__file__).resolve().parents[2]
KEEPS_SOMETHING = re.compile(
    r"pg_(try_)?advisory_lock(_shared)?\(|\b(UN)?LISTEN\b|set_config\(|\bDECLARE\b|WITH HOLD"
    r"|\bSET (SESSION|TIME ZONE)|CREATE (LOCAL |GLOBAL )?TEMP"
)


async def test_an_exhausted_pool_is_an_error_in_bounded_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_database(database_url, pool_size=2):
        await asyncio.gather(*(sql.rows("SELECT pg_sleep(0.1)") for _ in range(2)))  # both are open then
        monkeypatch.setattr(postgres, "ACQUIRE_SECONDS", 0.3)
        hanging = [asyncio.create_task(sql.rows("SELECT pg_sleep(5)")) for _ in range(2)]
        await asyncio.sleep(0.1)
        began = time.monotonic()
        with pytest.raises(postgres.NoConnection):
            await sql.rows("SELECT 1")
        with pytest.raises(postgres.NoConnection):
            async with in_transaction():
                raise AssertionError("there was no connection left")
        assert time.monotonic() - began < 2.0
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        assert await sql.rows("SELECT 1 AS one") == [{"one": 1}]  # those that hung are free again


async def test_one_statement_is_one_round_trip(database_url: str) -> None:
    async with open_database(database_url, pool_size=1) as context:

        async def sent() -> int:
            async with context.db().acquire_connection() as connection:
                count: int = connection._con._protocol.queries_count
                return count

        await sql.rows("SELECT 1 AS one")
        before = await sent()
        for _ in range(10):
            await sql.rows("SELECT 1 AS one")
        assert await sent() - before == 10


async def test_a_transaction_that_was_left_open_does_not_reach_the_next_user(database_url: str) -> None:
    async with open_database(database_url, pool_size=1) as context:
        said: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: said.append(str(told["message"])))
        pool = context.db()._pool
        connection = await pool.acquire()
        await connection.execute("BEGIN")
        await pool.release(connection)
        (row,) = await sql.rows("SELECT pg_current_xact_id_if_assigned() IS NULL AS free, now() AS at")
        (later,) = await sql.rows("SELECT now() AS at")
        assert row["free"]
        assert later["at"] > row["at"]  # within one transaction the clock would stand still
        assert any("active transaction" in sentence for sentence in said)


@pytest.mark.parametrize("at", [b"BEGIN;", b"COMMIT;", b"ROLLBACK;"])
async def test_a_transaction_that_is_cut_off_leaves_its_task_and_its_pool_as_they_were(
    database_url: str, at: bytes
) -> None:
    async with FaultProxy.before(database_url) as proxy, open_database(proxy.url, pool_size=2):
        for _ in range(3):  # more than there are connections
            caught = proxy.trap(at, delivers=False)
            cutting = asyncio.create_task(_cut(proxy, caught))
            with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, ConnectionError)):
                async with in_transaction():
                    await sql.rows("SELECT 1")
                    if at == b"ROLLBACK;":
                        raise ValueError("so it is rolled back")
            await cutting
            assert await sql.rows("SELECT 1 AS one") == [{"one": 1}]
        both = [asyncio.create_task(sql.rows("SELECT pg_sleep(0.2)")) for _ in range(2)]
        await asyncio.wait_for(asyncio.gather(*both), 5.0)


async def _cut(proxy: FaultProxy, caught: asyncio.Event) -> None:
    await asyncio.wait_for(caught.wait(), 10.0)
    proxy.reset()
    proxy.heal()


async def test_a_transaction_that_is_cancelled_as_it_begins_leaves_nothing(database_url: str) -> None:
    async with FaultProxy.before(database_url) as proxy, open_database(proxy.url, pool_size=1):

        async def cancelled_at_begin() -> None:
            with pytest.raises(asyncio.CancelledError):
                async with in_transaction():
                    raise AssertionError("it never began")
            assert await sql.rows("SELECT 1 AS one") == [{"one": 1}]

        caught = proxy.trap(b"BEGIN;", delivers=False)
        task = asyncio.create_task(cancelled_at_begin())
        await asyncio.wait_for(caught.wait(), 10.0)
        task.cancel()
        await asyncio.sleep(0)
        proxy.reset()
        proxy.heal()
        await asyncio.wait_for(task, 10.0)


async def test_a_transaction_that_ends_in_another_context_gives_its_connection_back(
    database_url: str,
) -> None:
    async with open_database(database_url, pool_size=1):
        transaction = in_transaction()
        await asyncio.create_task(_entered(transaction))
        with pytest.raises(ValueError, match="different Context"):
            await transaction.__aexit__(None, None, None)
        async with asyncio.timeout(5.0):
            assert await sql.rows("SELECT 1 AS one") == [{"one": 1}]


async def _entered(transaction: AbstractAsyncContextManager[object]) -> None:
    await transaction.__aenter__()


def test_no_statement_of_ours_keeps_something_in_a_session() -> None:
    found = {
        str(path.relative_to(ROOT)): match[0]
        for path in sorted((ROOT / "db").rglob("*.py"))
        if path.name != "postgres.py" and (match := KEEPS_SOMETHING.search(path.read_text()))
    }
    assert found == {}
