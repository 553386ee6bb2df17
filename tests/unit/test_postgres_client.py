"""The pool of `db.postgres`: nobody waits without end, and nothing is carried over from user to user."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest
from tortoise.transactions import in_transaction

from db import postgres, sql
from db.connection import open_database

ROOT = Path(__file__).resolve().parents[2]
KEEPS_SOMETHING = re.compile(
    r"pg_(try_)?advisory_lock(_shared)?\(|\b(UN)?LISTEN\b|set_config\(|\bDECLARE\b|WITH HOLD"
    r"|\bSET (SESSION|TIME ZONE)|CREATE (LOCAL |GLOBAL )?TEMP"
)


async def test_an_exhausted_pool_is_an_error_in_bounded_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ACQUIRE_SECONDS", 0.3)
    async with open_database(database_url, pool_size=2):
        hanging = [asyncio.create_task(sql.rows("SELECT pg_sleep(5)")) for _ in range(2)]
        await asyncio.sleep(0.1)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await sql.rows("SELECT 1")
        with pytest.raises(TimeoutError):
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


def test_no_statement_of_ours_keeps_something_in_a_session() -> None:
    found = {
        str(path.relative_to(ROOT)): match[0]
        for path in sorted((ROOT / "db").rglob("*.py"))
        if path.name != "postgres.py" and (match := KEEPS_SOMETHING.search(path.read_text()))
    }
    assert found == {}
