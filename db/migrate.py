"""Bringing the database up to the tables of this version.

`migrate` applies what is pending under an advisory lock, in one transaction together with the record
of it: several processes may call it at once, and a process that is killed in the middle leaves either
all of it or nothing. (Tortoise's own executor takes no lock and records after the commit.) So a
migration must not hold what PostgreSQL refuses in a transaction (`CREATE INDEX CONCURRENTLY`).

The next migration after a change of the tables: `python -m db.make_migration NAME`, then read it.
A new column on a table with rows needs `db_default`: `default` alone emits NOT NULL without DEFAULT.
A database that knows more migrations than this version is fine: an old worker beside a new one.
"""

from __future__ import annotations

from pathlib import Path

from tortoise.context import TortoiseContext, require_context
from tortoise.migrations.executor import MigrationExecutor
from tortoise.transactions import in_transaction

from db.connection import APP_LABEL, answer, parse_database_url, tortoise_config

FOLDER = Path(__file__).parent / "migrations"
LOCK_KEY = 0x57A2_1196  # any number that nothing else in this database locks


class PendingMigrations(RuntimeError):
    """The database lacks migrations; the message names them and the command that applies them."""


def written() -> list[str]:
    """The names of all migrations of this version, in order."""
    return sorted(path.stem for path in FOLDER.glob("[0-9]*.py"))


async def pending() -> list[str]:
    """The migrations that the connected database lacks, in order."""
    applied = await _applied()
    return [name for name in written() if name not in applied]


async def unknown() -> list[str]:
    """The migrations that the connected database has and this version does not know, in order."""
    return sorted(await _applied() - set(written()))


async def _applied() -> set[str]:
    connection = require_context().db()
    (table,) = await connection.execute_query_dict("SELECT to_regclass('tortoise_migrations')::text AS name")
    if table["name"] is None:
        return set()
    rows = await connection.execute_query_dict(
        "SELECT name FROM tortoise_migrations WHERE app = $1", [APP_LABEL]
    )
    return {row["name"] for row in rows}


async def refuse_pending() -> None:
    """Raise PendingMigrations unless the connected database has everything."""
    lacking = await pending()
    if lacking:
        raise PendingMigrations(
            f"the database lacks {len(lacking)} migration(s), the first is {lacking[0]}:"
            " run `starling migrate`"
        )


async def migrate(url: str) -> list[str]:
    """Apply what is pending in the database at `url`; returns the names of what was applied."""
    address = parse_database_url(url)
    config = tortoise_config(address, pool_size=1)
    # A lock or an index may take long.
    config["connections"]["default"]["credentials"]["command_timeout"] = None
    async with TortoiseContext() as context:
        await context.init(config=config)
        await answer(context, address)
        if not await pending():
            return []
        async with in_transaction() as transaction:
            await transaction.execute_query("SELECT pg_advisory_xact_lock($1)", [LOCK_KEY])
            executor = MigrationExecutor(transaction, config["apps"])
            await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
            lacking = await pending()
            await executor.migrate(direction="forward")
            return lacking
