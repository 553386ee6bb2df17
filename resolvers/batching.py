"""Many loads of one turn of the event loop become one call.

A Batch belongs to one operation (or one event): it keeps what it loaded, so it must not live longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
Name = TypeVar("Name", bound=Hashable)


class Batch(Generic[Key, Value]):
    """`fetch` gets the distinct keys and answers a mapping; a key that it leaves out loads as None."""

    def __init__(self, fetch: Callable[[list[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        self._fetch = fetch
        self._found: dict[Key, asyncio.Future[Value | None]] = {}
        self._wanted: list[Key] = []
        self._running: set[asyncio.Task[None]] = set()

    def load(self, key: Key) -> asyncio.Future[Value | None]:
        future = self._found.get(key)
        if future is None or future.cancelled():
            loop = asyncio.get_running_loop()
            future = self._found[key] = loop.create_future()
            if not self._wanted:
                loop.call_soon(self._dispatch)
            self._wanted.append(key)
        return future

    async def load_many(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """Those of the keys that there are, in one call with all that is wanted in the same turn."""
        futures = {key: self.load(key) for key in keys}
        found = {key: await future for key, future in futures.items()}
        return {key: value for key, value in found.items() if value is not None}

    async def load_referred(self, keys: Mapping[Name, Key | None]) -> dict[Name, Value]:
        """What each name refers to by a key, without the names that refer to nothing."""
        found = await self.load_many(key for key in keys.values() if key is not None)
        return {name: found[key] for name, key in keys.items() if key in found}

    def _dispatch(self) -> None:
        keys, self._wanted = self._wanted, []
        task = asyncio.get_running_loop().create_task(self._answer(keys))
        self._running.add(task)  # the loop itself keeps only weak references
        task.add_done_callback(self._running.discard)

    async def _answer(self, keys: list[Key]) -> None:
        try:
            values = await self._fetch(keys)
        except Exception as error:
            for key in keys:
                if not self._found[key].done():
                    self._found[key].set_exception(error)
                    self._found[key].exception()  # seen: who gives up at the first leaves the others unasked
        else:
            for key in keys:
                if not self._found[key].done():
                    self._found[key].set_result(values.get(key))
