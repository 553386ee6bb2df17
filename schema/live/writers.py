"""A socket as live updates see it, and what serves where its transport is not to be had."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol


class Waiter(Protocol):
    def resume(self) -> None:
        """The socket takes bytes again."""
        ...


class Writer(Protocol):
    """A text message is given in two pieces: its head is of one operation, its body of many."""

    def write_now(self, head: bytes, body: bytes) -> bool:
        """False, and nothing is written, while something waits to be taken, or where the socket is over."""
        ...

    async def write_in_turn(self, head: bytes, body: bytes) -> None:
        """When nothing waits any more. Raises OSError where the socket is over."""
        ...

    def wait(self, waiter: Waiter) -> None:
        """Resume it, once, when something may be written again."""
        ...

    def forget(self, waiter: Waiter) -> None: ...

    async def close(self) -> None:
        """Nothing is written any more."""
        ...


class QueuedWriter:
    """For servers and test clients that give no more than a `send`: one message waits, in one task."""

    def __init__(self, send_text: Callable[[str], Awaitable[None]]) -> None:
        self._send_text = send_text
        self._waiting: dict[Waiter, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    def write_now(self, head: bytes, body: bytes) -> bool:
        if self._is_over or self._task is not None:
            return False
        self._task = asyncio.create_task(self._write((head + body).decode()), name="socket-writer")
        return True

    async def write_in_turn(self, head: bytes, body: bytes) -> None:
        while self._task is not None:
            await asyncio.wait((self._task,))
        if not self.write_now(head, body):
            raise ConnectionError
        assert self._task is not None
        await asyncio.wait((self._task,))
        if self._is_over:
            raise ConnectionError

    def wait(self, waiter: Waiter) -> None:
        self._waiting[waiter] = None

    def forget(self, waiter: Waiter) -> None:
        self._waiting.pop(waiter, None)

    async def close(self) -> None:
        self._is_over = True
        task, self._task = self._task, None  # cancelled before it began, it could not say so itself
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    async def _write(self, text: str) -> None:
        try:
            await self._send_text(text)
        except Exception:  # however the server says that the client is gone
            self._is_over = True
        finally:
            self._task = None
        while self._waiting and self._task is None and not self._is_over:
            waiter = next(iter(self._waiting))
            del self._waiting[waiter]
            waiter.resume()
