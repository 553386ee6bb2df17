"""STARLING_HOME on disk: who owns it, what runs in it, and its folder for sockets.

One `flock` in the home makes one owner. Sockets do not lie under the home, whose path may be long:
they have a short folder of their own, named by a hash of the home, that nobody else can enter.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from app.engines import processes
from app.engines.errors import EngineError
from app.engines.identity import candidates

SOCKET_PATH_BYTES = 107  # sun_path, less its NUL; redis-server cuts a longer one silently
LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"
STARTING_SECONDS = 10.0
LOG_BYTES = 10 * 1024**2


@dataclass(frozen=True)
class Addresses:
    """What a running home offers to other processes."""

    database_url: str
    redis_url: str


class Home:
    """The folder that holds everything of one embedded installation."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.logs = self.path / "logs"
        self.postgres = self.path / "postgres"
        self.redis = self.path / "redis"
        self.record = self.path / "processes"
        self._lock = self.path / "lock"
        self._running = self.path / "running.json"

    @property
    def digest(self) -> str:
        """Names this home in places that all homes share."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Make this process the home's one owner and end what a dead owner left.

        Raises EngineError, a sentence, where another process owns it or it cannot be written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.logs, self.redis):
                folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EngineError(
                f"The folder {self.path} cannot be used ({error.strerror}): set STARLING_HOME to a folder"
                " that this user may write to."
            ) from error
        try:
            self._take(descriptor)
            try:
                self._end_leftovers()
                yield
            finally:
                self._running.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int) -> None:
        # Who only looks whether the home is owned holds the lock for an instant: hence the second try.
        for _ in range(5):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, str(os.getpid()).encode(), 0)
                return
            time.sleep(0.02)
        owner = os.pread(descriptor, 20, 0).decode() or "unknown"
        raise EngineError(
            f"Another Starling (process {owner}) runs on {self.path} already: stop it,"
            " or set STARLING_HOME to another folder."
        )

    def _end_leftovers(self) -> None:
        self._running.unlink(missing_ok=True)
        recorded = processes.read_record(self.record)
        self.end(lambda: [one.pid for one in recorded if one.is_alive() and one.pid != os.getpid()])
        self.record.unlink(missing_ok=True)

    def end(self, leftovers: Callable[[], list[int]]) -> None:
        """End what a dead owner left. Raises EngineError for a process that stays."""
        still = processes.end_all(leftovers)
        if still:
            raise EngineError(
                f"Process {still[0]} of an earlier Starling still uses {self.path} and cannot be ended:"
                " end it first."
            )

    def open_log(self, name: str) -> BinaryIO:
        """The log of an engine, to append to; an old one that has grown large is kept as `<name>.log.old`."""
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.old"))
        return path.open("ab")

    def remember(self, name: str, pid: int) -> None:
        """Record a child, so that the next owner can end it if we cannot."""
        started = processes.identify(name, pid)
        if started is not None:
            processes.write_record(self.record, started)

    def announce(self, addresses: Addresses) -> None:
        """Tell other processes where the engines answer."""
        fresh = self._running.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(addresses)))
        fresh.chmod(0o600)
        fresh.replace(self._running)

    def running(self) -> Addresses | None:
        """Where the engines of the process that owns this home answer; None if nobody owns it."""
        deadline = time.monotonic() + STARTING_SECONDS
        while self.is_owned() and time.monotonic() < deadline:
            with suppress(OSError, ValueError, TypeError):
                return Addresses(**json.loads(self._running.read_text()))
            time.sleep(0.05)
        return None

    def is_owned(self) -> bool:
        try:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False


def socket_bases() -> list[Path]:
    """The folders that may hold our folder of sockets, best first."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    bases = [Path("/tmp")]  # noqa: S108 - our folder in it is checked to be ours and closed
    if (
        given.startswith("/")
        and os.access(given, os.W_OK | os.X_OK)
        and Path(given).stat().st_uid == os.geteuid()
    ):
        bases.insert(0, Path(given))
    return [base for base in bases if _fits(base)]


def _fits(base: Path) -> bool:
    longest = base / ("starling-0000000000-" + "0" * 12) / LONGEST_SOCKET_NAME
    return len(os.fsencode(longest)) <= SOCKET_PATH_BYTES and not set(str(base)) & set("\"', \\\n")


def socket_folder(base: Path, digest: str, owner: int, group: int) -> Path:
    """Make (or take over) the closed folder of sockets below `base`; it belongs to `owner`.

    Raises EngineError where something that is not ours has its name.
    """
    folder = base / f"starling-{os.geteuid()}-{digest}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    ours = {os.geteuid(), *(one.uid for one in candidates())}  # root may have given it to nobody earlier
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours:
        raise EngineError(
            f"{folder} belongs to somebody else: remove it, or set XDG_RUNTIME_DIR to a folder of yours."
        )
    if found.st_uid != owner:
        os.chown(folder, owner, group)
    folder.chmod(0o700)
    return folder


def no_socket_folder() -> EngineError:
    return EngineError(
        "There is no folder for sockets: /tmp cannot be written; set XDG_RUNTIME_DIR to a folder of yours"
        " with a short path."
    )
