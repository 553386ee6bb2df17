"""Running a named statement in the connection, or the open transaction, of this task."""

from __future__ import annotations

from typing import Any

from tortoise.context import require_context
from tortoise.exceptions import IntegrityError, OperationalError


async def rows(statement: str, *values: Any) -> list[dict[str, Any]]:
    """What a statement that begins with SELECT or WITH returns."""
    return await require_context().db().execute_query_dict(statement, list(values))


async def run(statement: str, *values: Any) -> None:
    await require_context().db().execute_query(statement, list(values))


def is_refusal(error: BaseException) -> bool:
    """Whether the database judged the statement wrong, so that trying again is no use.

    Everything else (no connection, a shutdown, a deadlock) is an outage that may pass.
    """
    return isinstance(error, OperationalError | IntegrityError)
