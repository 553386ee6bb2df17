"""What test jobs do in child processes."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

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


def complain(words: str, report: Report) -> None:
    """In every way that a library may: what is raised is the last."""
    logging.getLogger("a.library").warning("logged: %s", words)
    warnings.warn(f"warned: {words}", stacklevel=1)
    writing = threading.Thread(target=os.write, args=(2, f"written: {words}\n".encode()))
    writing.start()
    writing.join()
    raise RuntimeError(f"raised: {words}")


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


def count_here(seconds: float, report: Report) -> int:
    """As `count`; the message names the process."""
    began = time.monotonic()
    while (gone := time.monotonic() - began) < seconds:
        report(100 * gone / seconds, f"in {os.getpid()}")
        time.sleep(0.01)
    return os.getpid()


def keep_silent(seconds: float, report: Report) -> int:
    """Busy for so long without a word."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        pass
    return os.getpid()


def hang_once(mark: str, report: Report) -> int:
    """Hangs, deaf, the first time that it is called with this file."""
    path = Path(mark)
    if not path.exists():
        path.write_text(str(os.getpid()))
        hang(report)
    return os.getpid()


def leave_silently(report: Report) -> None:
    os._exit(0)


def garble(report: Report) -> None:
    """Something on the socket that is no frame, and life goes on."""
    sock: socket.socket = report._sock  # type: ignore[attr-defined]
    sock.sendall(b"\0\0\0\x08garbage!")
    time.sleep(60)


def overflow(report: Report) -> None:
    """The header of a frame of four gigabytes."""
    sock: socket.socket = report._sock  # type: ignore[attr-defined]
    sock.sendall(b"\xff\xff\xff\xff")
    time.sleep(60)


def fork_and_die(mark: str, report: Report) -> None:
    """Leaves a process behind that names itself in the file, and dies of a segmentation fault."""
    forked = os.fork()
    if forked == 0:
        with Path(mark).open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(600)
        os._exit(0)
    while not (Path(mark).exists() and f"{forked}\n" in Path(mark).read_text()):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGSEGV)


def fork_and_stay(mark: str, report: Report) -> None:
    """As `fork_and_die`, without the end."""
    if os.fork() == 0:
        Path(mark).write_text(f"{os.getpid()}\n")
    time.sleep(600)
