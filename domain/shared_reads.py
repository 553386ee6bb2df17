"""Many readers of the same thing at the same moment share one query.

Whoever watches a busy job is woken with hundreds of others that all ask the database the same. A reader
only joins a read that has not begun: one that is running may have missed the change that it was woken for.
Of one thing at most one read runs while at most one more waits for it, so there are never many.

A read ends with the last of its readers. It would hold its place in the pool for nobody, and whoever asks
and leaves again in a loop could make any number of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

from domain.belonging import belonging_to_nobody

T = TypeVar("T")


class SharedReads:
    """What is given to several readers is one object: it must not be changed.

    A query only reads: it may be cancelled at any point.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, asyncio.Task[Any]] = {}
        self._running: dict[Hashable, asyncio.Task[Any]] = {}
        self._readers: dict[asyncio.Task[Any], int] = {}

    async def read(self, key: Hashable, query: Callable[[], Awaitable[T]]) -> T:
        """What `query` returns, or raises, when it is called by any reader of this key from now on."""
        task = self._waiting.get(key) or self._begin(key, query)
        self._readers[task] = self._readers.get(task, 0) + 1
        try:
            return cast(T, await asyncio.shield(task))  # one reader that leaves takes the read from no other
        finally:
            self._leave(key, task)

    def _begin(self, key: Hashable, query: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
        with belonging_to_nobody():
            task = asyncio.create_task(self._run(key, query, self._running.get(key)), name="shared-read")
        task.add_done_callback(_looked_at)
        self._waiting[key] = task
        return task

    def _leave(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        self._readers[task] -= 1
        if self._readers[task]:
            return
        del self._readers[task]
        if self._waiting.get(key) is task:
            del self._waiting[key]  # or the next reader would join a read that is cancelled
        task.cancel()

    async def _run(
        self, key: Hashable, query: Callable[[], Awaitable[T]], before: asyncio.Task[Any] | None
    ) -> T:
        if before is not None:
            await asyncio.wait((before,))
        self._running[key] = self._waiting.pop(key)
        try:
            return await query()
        finally:
            del self._running[key]


def _looked_at(task: asyncio.Task[Any]) -> None:
    """A failed read whose readers all left is no news."""
    if not task.cancelled():
        task.exception()
