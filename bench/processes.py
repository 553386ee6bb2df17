"""What processes use, and where they run."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER_CORE, OTHER_CORE = 0, 1
_SCHEDULED = 2  # CPUCLOCK_SCHED
_PAGE = os.sysconf("SC_PAGESIZE")


def processor_seconds(pid: int) -> float:
    """User and system time of all its threads, by the nanosecond: the clock of clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | _SCHEDULED)


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def pinned(core: int) -> Callable[[], None]:
    """For `preexec_fn`: the process and all that it starts keep to one core."""
    return lambda: os.sched_setaffinity(0, {core})


@contextmanager
def other_core() -> Iterator[None]:
    """Keeps this process, and all that it starts, from the server's core, but for what is pinned to it.

    SystemExit where there is one core only.
    """
    cores = os.sched_getaffinity(0)
    if not {SERVER_CORE, OTHER_CORE} <= cores:
        raise SystemExit("server and client need a core each")
    os.sched_setaffinity(0, {OTHER_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def raise_file_limit() -> None:
    """As many open sockets as may be, for this process and all that it starts."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
