"""Running a named statement in the connection, or the open transaction, of this task."""

from __future__ import annotations

from typing import Any

from tortoise.context import require_context


async def rows(statement: str, *values: Any) -> list[dict[str, Any]]:
    """What a statement that begins with SELECT or WITH returns."""
    return await require_context().db().execute_query_dict(statement, list(values))


async def run(statement: str, *values: Any) -> None:
    await require_context().db().execute_query(statement, list(values))
