"""Migrated databases for tests, each used by many of them, one after another.

To copy the template and to drop the copy writes and removes hundreds of files, which took a third of the
time of the whole suite. So what a test leaves behind is emptied for a later one, and has another name by
then: whoever of the test before still knows the old one finds nothing. A test that changed more than rows
(the tables, their statistics, the record of the migrations) or wrote very many has its database dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import asyncpg

from db.migrate import migrate
from tests.support.databases import execute, named, run_alone

TEMPLATE = "starling_template"
EMPTIED_BYTES = 2 * 1024**2  # beyond these it is quicker to copy the template

# All that a test could leave different but rows, and the rows that every database has from the beginning.
_SHAPE = """
SELECT concat_ws(' ',
    (SELECT sum(hashtextextended(concat_ws(' ', oid, relname, relkind, reloptions), 0))
       FROM pg_class WHERE oid >= 16384),
    (SELECT sum(hashtextextended(a::text, 0)) FROM pg_attribute a WHERE attrelid >= 16384),
    (SELECT sum(hashtextextended(a::text, 0)) FROM pg_attrdef a),
    (SELECT sum(hashtextextended(c::text, 0)) FROM pg_constraint c WHERE oid >= 16384),
    (SELECT sum(hashtextextended(t::text, 0)) FROM pg_trigger t),
    (SELECT sum(hashtextextended(p::text, 0)) FROM pg_proc p WHERE oid >= 16384),
    (SELECT count(*) FROM pg_statistic WHERE starelid >= 16384),
    (SELECT count(*) FROM pg_db_role_setting),
    (SELECT sum(hashtextextended(m::text, 0)) FROM tortoise_migrations m))
"""
_WRITTEN = """
SELECT relname, pg_table_size(oid) AS bytes FROM pg_class
WHERE relkind = 'r' AND oid >= 16384 AND relname <> 'tortoise_migrations' AND pg_relation_size(oid) > 0
"""
_COUNTED = """
SELECT sequencename FROM pg_sequences
WHERE last_value IS NOT NULL AND sequencename NOT LIKE 'tortoise_migrations%'
"""


class Clones:
    """Those of one server. `url` is that of its database `postgres`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = count(1)
        self._spare: list[str] = []
        execute(url, f"CREATE DATABASE {TEMPLATE}")
        run_alone(migrate(named(url, TEMPLATE)))
        self._shape = run_alone(self._read_template())

    @contextmanager
    def one(self) -> Iterator[str]:
        """The URL of a database as it is after all migrations, that nobody else uses."""
        name = self._spare.pop() if self._spare else self._copy()
        try:
            yield named(self._url, name)
        finally:
            run_alone(self._take_back(name))

    def _copy(self) -> str:
        name = self._new_name()
        execute(self._url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return name

    def _new_name(self) -> str:
        return f"test_{next(self._numbers)}"

    async def _read_template(self) -> str:
        connection = await asyncpg.connect(named(self._url, TEMPLATE))
        try:
            assert not await connection.fetch(_WRITTEN), "rows of a migration would not come back"
            shape: str = await connection.fetchval(_SHAPE)
            return shape
        finally:
            await connection.close()

    async def _take_back(self, name: str) -> None:
        server = await asyncpg.connect(self._url)
        try:
            await server.execute(
                f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
            )
            fresh = self._new_name()
            try:
                await server.execute(f"ALTER DATABASE {name} RENAME TO {fresh}")
            except asyncpg.ObjectInUseError:  # by somebody who connects again and again
                await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
                return
            if await self._emptied(fresh):
                self._spare.append(fresh)
            else:
                await server.execute(f"DROP DATABASE {fresh} WITH (FORCE)")
        finally:
            await server.close()

    async def _emptied(self, name: str) -> bool:
        """Whether it is as it was at first."""
        connection = await asyncpg.connect(named(self._url, name))
        try:
            if await connection.fetchval(_SHAPE) != self._shape:
                return False
            written = await connection.fetch(_WRITTEN)
            if sum(table["bytes"] for table in written) > EMPTIED_BYTES:
                return False
            for (sequence,) in await connection.fetch(_COUNTED):
                await connection.execute(f"ALTER SEQUENCE {sequence} RESTART")
            if written:
                await _empty(connection, [table["relname"] for table in written])
            return True
        finally:
            await connection.close()


async def _empty(connection: asyncpg.Connection, tables: list[str]) -> None:
    """No row is left, nor a page, nor what a planner would remember of them. TRUNCATE would have to begin all
    tables anew that refer to one of these, with all their indexes, which takes as long as a copy."""
    deletes = "; ".join(f"DELETE FROM {table}" for table in tables)
    await connection.execute(f"SET session_replication_role = replica; {deletes}")  # in any order
    await connection.execute(f"VACUUM {', '.join(tables)}")
    for table in tables:
        await connection.execute(f"SELECT pg_clear_relation_stats('public', '{table}')")
