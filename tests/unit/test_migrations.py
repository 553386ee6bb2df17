"""A database of an earlier version comes up to this one, with its rows."""

from __future__ import annotations

import asyncpg
import pytest
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.transactions import in_transaction

from db.connection import APP_LABEL, parse_database_url, tortoise_config
from db.make_migration import changes
from db.migrate import migrate, written


async def _migrate_to(url: str, name: str) -> None:
    """What an earlier version left: everything up to this migration."""
    config = tortoise_config(parse_database_url(url), pool_size=1)
    async with TortoiseContext() as context:
        await context.init(config=config)
        async with in_transaction() as transaction:
            executor = MigrationExecutor(transaction, config["apps"])
            await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
            await executor.migrate([MigrationTarget(APP_LABEL, name)])


@pytest.mark.parametrize("earlier", written()[:-1])
async def test_a_database_of_each_earlier_version_comes_up(empty_database_url: str, earlier: str) -> None:
    await _migrate_to(empty_database_url, earlier)
    connection = await asyncpg.connect(empty_database_url)
    try:
        await connection.execute(
            "INSERT INTO users (id, username, role, created_at)"
            " VALUES (gen_random_uuid(), 'bird', 'ADMIN', now())"
        )
        assert await migrate(empty_database_url) == [name for name in written() if name > earlier]
        assert await connection.fetchval("SELECT username FROM users") == "bird"
        assert await migrate(empty_database_url) == []
    finally:
        await connection.close()


async def test_the_migrations_make_the_tables_of_the_models() -> None:
    assert await changes() == []
