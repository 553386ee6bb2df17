"""The embedded PostgreSQL: made, started, stopped. `app.engines.places` says where its parts lie."""

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
from app.engines.home import Home
from app.engines.identity import Identity, candidates
from app.engines.places import place, sockets_for

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
        self.identity, self.installation, self.data = place(
            home, wheel, candidates() if identities is None else identities
        )
        self.sockets = sockets_for(home, self.identity)

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


def _last_words(home: Home) -> str:
    lines = (home.logs / "postgres.log").read_text(errors="replace").strip().splitlines()
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
    return (fatal or lines or ["it said nothing"])[-1]
