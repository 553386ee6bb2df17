"""Turns of the event loop: however much is due at once, little is done between two looks at the sockets.

One for all members and groups. A thousand that each do a little, and wait for nothing, block as long as one
that does it all.
"""

from __future__ import annotations

import asyncio
from collections import deque

AT_ONCE = 256  # messages of little size, before other work of the process has its turn: twice that at most
BYTES_OF_ONE = 8 * 1024  # a larger one counts for several


class Turns:
    def __init__(self) -> None:
        self._left = AT_ONCE
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._is_renewed = False  # before the next turn of the loop

    def is_now(self, size: int = 0) -> bool:
        """Whether something of that size may be done at once: then it counts. Else `wait`."""
        if self._waiting or self._left <= 0:
            return False
        self._take(_weight(size))
        return True

    async def share(self, count: int, size: int) -> int:
        """How many of so many things of a size may be done now, after all who asked before: one or more."""
        await self.wait(size)
        more = max(0, min(count - 1, self._left // _weight(size)))
        if more:
            self._take(more * _weight(size))
        return 1 + more

    async def wait(self, size: int = 0) -> None:
        """Until it may be done, after all who asked before."""
        if not self.is_now(size):
            mine = asyncio.get_running_loop().create_future()
            self._waiting.append((mine, size))
            await mine

    def _take(self, weight: int) -> None:
        self._left -= weight
        if not self._is_renewed:
            self._is_renewed = True
            asyncio.get_running_loop().call_soon(self._renew)

    def _renew(self) -> None:
        self._is_renewed = False
        self._left = AT_ONCE
        while self._waiting and self._left > 0:
            next_one, size = self._waiting.popleft()
            if not next_one.done():  # it may have left
                self._take(_weight(size))
                next_one.set_result(None)


def _weight(size: int) -> int:
    return 1 + size // BYTES_OF_ONE
