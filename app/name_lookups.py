"""Addresses of names, by the system's resolver, which may hang for half a minute."""

from __future__ import annotations

import asyncio
import socket
import threading

MOST_AT_ONCE = 32  # a name server that hangs holds a thread for each


class NameLookups:
    """In threads of its own, so that others are not held up; they are daemons, so that none of them keeps
    a process from ending."""

    def __init__(self) -> None:
        self._free = threading.Semaphore(MOST_AT_ONCE)

    async def __call__(self, host: str, port: int) -> list[str]:
        """In the order of preference. Raises OSError (also where too many lookups hang)."""
        if not self._free.acquire(blocking=False):
            raise OSError("too many names are being looked up")
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[str]] = loop.create_future()

        def settle(addresses: list[str], error: OSError | None) -> None:
            if found.done():
                return
            if error is None:
                found.set_result(addresses)
            else:
                found.set_exception(error)

        def look_up() -> None:
            addresses: list[str] = []
            problem: OSError | None = None
            try:
                entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
            except (OSError, UnicodeError) as error:
                problem = error if isinstance(error, OSError) else OSError("no such name")
            finally:
                self._free.release()
            try:
                loop.call_soon_threadsafe(settle, addresses, problem)
            except RuntimeError:
                return  # the loop has ended meanwhile: nobody waits

        threading.Thread(target=look_up, name="webhook-lookup", daemon=True).start()
        return await found
