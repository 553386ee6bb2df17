"""Whoever watches something watches on while the database is away: the rows are there when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from domain.outages import refusal_of

AWAY_SECONDS = 0.5

T = TypeVar("T")


async def patiently(read: Callable[[], Awaitable[T]]) -> T:
    """What the read returns, however long the database is away. Any other error is raised."""
    while True:
        try:
            return await read()
        except Exception as error:
            if refusal_of(error) is None:
                raise
        await asyncio.sleep(AWAY_SECONDS)
