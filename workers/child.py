"""What runs inside a child of a `ChildPool`: `python -m workers.child SOCKET_FD PARENT_PID`.

A child belongs to one thread of one parent and dies with it (PDEATHSIG, and end of file on its socket). It
runs one call at a time in its main thread. It leaves no core file, is the first that the kernel ends when
memory is short, and in a sandbox has limits on address space, processor time, file size and open files, no
way to gain privileges and, where the kernel allows it, no network.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import importlib
import math
import os
import pickle
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.child_wire import Sandbox, Setup, frame, receive

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_REPORT_INTERVAL_SECONDS = 0.1


def main() -> None:
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.set_inheritable(False)
    _die_with(int(sys.argv[2]))
    os.register_at_fork(after_in_child=lambda: _be_forked(sock))
    with contextlib.suppress(EOFError, ConnectionError, KeyboardInterrupt):
        _serve(sock)
    os._exit(0)  # nothing of a child is worth a slow interpreter shutdown


def _serve(sock: socket.socket) -> None:
    setup: Setup = receive(sock)
    _settle_in(setup)
    _die_with(int(sys.argv[2]))  # again: a change of credentials clears the parent-death signal
    sock.sendall(_answer(sock, setup.warm, (), False) if setup.warm else frame(("result", None)))
    while True:
        name, args, wants_reports = receive(sock)
        if setup.sandbox:
            _limit_cpu(setup.sandbox.cpu_seconds)
        sock.sendall(_answer(sock, name, args, wants_reports))


def _answer(sock: socket.socket, name: str, args: tuple[Any, ...], wants_reports: bool) -> bytes:
    try:
        extra = {"report": _Reports(sock)} if wants_reports else {}
        return frame(("result", _look_up(name)(*args, **extra)))
    except Exception as error:
        return frame(("error", *_packed(error)))


def _look_up(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def _packed(error: Exception) -> tuple[str, str, str, bytes]:
    """(type, text, traceback, pickled error or b""): one that cannot be rebuilt still tells its story."""
    try:
        data = pickle.dumps(error)
    except Exception:
        data = b""
    return type(error).__qualname__, str(error), "".join(traceback.format_exception(error)), data


class _Reports:
    """The `report` argument: (percent, message) to whoever awaits the call, ten times a second at most.

    Callable from any thread and as often as one likes: what comes too soon is dropped, 100 per cent never.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        self._sent_at = -math.inf

    def __call__(self, percent: float, message: str | None = None) -> None:
        now = time.monotonic()
        with self._lock:
            if now - self._sent_at < _REPORT_INTERVAL_SECONDS and percent < 100:
                return
            self._sent_at = now
            self._sock.sendall(frame(("progress", float(percent), message)))


def _die_with(parent_pid: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the line above
        os._exit(1)


def _be_forked(sock: socket.socket) -> None:
    """What a library forks holds no end of our socket, which would hide our own end, and dies with us.

    With the thread that forked it, to be exact: the kernel knows no other parent."""
    sock.close()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _settle_in(setup: Setup) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(setup.nice)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")
    if setup.sandbox:
        _confine(setup.sandbox)


def _confine(sandbox: Sandbox) -> None:
    libc = ctypes.CDLL(None)
    # Refused in many containers: the limits below hold anyway. Root keeps its name space of users, since
    # without its capabilities it could not read a home that belongs to somebody else.
    libc.unshare(_CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWUSER | _CLONE_NEWNET)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for which, limit in (
        (resource.RLIMIT_AS, sandbox.address_space_bytes),
        (resource.RLIMIT_FSIZE, sandbox.file_bytes),
        (resource.RLIMIT_NOFILE, sandbox.open_files),
    ):
        _, hard = resource.getrlimit(which)
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(which, (allowed, allowed))


def _limit_cpu(seconds: int) -> None:
    """So much processor time from now on; the kernel ends the child (SIGXCPU) when it is spent."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + seconds, hard))


if __name__ == "__main__":
    main()
