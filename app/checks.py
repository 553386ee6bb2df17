"""Asking something that may never answer, again and again, without ever having two questions under way.

`/ready` and `/metrics` are asked every few seconds by machines that do not mind whether the last answer came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from redis.asyncio import Redis

Result_co = TypeVar("Result_co", covariant=True)


class Check(Generic[Result_co]):
    """One question. Whoever asks while it is under way waits for the same answer, each as long as they like.

    A question that hangs (a database behind a network that swallows packets, a mount whose server is gone)
    so holds one connection or one thread and not one more with each request.
    """

    def __init__(self, ask: Callable[[], Awaitable[Result_co]]) -> None:
        self._ask = ask
        self._asking: asyncio.Task[Result_co] | None = None

    async def answer(self, seconds: float) -> Result_co:
        """Raises TimeoutError after so long, and whatever the question raises."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._asked())
            self._asking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        asking = self._asking
        await asyncio.wait({asking}, timeout=seconds)
        if not asking.done():
            raise TimeoutError(f"no answer in {seconds:g} s")
        return asking.result()

    async def _asked(self) -> Result_co:
        return await self._ask()


async def ping_redis(url: str, seconds: float) -> None:
    """Over a connection of its own. Raises RedisError, OSError or TimeoutError."""
    async with Redis.from_url(url, socket_connect_timeout=seconds, socket_timeout=seconds) as client:
        await client.ping()
