"""Connections shared out among processes that accept from one listening socket: to whoever holds the fewest.

Left to themselves the processes race, and one may win most of the time: of 1,000 sockets that came to four of
them one took 465 and another 91, and those sockets stay for hours. So each tells the others how many it holds
(a number each in a file that all have mapped), and one that holds more than another lets a new connection lie
for `DEFER_SECONDS`. Nobody is waited for longer: where those with fewer hang, are busy or have died, the
connection is taken all the same.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import mmap
import socket
import struct
from collections.abc import Callable
from pathlib import Path

HELD = "held"  # the name of that file
DEFER_SECONDS = 0.003
AT_ONCE = 16  # of those that nobody else took; then the others have their turn again
FULL_SECONDS = 1.0  # without a free descriptor nothing can be accepted
# What `accept` may say of the one connection that it took from the queue (accept(2), "Error handling").
ITS_OWN = frozenset(
    {
        errno.ECONNABORTED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
        errno.EPROTO,
    }
)
NOBODY = 2**63 - 1  # the place of a process that is not there
_NUMBER = struct.Struct("=q")

log = logging.getLogger(__name__)


def prepare(path: Path, processes: int) -> None:
    """Make the file in which that many processes tell what they hold."""
    path.write_bytes(_NUMBER.pack(NOBODY) * processes)


class Shares:
    """How many connections each process holds; `place` counts from 1."""

    def __init__(self, path: Path, place: int) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._at = (place - 1) * _NUMBER.size

    def tell(self, held: int) -> None:
        _NUMBER.pack_into(self._map, self._at, held)

    def is_least(self, held: int) -> bool:
        """Whether no other holds fewer. What a killed one told last stands until the next has its place."""
        self.tell(held)
        return all(held <= number for (number,) in _NUMBER.iter_unpack(self._map))


class Acceptor:
    """Accepts for one process, in the place of an `asyncio.Server`; `held` counts what it holds already."""

    def __init__(
        self,
        listening: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        shares: Shares,
        held: Callable[[], int],
    ) -> None:
        self._listening = listening
        self._protocol = protocol
        self._shares = shares
        self._held = held
        self._opening: set[asyncio.Task[None]] = set()
        self._later: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        listening.setblocking(False)
        self.tell()
        self._listen()

    def tell(self) -> None:
        """Connections end without a word to this object: call it now and then."""
        self._shares.tell(self._count())

    def close(self) -> None:
        self._is_closed = True
        self._loop.remove_reader(self._listening)
        if self._later is not None:
            self._later.cancel()
        self._shares.tell(NOBODY)

    async def wait_closed(self) -> None:
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _count(self) -> int:
        return self._held() + len(self._opening)

    def _listen(self) -> None:
        self._later = None
        self._loop.add_reader(self._listening, self._comes)

    def _pause(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listening)
        self._later = self._loop.call_later(seconds, then)

    def _comes(self) -> None:
        if self._shares.is_least(self._count()):
            self._accept()
        else:
            self._pause(DEFER_SECONDS, self._take_what_is_left)

    def _take_what_is_left(self) -> None:
        self._listen()
        for _ in range(AT_ONCE):
            if not self._accept():
                break

    def _accept(self) -> bool:
        """False where another process was quicker, or nothing can be accepted."""
        try:
            connection, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            if error.errno in ITS_OWN:
                return False
            log.warning("no connection can be accepted for a moment: %s", error.strerror)
            self._pause(FULL_SECONDS, self._listen)
            return False
        connection.setblocking(False)
        task = self._loop.create_task(self._open(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return True

    async def _open(self, connection: socket.socket) -> None:
        try:
            transport, _ = await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError as error:  # the client has gone already
            log.debug("a connection was gone before it was opened: %s", error)
            connection.close()
        except Exception:
            log.exception("a connection could not be opened")
            connection.close()
        else:
            if self._is_closed:  # whoever told the others to end did not know of this one
                transport.close()
