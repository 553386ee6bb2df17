"""Under whose identity PostgreSQL runs: it refuses to run as root.

- An ordinary user: as that user; one without a name in the passwd file (a container's `--user 4711`), which
  initdb refuses, in a user namespace where it has one.
- Root: in a user namespace of its own, where our files belong to an ordinary user id. Nothing is added
  to the machine and no folder is opened.
- Root where namespaces are refused (Docker's default): as `nobody`.

Which one works is found by running the server's own program under it, not by guessing.
"""

from __future__ import annotations

import ctypes
import errno
import os
import pwd
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.engines.errors import EngineError

CLONE_NEWUSER = 0x10000000
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Identity:
    """`enter` is run in the child; `uid` and `gid` own its files as this process sees them."""

    name: str
    uid: int
    gid: int
    enter: Callable[[], None] | None

    def refusal(self, program: Path, folder: Path | None = None) -> str | None:
        """Why `program --version` cannot run thus, in a folder that it may write to; None where it can."""

        def enter() -> None:
            try:
                if self.enter is not None:
                    self.enter()
                if folder is not None:
                    os.chdir(folder)
                    if not os.access(".", os.R_OK | os.W_OK | os.X_OK):
                        raise PermissionError(errno.EACCES, "cannot be used", str(folder))
            except OSError as error:
                os.write(2, str(error).encode())
                os._exit(1)

        try:
            done = subprocess.run(
                [str(program), "--version"],
                preexec_fn=enter,
                cwd="/",
                env={"LC_ALL": "C"},
                capture_output=True,
                timeout=10,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return f"{self.name}: {error}"
        return (
            None if done.returncode == 0 else f"{self.name}: {done.stderr.decode(errors='replace').strip()}"
        )


def candidates() -> list[Identity]:
    """The identities that may serve this user, best first."""
    uid, gid = os.geteuid(), os.getegid()
    inside = _ordinary_user()
    namespace = Identity("a user namespace", uid, gid, lambda: _enter_namespace(inside, uid, gid))
    if uid != 0:
        itself = Identity("this user", uid, gid, None)
        return [itself] if _has_name(uid) else [namespace, itself]
    nobody = _nobody()
    found = [namespace]
    if nobody is not None:
        other, group = nobody.pw_uid, nobody.pw_gid
        found.append(Identity("the user nobody", other, group, lambda: _become(other, group)))
    return found


def no_identity(reasons: list[str]) -> EngineError:
    return EngineError(
        "PostgreSQL does not run as root, and neither a user namespace nor the user nobody can be used here"
        f" ({'; '.join(reasons)}): run as an ordinary user, or set DATABASE_URL to a PostgreSQL database."
    )


def _ordinary_user() -> int:
    """The user id inside of the namespace: initdb wants one that has a name in the passwd file."""
    nobody = _nobody()
    return nobody.pw_uid if nobody is not None else 1000


def _nobody() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        return None


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _enter_namespace(inside: int, uid: int, gid: int) -> None:
    if uid == 0:
        os.setgroups([])
    if _LIBC.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{inside} {gid} 1")


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
