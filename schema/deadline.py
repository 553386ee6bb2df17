"""How long a query may take, whichever way it came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from graphql import ExecutionResult, GraphQLError

from domain.errors import TimedOut

QUERY_SECONDS = 30.0


async def in_time(pending: Awaitable[ExecutionResult]) -> ExecutionResult:
    """What a query answers; one that takes too long is cut off, and its answer is that."""
    try:
        async with asyncio.timeout(QUERY_SECONDS):
            return await pending
    except TimeoutError:
        cut = TimedOut(f"The query took longer than {QUERY_SECONDS:g} seconds: ask for less")
        return ExecutionResult(None, [GraphQLError(str(cut), original_error=cut)])
