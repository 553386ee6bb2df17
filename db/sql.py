"""Running a named statement in the connection, or the open transaction, of this task."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import asyncpg
from tortoise.context import require_context
from tortoise.exceptions import BaseORMException, IntegrityError, OperationalError
from tortoise.models import Model

Row = TypeVar("Row", bound=Model)


async def rows(statement: str, *values: Any) -> list[dict[str, Any]]:
    """What a statement that begins with SELECT or WITH returns."""
    return await require_context().db().execute_query_dict(statement, list(values))


async def objects(kind: type[Row], statement: str, *values: Any) -> list[Row]:
    """What a statement returns, as rows of a table. Where it is asked often: to build a query takes Tortoise
    several times as long as to run it."""
    return [kind._init_from_db(**row) for row in await rows(statement, *values)]


async def run(statement: str, *values: Any) -> None:
    await require_context().db().execute_query(statement, list(values))


async def now() -> datetime:
    """The database's clock, the only one whose times go into rows: machines disagree."""
    (row,) = await rows("SELECT now() AS now")
    moment: datetime = row["now"]
    return moment


def is_refusal(error: BaseException) -> bool:
    """Whether the database judged the statement wrong, so that trying again is no use.

    Everything else (no connection, a shutdown, a deadlock) is an outage that may pass.
    """
    return isinstance(error, OperationalError | IntegrityError)


def is_of_database(error: BaseException) -> bool:
    """Whether the database or the way to it raised this, and not the program between two statements."""
    from_client = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    return isinstance(error, (BaseORMException, *from_client, OSError, TimeoutError))
