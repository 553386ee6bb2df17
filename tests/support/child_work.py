"""What test jobs do in child processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

Report = Callable[[float, str | None], None]


def count(seconds: float, report: Report) -> int:
    """Busy for so long, with progress."""
    began = time.monotonic()
    while (gone := time.monotonic() - began) < seconds:
        report(100 * gone / seconds, "counting")
        time.sleep(0.01)
    return os.getpid()


def segfault(report: Report) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hog(report: Report) -> None:
    """Take memory until somebody ends it."""
    blocks = []
    while True:
        blocks.append(bytearray(os.urandom(1 << 20) * 16))
        time.sleep(0.005)


def hang(report: Report) -> None:
    """Never come back, deaf to SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass
