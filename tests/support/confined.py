"""Root on a machine that refuses user namespaces: `python -m tests.support.confined IDS PROGRAM ...`

The refusal is the kernel's own: the program runs in a user namespace that may hold no further one. IDS is
how many user ids exist in it (65536: all, so that it can become nobody; 1: root alone). /var/lib is an empty
folder of its own there, so nothing is left on the real machine.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def main() -> None:
    ids, program = sys.argv[1], sys.argv[2:]
    inside, mapped = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        checked(LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNS))
        os.write(inside[1], b".")
        os.read(mapped[0], 1)
        checked(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
        checked(LIBC.mount(b"tmpfs", b"/var/lib", b"tmpfs", 0, None))
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        os.execv(program[0], program)
    os.read(inside[0], 1)
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{child}/{name}").write_text(f"0 0 {ids}")
    os.write(mapped[1], b".")
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
