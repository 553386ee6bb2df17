"""The embedded PostgreSQL: where its data lies, how it starts and stops.

The data is `<home>/postgres`. Where the identity that PostgreSQL runs as cannot reach it (root without
namespaces below a closed folder), it is a link to `/var/lib/starling/<hash of the home>/postgres`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from app.engines import processes
from app.engines.errors import EngineError
from app.engines.home import Home, no_socket_folder, socket_bases, socket_folder
from app.engines.identity import Identity, candidates, no_identity

OUTSIDE = Path("/var/lib/starling")
VERSION = "18"
READY_SECONDS = 60.0  # recovery after a crash reads the log again
STOP_STEPS = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0))  # fast, then immediate
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "512MB",
    "log_min_error_statement": "panic",  # a refused statement is the caller's to report
    "log_checkpoints": "off",
    "timezone": "UTC",
    "cluster_name": "starling",
}


class MissingData(EngineError):
    """No identity helps: the data is gone from where it was."""


class Postgres:
    name = "postgres"

    def __init__(
        self,
        home: Home,
        wheel: Path,
        identities: list[Identity] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.settings = {**SETTINGS, **(settings or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self.identity, self.installation, self.data = _place(
            home, wheel, candidates() if identities is None else identities
        )
        self.sockets = _sockets(home, self.identity)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={quote(str(self.sockets))}"

    def start(self) -> None:
        """Start the server (and make its data first); `wait_until_ready` tells when it answers."""
        if not self.data.exists():
            self._initialise()
        self._check_version()
        self.home.end(lambda: processes.working_in(self.data, "postgres"))
        # We own the home and nothing works in the data folder any more, so these are stale, even
        # where their pid now belongs to another process or to a zombie that nobody has reaped.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        (self.sockets / f".s.PGSQL.{self.settings['port']}.lock").unlink(missing_ok=True)
        settings = {**self.settings, "unix_socket_directories": str(self.sockets)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.home.open_log("postgres") as log:
            self.process = processes.spawn(
                [self.installation / "bin" / "postgres", "-D", self.data, *options],
                death_signal=signal.SIGINT,
                cwd=Path("/"),
                env=ENVIRONMENT,
                log=log.fileno(),
                enter=self.identity.enter,
            )
        self.home.remember(self.name, self.process.pid)

    def restart(self) -> None:
        """After it died. It answers once it has read its log again; those who ask meanwhile are told."""
        self.start()

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        """Raises EngineError, with the last words of the log, where it ends or stays silent."""
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise EngineError(f"The embedded PostgreSQL did not start: {_last_words(self.home)}")
            time.sleep(0.005)

    def stop(self) -> None:
        if self.process is not None:
            processes.stop(self.process, STOP_STEPS)

    def _is_ready(self) -> bool:
        """The server writes its pid and, in the eighth line, its state into its lock file."""
        assert self.process is not None
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def _initialise(self) -> None:
        """Make the data beside its place first, so that an interrupted start leaves nothing half made."""
        fresh = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        os.chown(fresh, self.identity.uid, self.identity.gid)
        program = self.installation / "bin" / "initdb"
        arguments = [
            "--username=postgres",
            "--auth=trust",
            "--no-sync",
            "--no-instructions",
            "--encoding=UTF8",
        ]
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        with (self.home.logs / "initdb.log").open("w+b") as log:
            child = processes.spawn(
                [program, "-D", fresh, *arguments, *locale],
                death_signal=signal.SIGKILL,
                cwd=Path("/"),
                env=ENVIRONMENT,
                log=log.fileno(),
                enter=self.identity.enter,
            )
            if child.wait() != 0:
                log.seek(0)
                raise EngineError(f"initdb failed: {log.read().decode(errors='replace').strip()}")
        fresh.rename(self.data)

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != VERSION:
            raise EngineError(
                f"The data in {self.data} was made by PostgreSQL {found}, this Starling runs {VERSION}:"
                " move it with pg_dump, or set DATABASE_URL to a server of that version."
            )


def _place(home: Home, wheel: Path, identities: list[Identity]) -> tuple[Identity, Path, Path]:
    """The first identity that works, with an installation and a data folder that it can reach."""
    reasons = []
    for identity in identities:
        try:
            installation = _reachable_installation(home, wheel, identity)
            data = _reachable_data(home, installation, identity)
        except MissingData:
            raise
        except (OSError, EngineError) as error:
            reasons.append(str(error))
            continue
        return identity, installation, data
    raise no_identity(reasons)


def _reachable_installation(home: Home, wheel: Path, identity: Identity) -> Path:
    refusal = identity.refusal(wheel / "bin" / "postgres")
    if refusal is None:
        return wheel
    if os.geteuid() != 0:
        raise EngineError(refusal)
    # Named by what it was copied from, so that a newer wheel is copied anew.
    stamp = (wheel / "bin" / "postgres").stat()
    copy = _outside(home) / f"postgresql-{stamp.st_size:x}-{stamp.st_mtime_ns:x}"
    if not copy.exists():
        fresh = copy.with_name(copy.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(wheel, fresh, symlinks=True)
        fresh.rename(copy)
    refusal = identity.refusal(copy / "bin" / "postgres")
    if refusal is not None:
        raise EngineError(refusal)
    return copy


def _reachable_data(home: Home, installation: Path, identity: Identity) -> Path:
    """The data folder, moved to where the identity can reach it if it must be; its owner is the identity."""
    moved = home.path / "postgres.moved"
    if moved.exists() and not home.postgres.exists():
        moved.rename(home.postgres)  # an earlier move was interrupted before its link was there
    shutil.rmtree(moved, ignore_errors=True)
    data = Path(os.path.realpath(home.postgres))
    if home.postgres.is_symlink() and not data.exists():
        raise MissingData(
            f"The database of {home.path} lay in {data} and is not there: put it back,"
            f" or remove the link {home.postgres} to begin with an empty one."
        )
    program = installation / "bin" / "postgres"
    if os.geteuid() == 0 and data.parent == home.path and not _can_reach(home.path, program, identity):
        data = _move_outside(home, moved)
    if os.geteuid() == 0 and data.exists() and data.stat().st_uid != identity.uid:
        _give(data, identity)
    return data


def _can_reach(folder: Path, program: Path, identity: Identity) -> bool:
    """Whether the identity can use a folder of its own in the home, which may be passed through for it."""
    probe = folder / ".probe"
    probe.mkdir(mode=0o700, exist_ok=True)
    try:
        os.chown(probe, identity.uid, identity.gid)
        if identity.refusal(program, probe) is None:
            return True
        # Perhaps it is only the home itself, which is ours and whose folders are closed in turn.
        before = folder.stat().st_mode
        folder.chmod(before | 0o011)
        if identity.refusal(program, probe) is None:
            return True
        folder.chmod(before)
        return False
    finally:
        probe.rmdir()


def _move_outside(home: Home, moved: Path) -> Path:
    outside = _outside(home) / "postgres"
    if outside.exists():  # of a home that was removed: its link is gone, so it is nobody's
        outside.rename(outside.with_name(f"postgres.left-{time.time_ns()}"))
    if home.postgres.exists():
        fresh = outside.with_name("postgres.copy")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(home.postgres, fresh, symlinks=True)
        fresh.rename(outside)
        home.postgres.rename(moved)
    home.postgres.unlink(missing_ok=True)
    home.postgres.symlink_to(outside)
    shutil.rmtree(moved, ignore_errors=True)
    return outside


def _outside(home: Home) -> Path:
    folder = OUTSIDE / home.digest
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return folder


def _give(folder: Path, identity: Identity) -> None:
    for root, names, files in os.walk(folder):
        for name in (*names, *files):
            os.chown(Path(root) / name, identity.uid, identity.gid, follow_symlinks=False)
    os.chown(folder, identity.uid, identity.gid)  # last: its owner says that all is done


def _sockets(home: Home, identity: Identity) -> Path:
    for base in socket_bases():
        folder = socket_folder(base, home.digest, identity.uid, identity.gid)
        if identity.refusal(Path("/bin/true"), folder) is None:
            return folder
        folder.rmdir()
    raise no_socket_folder()


def _last_words(home: Home) -> str:
    lines = (home.logs / "postgres.log").read_text(errors="replace").strip().splitlines()
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
    return (fatal or lines or ["it said nothing"])[-1]
