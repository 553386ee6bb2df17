"""Whoever watches something watches on while the database is away: the rows are there when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from db import sql
from db.postgres import NoConnection
from domain.outages import refusal_of

AWAY_SECONDS = 0.5
MOST_TIMEOUTS = 2  # one may be of a connection that was cut off meanwhile

T = TypeVar("T")


async def patiently(read: Callable[[], Awaitable[T]]) -> T:
    """What the read returns, however long the database is away. Any other error is raised.

    So is the TimeoutError of a read that is too much for a database that answers: it would be asked for ever,
    and whoever waits would hear nothing.
    """
    timeouts = 0
    while True:
        try:
            return await read()
        except Exception as error:
            if refusal_of(error) is None:
                raise
            if not await _is_too_much(error):
                timeouts = 0
            elif (timeouts := timeouts + 1) >= MOST_TIMEOUTS:
                raise
        await asyncio.sleep(AWAY_SECONDS)


async def _is_too_much(error: Exception) -> bool:
    """Whether a read ran out of time at a database that answers others."""
    if not isinstance(error, TimeoutError) or isinstance(error, NoConnection):
        return False
    try:
        await sql.now()
    except Exception as error:
        if refusal_of(error) is None:
            raise
        return False
    return True
