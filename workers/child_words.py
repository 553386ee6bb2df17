"""What a child process says on stderr, as log lines of the one whose call it works on.

Libraries in C, the dump of a crash and Python's own warnings write there without asking anybody. A child that
says more than `MOST_LINES` during one call is not listened to any more: it decodes what strangers sent.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging

MOST_LINES = 200
MOST_CHARACTERS = 2000  # of one line

log = logging.getLogger(__name__)


class ChildWords(asyncio.Protocol):
    """Reads the pipe of one child until it ends; `ended` is set then."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._context = contextvars.Context()
        self._rest = b""
        self._said = 0
        self.ended = asyncio.Event()

    def speak_for(self, context: contextvars.Context) -> None:
        """From now on it works on a call of that context."""
        self._context = context
        self._said = 0

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._say(line)
        if len(self._rest) > MOST_CHARACTERS:
            self._say(self._rest)
            self._rest = b""

    def connection_lost(self, error: Exception | None) -> None:
        if self._rest:
            self._say(self._rest)
        self.ended.set()

    def _say(self, line: bytes) -> None:
        text = line.decode(errors="replace").strip()[:MOST_CHARACTERS]
        if not text or self._said > MOST_LINES:
            return
        self._said += 1
        if self._said > MOST_LINES:
            text = f"says more than {MOST_LINES} lines; the rest is left out"
        self._context.run(log.warning, "child %d: %s", self._pid, text)
