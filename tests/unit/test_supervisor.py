"""The pauses of the supervisor, by a clock of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from itertools import pairwise
from typing import cast

from app.supervisor import LONGEST_PAUSE_SECONDS, StopSignals, Watched, stop_signals, supervise


class Ended:
    """A process that has ended already."""

    def poll(self) -> int:
        return 1


class Alive:
    def poll(self) -> None:
        return None


class FakePart:
    name = "part"

    def __init__(self, refuses: bool = False) -> None:
        self.process: subprocess.Popen[bytes] | None = cast("subprocess.Popen[bytes]", Ended())
        self.starts = 0
        self.refuses = refuses

    def restart(self) -> None:
        self.starts += 1
        if self.refuses:
            raise OSError("no such program")


def pauses(watched: Watched, until: float) -> list[float]:
    """When it was started, looking every 0.05 s of a clock that begins at 0."""
    part = cast(FakePart, watched.part)
    found, before = [], 0
    for tick in range(int(until / 0.05)):
        watched.look(tick * 0.05)
        if part.starts > before:
            before = part.starts
            found.append(tick * 0.05)
    return found


def test_the_pause_doubles_up_to_a_limit() -> None:
    starts = pauses(Watched(FakePart(), started_at=0.0), 60.0)
    gaps = [round(later - earlier, 1) for earlier, later in pairwise(starts)]
    assert gaps[0] < gaps[1] < gaps[2] < gaps[3]
    assert max(gaps) <= LONGEST_PAUSE_SECONDS + 0.2
    assert 8 <= len(starts) <= 12


def test_a_start_that_fails_is_tried_again() -> None:
    part = FakePart(refuses=True)
    assert len(pauses(Watched(part, started_at=0.0), 10.0)) >= 4


def test_after_a_steady_life_the_pause_is_short_again() -> None:
    part = FakePart()
    watched = Watched(part, started_at=0.0)
    pauses(watched, 20.0)
    assert watched.pause_seconds == LONGEST_PAUSE_SECONDS
    watched.started_at, watched.start_at = 100.0, None
    part.process = cast("subprocess.Popen[bytes]", Alive())
    watched.look(140.0)
    part.process = cast("subprocess.Popen[bytes]", Ended())
    watched.look(141.0)
    assert watched.start_at is not None
    assert watched.start_at - 141.0 < 0.5


def test_a_signal_ends_the_watch_at_once_and_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_signals() as signals:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        began = time.monotonic()
        supervise([], signals)
        assert time.monotonic() - began < 5.0
        assert signals.received == 1
    assert signal.getsignal(signal.SIGTERM) is before


def test_no_signal_no_stop() -> None:
    reading, writing = os.pipe()
    assert StopSignals(reading).wait(0.01) is False
    os.close(reading)
    os.close(writing)
