"""The PostgreSQL client as Tortoise's engine (`"engine": "db.postgres"`): three rules of it are changed.

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
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext, TransactionContextPooled
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError

ACQUIRE_SECONDS = 10.0


class Connection(asyncpg.connection.Connection):  # type: ignore[misc]
    """A connection whose session holds nothing between two uses."""

    def get_reset_query(self) -> str:
        return ""


class NoConnection(TimeoutError):
    """All were in use, or none could be made, for `ACQUIRE_SECONDS`: nothing was asked of the database."""


class Pool(asyncpg.pool.Pool):  # type: ignore[misc]
    """A pool that nobody waits for without end. `acquire` raises NoConnection."""

    def acquire(self, *, timeout: float | None = None) -> Any:
        return super().acquire(timeout=ACQUIRE_SECONDS if timeout is None else timeout)

    async def _acquire(self, timeout: float | None) -> Any:
        try:
            return await super()._acquire(timeout)
        except TimeoutError as error:
            raise NoConnection from error


class Transaction(TransactionContextPooled):
    """What `in_transaction` enters. However it ends, its task and its pool are as they were before."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        self.client._connection = await self.client._parent._pool.acquire()
        self.token = get_connections().set(self.connection_name, self.client)
        try:
            await self.client.begin()
        except BaseException:  # a cancelled task goes on to clean up
            await self._leave()
            raise
        return self.client

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if self.client._finalized:
                return
            if kind is None:
                await self.client.commit()
            elif kind is not TransactionManagementError:  # one that has failed already cannot be rolled back
                await self.client.rollback()
        finally:
            await self._leave()

    async def _leave(self) -> None:
        try:
            get_connections().reset(self.token)
        finally:  # whoever ends it in another context than it began in is refused by `reset`
            if self.client._parent._pool is not None:
                await self.client._parent._pool.release(self.client._connection)


class Client(AsyncpgDBClient):
    connection_class = Connection

    def _in_transaction(self) -> TransactionContext:
        return Transaction(TransactionWrapper(self), self._pool_init_lock)

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
