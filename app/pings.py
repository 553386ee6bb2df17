"""Whether the clients of a process's sockets are still there: one clock for all of them.

A ping of its own timers, its own random payload and its own turn of the loop costs as much as four updates.
Here the sockets stand in groups, a group is asked at a time, and it is looked at again when the time for the
answers is up: nothing is scheduled for a socket alone, and its pongs come together.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

TICK_SECONDS = 0.1


class Asked(Protocol):
    """A socket that is open."""

    def ask(self, payload: bytes, at: float) -> None:
        """Send a ping with this payload (4 bytes), at a time of the loop."""
        ...

    def judge(self, asked_by: float) -> None:
        """Let the client go that was asked by then and has not answered."""
        ...


class PingRounds:
    """Each socket is asked once in `interval_seconds`, and judged `timeout_seconds` after it (and once a
    round from then on, where the time for the answer is longer than a round).

    It belongs to one event loop, and runs while there are sockets.
    """

    def __init__(self, interval_seconds: float, timeout_seconds: float) -> None:
        count = max(1, round(interval_seconds / TICK_SECONDS))
        self.timeout_seconds = timeout_seconds
        self._tick_seconds = interval_seconds / count
        self._groups: list[dict[Asked, None]] = [{} for _ in range(count)]
        self._behind = -int(-timeout_seconds // self._tick_seconds)  # ticks, rounded up
        self._group_of: dict[Asked, dict[Asked, None]] = {}
        self._joined = 0
        self._ticks = 0
        self._timer: asyncio.TimerHandle | None = None

    def join(self, socket: Asked) -> None:
        """Those who come at once are spread over the round, so the first ping is at most a round away."""
        group = self._groups[self._joined % len(self._groups)]
        self._joined += 1
        self._group_of[socket] = group
        group[socket] = None
        if self._timer is None:
            self._wait()

    def leave(self, socket: Asked) -> None:
        """Whoever is not there may leave as well."""
        group = self._group_of.pop(socket, None)
        if group is not None:
            del group[socket]
        if not self._group_of and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._tick_seconds, self._tick)

    def _tick(self) -> None:
        self._wait()
        self._ticks += 1
        now = asyncio.get_running_loop().time()
        payload = (self._ticks & 0xFFFF_FFFF).to_bytes(4, "big")
        asked_by = now - self.timeout_seconds + self._tick_seconds / 2  # a clock's ticks are not exact
        for socket in tuple(self._groups[(self._ticks - self._behind) % len(self._groups)]):
            socket.judge(asked_by)
        for socket in tuple(self._groups[self._ticks % len(self._groups)]):
            socket.ask(payload, now)
