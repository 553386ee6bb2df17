"""What the children of the pool tests are asked to do."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from render.errors import MediaTooLarge

Report = Callable[[float, str | None], None]
_state: dict[str, bool] = {}


def warm() -> None:
    _state["warm"] = True


def warm_fails() -> None:
    raise MediaTooLarge("no kernel today")


def is_warm() -> bool:
    return _state.get("warm", False)


def add(left: int, right: int) -> int:
    return left + right


def slow_add(left: int, right: int) -> int:
    time.sleep(0.02)
    return left + right


def pid() -> int:
    return os.getpid()


def count_up(steps: int, *, report: Report) -> int:
    for step in range(steps):
        report(100.0 * (step + 1) / steps, f"step {step + 1}")
    return steps


def raise_render_error() -> None:
    raise MediaTooLarge("The image has 9 pixels; the limit is 8.")


class _Private(Exception):
    def __init__(self, left: int, right: int) -> None:
        super().__init__(f"{left} and {right}")


def raise_unpicklable() -> None:
    raise _Private(1, 2)


def die_by(number: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    time.sleep(60)


def segfault() -> None:
    ctypes.string_at(0)


def leave() -> None:
    os._exit(3)


def hold_in_c(seconds: float, mark: str = "") -> None:
    """Deaf to SIGTERM, like a kernel that never comes back to the interpreter."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mark:
        Path(mark).write_text(str(os.getpid()))
    ctypes.CDLL(None).sleep(int(seconds))


def hog(size: int) -> None:
    kept = [bytearray(b"\1") * (16 << 20) for _ in range(size // (16 << 20))]
    time.sleep(60)
    del kept


def die_in_mid_frame(*, report: Report) -> None:
    """Half a frame on the socket, then SIGKILL."""
    sock: socket.socket = report._sock  # type: ignore[attr-defined]
    sock.sendall(b"\0\0\1\0half")
    os.kill(os.getpid(), signal.SIGKILL)


def burn() -> None:
    while True:
        pass


def write_much(path: str, size: int) -> None:
    with open(path, "wb") as file:
        file.write(b"\0" * size)


def allocate(size: int) -> int:
    return len(bytearray(size))


def open_sockets() -> list[str]:
    """What this child has open that is a socket."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:"):
            found.append(target)
    return found


def environ() -> dict[str, str]:
    return dict(os.environ)


def core_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_CORE)[0]


def priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/starling-should-not-exist",)


def answer_with_code() -> object:
    return _Evil()


def network_interfaces() -> list[str]:
    return sorted(name for _, name in socket.if_nameindex())


def has_own_network(theirs: str) -> bool:
    """Whether this child's network name space is another than the one named."""
    return os.readlink("/proc/self/ns/net") != theirs
