"""The PostgreSQL client as Tortoise's engine (`"engine": "db.postgres"`): two rules of its pool are changed.

- Whoever waits for a connection gets one, or an error, within `ACQUIRE_SECONDS`; asyncpg waits for ever, so
  that a few hanging connections would hang every request after them. Giving one back is bounded the same way.
- A connection that is given back is not reset. asyncpg sends `pg_advisory_unlock_all`, `CLOSE ALL`,
  `UNLISTEN *` and `RESET ALL` each time, a round trip for each statement that we run. We keep nothing in a
  session for it to undo: advisory locks are those of transactions (`pg_advisory_xact_lock`), nobody listens,
  nobody sets anything, cursors end with their transaction. A transaction that was left open is still rolled
  back, by asyncpg itself. `tests/unit/test_postgres_client.py` refuses statements that would break this.
"""

from __future__ import annotations

from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient

ACQUIRE_SECONDS = 10.0


class Connection(asyncpg.connection.Connection):  # type: ignore[misc]
    """A connection whose session holds nothing between two uses."""

    def get_reset_query(self) -> str:
        return ""


class Pool(asyncpg.pool.Pool):  # type: ignore[misc]
    """A pool that nobody waits for without end. `acquire` raises TimeoutError."""

    def acquire(self, *, timeout: float | None = None) -> Any:
        return super().acquire(timeout=ACQUIRE_SECONDS if timeout is None else timeout)


class Client(AsyncpgDBClient):
    connection_class = Connection

    async def create_pool(self, **options: Any) -> Pool:
        defaults = {
            "init_size": None,
            "max_queries": 50_000,
            "max_inactive_connection_lifetime": 300.0,
            "connect": None,
            "setup": None,
            "init": None,
            "reset": None,
            "record_class": asyncpg.Record,
        }
        pool: Pool = await Pool(None, **{**defaults, **options})
        return pool


client_class = Client
