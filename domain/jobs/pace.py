"""Whether a reader keeps up with what it is sent."""

from __future__ import annotations

import time

SLOW_SECONDS = 1.0
EACH_SECONDS = 0.25  # a job in progress changes no more often


class Pace:
    """Of one batch, from the moment that it is there to be sent."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self._taken = 0

    def is_slow(self) -> bool:
        """Asked after each update was taken: it took too long itself, or all take longer than jobs change."""
        before, self._last = self._last, time.monotonic()
        self._taken += 1
        allowed = max(SLOW_SECONDS, self._taken * EACH_SECONDS)
        return self._last - before > SLOW_SECONDS or self._last - self._began > allowed
