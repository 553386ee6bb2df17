"""The embedded Redis: a doorbell. Losing what it holds loses no job, so damaged data is put aside."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path

from app.engines import processes
from app.engines.errors import EngineError
from app.engines.home import Home

READY_SECONDS = 20.0
STOP_STEPS = ((signal.SIGTERM, 10.0),)


class Redis:
    name = "redis-server"

    def __init__(self, home: Home, program: Path, sockets: Path) -> None:
        self.home = home
        self.program = program
        self.sockets = sockets
        self.socket = sockets / "redis.sock"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start the server; `wait_until_ready` tells when it answers."""
        self.home.end(lambda: processes.working_in(self.home.redis, "redis-server"))
        self.socket.unlink(missing_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.home.redis),
            "save": "",
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": "",
            "loglevel": "warning",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with self.home.open_log("redis") as log:
            self.process = processes.spawn(
                [self.program, *arguments],
                death_signal=signal.SIGTERM,
                cwd=self.home.redis,
                env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
                log=log.fileno(),
            )
        self.home.remember(self.name, self.process.pid)

    def restart(self) -> None:
        """After it died: even without its old data, if they are what it died of."""
        self.start()
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        """Raises EngineError where it does not come up, even without its old data."""
        if self._answers_within(seconds):
            return
        self.stop()
        for damaged in self.home.redis.glob("appendonly*"):
            damaged.rename(damaged.with_name(f"damaged-{time.time_ns()}-{damaged.name}"))
        self.start()
        if not self._answers_within(seconds):
            raise EngineError(f"The embedded Redis did not start: see {self.home.logs / 'redis.log'}.")

    def stop(self) -> None:
        if self.process is not None:
            processes.stop(self.process, STOP_STEPS)

    def _answers_within(self, seconds: float) -> bool:
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def _answers(self) -> bool:
        """PONG; it says LOADING while it reads its data."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1.0)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
