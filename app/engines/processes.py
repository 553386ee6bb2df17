"""Child processes that do not outlive their owner, and ending what a dead owner left.

A child is started from the main thread only: the kernel sends its death signal when the *thread* that
forked it ends. Each child has a process group of its own, so that Ctrl-C in a terminal reaches the owner
alone, which then stops its children in order. It has no session of its own: the kernel schedules sessions
as groups of equal weight, and a nice worker would weigh as much as the API beside it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
LEFTOVER_SECONDS = 5.0
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Started:
    """A process beyond doubt: a pid alone may be given to another process later."""

    name: str
    pid: int
    start_ticks: int  # since boot, of /proc/<pid>/stat
    boot_id: str

    def is_alive(self) -> bool:
        return self.boot_id == _boot_id() and start_ticks(self.pid) == self.start_ticks


def spawn(
    argv: Sequence[str | Path],
    *,
    death_signal: signal.Signals,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: int | None = None,
    enter: Callable[[], None] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child that gets `death_signal` when this process ends, however it ends.

    `log` is a file descriptor for what it writes (none: as ours); `enter` runs in the child before
    its program, to change its identity. Raises RuntimeError outside of the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children are started from the main thread: they die with the thread that forks")
    parent = os.getpid()

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if enter is not None:
            enter()
        # Last: a change of identity clears it.
        _LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return subprocess.Popen(
        [str(part) for part in argv],
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        preexec_fn=prepare,
        process_group=0,
        pass_fds=pass_fds,
    )


def stop(process: subprocess.Popen[bytes], steps: Iterable[tuple[signal.Signals, float]]) -> int:
    """Send each signal in turn and wait its seconds, until the process has ended; kill it at last."""
    for step, seconds in steps:
        if process.poll() is not None:
            break
        process.send_signal(step)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        process.kill()
    return process.wait()


def identify(name: str, pid: int) -> Started | None:
    """None where the process has ended already."""
    ticks = start_ticks(pid)
    return None if ticks is None else Started(name, pid, ticks, _boot_id())


def start_ticks(pid: int) -> int | None:
    """When the process began, in ticks since boot; None for one that is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def write_record(path: Path, started: Started) -> None:
    with path.open("a") as file:
        file.write(json.dumps(asdict(started)) + "\n")


def read_record(path: Path) -> list[Started]:
    """The processes that were recorded; a line that was cut in the middle is left out."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found.append(Started(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


def end_all(leftovers: Callable[[], list[int]], seconds: float = LEFTOVER_SECONDS) -> list[int]:
    """End the processes that `leftovers` names until it names none; returns those that are still there.

    They get a moment to end by themselves (their owner's death told them to), then SIGTERM, and
    SIGKILL in the last part of the time.
    """
    begin = time.monotonic()
    told: set[int] = set()
    while (left := leftovers()) and (passed := time.monotonic() - begin) < seconds:
        for pid in left:
            if passed > seconds * 0.6:
                _send(pid, signal.SIGKILL)
            elif passed > seconds * 0.2 and pid not in told:
                told.add(pid)
                _send(pid, signal.SIGTERM)
        time.sleep(0.02)
    return left


def working_in(folder: Path, program: str) -> list[int]:
    """The living processes of that program whose working directory is the folder."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            if Path(entry.path, "cwd").readlink() != folder:
                continue
            comm = Path(entry.path, "comm").read_text().strip()
        except OSError:
            continue
        if comm == program and start_ticks(int(entry.name)) is not None:
            found.append(int(entry.name))
    return found


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
