"""Databases of the session's PostgreSQL: statements, and empty ones (migrated: `tests.support.clones`)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeVar

import asyncpg

_NUMBERS = count(1)
Result = TypeVar("Result")


def run_alone(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine in a loop of its own that is never the thread's current loop."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)


def named(url: str, database: str) -> str:
    """The same server, another database."""
    return url.replace("@/postgres?", f"@/{database}?")


def execute(url: str, *statements: str) -> None:
    """Run statements, each in a transaction of its own."""

    async def work() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    run_alone(work())


def fetch(url: str, query: str, *arguments: object) -> list[dict[str, Any]]:
    """The rows of one query, over a connection of its own."""

    async def work() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(url)
        try:
            return [dict(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    return run_alone(work())


@contextmanager
def empty(url: str) -> Iterator[str]:
    """The URL of a fresh database without tables that is dropped at the end."""
    name = f"empty_{next(_NUMBERS)}"
    execute(url, f"CREATE DATABASE {name}")
    try:
        yield named(url, name)
    finally:
        execute(url, f"DROP DATABASE {name} WITH (FORCE)")
