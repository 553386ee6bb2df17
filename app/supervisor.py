"""Keeping the parts of `starling serve` alive until somebody says stop.

One thread, no event loop: it sleeps until a signal comes or a child ends. A part that ends is started
again after a pause that doubles from 0.2 to 10 seconds and starts over when it has lived for 30.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0
LOOK_SECONDS = 0.5  # a signal that came between two looks is seen after this at the latest


class Part(Protocol):
    """Something that runs as one child process."""

    name: str
    process: subprocess.Popen[bytes] | None

    def restart(self) -> None: ...


@dataclass
class Watched:
    part: Part
    started_at: float = field(default_factory=time.monotonic)
    pause_seconds: float = FIRST_PAUSE_SECONDS
    start_at: float | None = None  # when it is to be started again

    def look(self, now: float) -> None:
        if self.start_at is not None:
            if now >= self.start_at:
                self._start(now)
            return
        code = None if self.part.process is None else self.part.process.poll()
        if code is None:
            return
        if now - self.started_at > STEADY_SECONDS:
            self.pause_seconds = FIRST_PAUSE_SECONDS
        log.warning("%s ended with %s, it starts again in %.1f s", self.part.name, code, self.pause_seconds)
        self._again(now)

    def _start(self, now: float) -> None:
        try:
            self.part.restart()
        except Exception:
            log.exception("%s does not start", self.part.name)
            self._again(now)
            return
        self.started_at, self.start_at = now, None

    def _again(self, now: float) -> None:
        self.start_at = now + self.pause_seconds
        self.pause_seconds = min(self.pause_seconds * 2, LONGEST_PAUSE_SECONDS)


class StopSignals:
    """How often a stop was asked for: by SIGINT, SIGTERM, or by closing the terminal (SIGHUP)."""

    def __init__(self, reading: int) -> None:
        self._reading = reading
        self.received = 0

    def count(self, *_: object) -> None:
        self.received += 1

    def wait(self, seconds: float) -> bool:
        """Sleep until something happens, the end of a child too; True once a stop was asked for."""
        if not self.received and select.select([self._reading], [], [], seconds)[0]:
            os.read(self._reading, 4096)
        return self.received > 0


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signals = StopSignals(reading)
    stopping = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        stopping.append(signal.SIGHUP)
    before = {number: signal.signal(number, signals.count) for number in stopping}
    before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def supervise(parts: Sequence[Part], signals: StopSignals, until: Callable[[], bool] = lambda: False) -> None:
    """Keep the parts alive until a stop is asked for, or until `until` says so."""
    watched = [Watched(part) for part in parts]
    while not signals.wait(LOOK_SECONDS) and not until():
        now = time.monotonic()
        for one in watched:
            one.look(now)
