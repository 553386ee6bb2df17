"""How DATABASE_URL is read, and that the tables in the database are the tables in the code."""

from __future__ import annotations

import asyncio

import pytest
from tortoise.context import TortoiseContext

from db.accounts import User, get_or_create_local_owner
from db.connection import BadDatabaseUrl, DatabaseAddress, DatabaseAway, open_database, parse_database_url
from db.make_migration import changes
from db.migrate import PendingMigrations, migrate, pending, refuse_pending, written


def test_a_url_with_everything() -> None:
    address = parse_database_url(
        "postgresql://bird:p%40ss@db.example:6543/songs?sslmode=require&connect_timeout=3"
    )
    assert address == DatabaseAddress(
        "db.example", 6543, "bird", "p@ss", "songs", sslmode="require", connect_timeout_seconds=3.0
    )


@pytest.mark.parametrize(
    "url",
    ["postgresql://postgres@/songs?host=/run/a", "postgres://postgres@%2Frun%2Fa/songs"],
)
def test_a_unix_socket(url: str) -> None:
    address = parse_database_url(url)
    assert (address.host, address.database, address.port) == ("/run/a", "songs", 5432)
    assert address.credentials(4)["ssl"] is False


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("mysql://localhost/songs", "postgresql://"),
        ("songs", "postgresql://"),
        ("postgresql://localhost/songs?max_size=4", "max_size"),
        ("postgresql://localhost:99999/songs", "port"),
        ("postgresql://localhost/songs?sslmode=perhaps", "sslmode"),
        ("postgresql://localhost/songs?connect_timeout=soon", "connect_timeout"),
        ("postgresql://localhost/songs?connect_timeout=nan", "connect_timeout"),
    ],
)
def test_a_bad_url_is_refused_by_name(url: str, word: str) -> None:
    with pytest.raises(BadDatabaseUrl, match=word):
        parse_database_url(url)


def test_the_password_is_not_shown() -> None:
    with pytest.raises(BadDatabaseUrl) as refused:
        parse_database_url("postgresql://bird:secret@localhost:0x10/songs?strange=1")
    assert "secret" not in str(refused.value)


async def test_the_migrations_make_the_tables_of_the_code(database: TortoiseContext) -> None:
    assert await pending() == []
    assert [writer.operations for writer in await changes()] == []


async def test_every_constraint_and_index_of_the_code_is_in_the_database(database: TortoiseContext) -> None:
    assert database.apps is not None
    promised = {
        part.name
        for models in database.apps.values()
        for model in models.values()
        for part in (*model._meta.indexes, *getattr(model._meta, "constraints", ()))
    }
    rows = await database.db().execute_query_dict(
        "SELECT conname AS name FROM pg_constraint UNION SELECT indexname FROM pg_indexes"
    )
    assert {"jobs_due", "jobs_state_known", "jobs_one_for_a_key", "users_role_known"} <= promised
    assert promised <= {row["name"] for row in rows}


async def test_the_database_numbers_events_itself(database: TortoiseContext) -> None:
    rows = await database.db().execute_query_dict(
        "SELECT table_name, column_default FROM information_schema.columns"
        " WHERE (table_name, column_name) IN (('job_events', 'position'), ('job_attempts', 'id'),"
        " ('job_inputs', 'id'), ('job_outputs', 'id'))"
    )
    assert len(rows) == 4
    assert all(str(row["column_default"]).startswith("nextval(") for row in rows)


async def test_other_tasks_reach_the_database(database_url: str) -> None:
    opened, close = asyncio.Event(), asyncio.Event()

    async def lifespan() -> None:
        async with open_database(database_url):
            opened.set()
            await close.wait()

    task = asyncio.create_task(lifespan())
    await opened.wait()
    assert await User.all().count() == 0
    close.set()
    await task
    with pytest.raises(RuntimeError, match="No TortoiseContext"):
        await User.all().count()


async def test_one_local_owner_however_many_ask_at_once(database: TortoiseContext) -> None:
    owners = await asyncio.gather(*(get_or_create_local_owner() for _ in range(20)))
    assert len({owner.id for owner in owners}) == 1


async def test_a_pool_that_is_busy_makes_callers_wait_and_not_fail(database_url: str) -> None:
    async with open_database(database_url, pool_size=2) as context:
        waits = [context.db().execute_query("SELECT pg_sleep(0.02)") for _ in range(12)]
        assert len(await asyncio.gather(*waits)) == 12


async def test_an_empty_database_is_pending_and_said_to_be(empty_database_url: str) -> None:
    async with open_database(empty_database_url):
        assert await pending() == written()
        with pytest.raises(PendingMigrations, match="starling migrate"):
            await refuse_pending()


async def test_several_migrate_at_once(empty_database_url: str) -> None:
    done = await asyncio.gather(*(migrate(empty_database_url) for _ in range(4)))
    assert sorted(done) == [[], [], [], written()]


async def test_a_migration_that_fails_leaves_nothing(empty_database_url: str) -> None:
    async with open_database(empty_database_url) as context:
        await context.db().execute_script("CREATE TABLE workers (id int)")
    with pytest.raises(Exception, match="workers"):
        await migrate(empty_database_url)
    async with open_database(empty_database_url) as context:
        assert await pending() == written()
        rows = await context.db().execute_query_dict("SELECT to_regclass('jobs')::text AS jobs")
        assert rows == [{"jobs": None}]
        await context.db().execute_script("DROP TABLE workers")
    assert await migrate(empty_database_url) == written()


async def test_a_dead_server_is_an_error_and_not_a_hang() -> None:
    with pytest.raises(DatabaseAway, match="/nonexistent"):
        async with open_database("postgresql://postgres@/postgres?host=/nonexistent&connect_timeout=1"):
            pass
