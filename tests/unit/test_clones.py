"""A database that many tests use is as new for each of them."""

from __future__ import annotations

import asyncpg
import pytest

from tests.support.clones import Clones
from tests.support.databases import execute, fetch

SOMEBODY = (
    "INSERT INTO users (id, username, role, created_at) VALUES (gen_random_uuid(), 'a', 'ADMIN', now())"
)
IDENTITY = "SELECT oid FROM pg_database WHERE datname = current_database()"
PLANNED = """SELECT reltuples::int, relpages, pg_relation_size(oid)::int AS bytes FROM pg_class
WHERE relname = 'users'"""
COUNTED = """SELECT sequencename, last_value FROM pg_sequences
WHERE sequencename NOT LIKE 'tortoise_migrations%' ORDER BY 1"""


def test_rows_are_gone_and_numbers_begin_again(clones: Clones) -> None:
    with clones.one() as first:
        identity, planned, counted = fetch(first, IDENTITY), fetch(first, PLANNED), fetch(first, COUNTED)
        execute(first, SOMEBODY, *(f"SELECT nextval('{row['sequencename']}')" for row in counted))
        assert (fetch(first, PLANNED), fetch(first, COUNTED)) != (planned, counted)
    with clones.one() as second:
        assert fetch(second, IDENTITY) == identity, "it is another database: nothing is shown"
        assert fetch(second, "SELECT * FROM users") == []
        assert (fetch(second, PLANNED), fetch(second, COUNTED)) == (planned, counted)


def test_whoever_knows_the_name_of_before_finds_nothing(clones: Clones) -> None:
    with clones.one() as first:
        pass
    with clones.one(), pytest.raises(asyncpg.InvalidCatalogNameError):
        fetch(first, "SELECT 1")


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE posters (id int)",
        "ALTER TABLE users ADD COLUMN age int",
        "ALTER TABLE users ALTER COLUMN username DROP NOT NULL",
        "CREATE INDEX ON users (created_at)",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET jit = on', current_database()); END $$",
        "DELETE FROM tortoise_migrations",
        f"{SOMEBODY}; ANALYZE users",
        "INSERT INTO users SELECT gen_random_uuid(), n, 'ADMIN', now() FROM generate_series(1, 50000) n",
    ],
)
def test_what_changed_in_another_way_is_not_used_again(clones: Clones, change: str) -> None:
    with clones.one() as first:
        identity = fetch(first, IDENTITY)
        execute(first, change)
    with clones.one() as second:
        assert fetch(second, IDENTITY) != identity
        assert fetch(second, "SELECT name FROM tortoise_migrations") != []
