"""Real servers for tests: an API process and workers against given engines, on a free port."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from app.engines import processes
from tests.support.processes import ROOT

START_SECONDS = 240.0  # a first start compiles kernels, on a busy machine
LINE = re.compile(r"Starling answers at (http://\S+)")


@dataclass
class Server:
    """`base_url` answers; `logs` holds what each process wrote."""

    base_url: str
    database_url: str
    redis_url: str
    home: Path
    api: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def websocket_url(self) -> str:
        return self.base_url.replace("http", "ws", 1)

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")


def environment(home: Path, **settings: str) -> dict[str, str]:
    """What a `starling` process of a test is given; settings of the person who runs the tests are not."""
    own = {name: text for name, text in os.environ.items() if not name.startswith("STARLING_")}
    for name in ("DATABASE_URL", "REDIS_URL", "STORAGE_URL"):
        own.pop(name, None)
    return {
        **own,
        "PYTHONPATH": str(ROOT),
        "STARLING_HOME": str(home),
        "STARLING_LOG_LEVEL": "WARNING",
        **settings,
    }


def starling(arguments: list[str], given: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start `starling ARGUMENTS`; it dies with the tests. Its output goes to the file `log`."""
    with log.open("ab") as file:
        return processes.spawn(
            [sys.executable, "-P", "-m", "app.cli", *arguments],
            death_signal=signal.SIGKILL,
            env=given,
            log=file.fileno(),
        )


@contextmanager
def running_server(
    database_url: str, redis_url: str, *, workers: int = 1, ready: bool = True, **settings: str
) -> Iterator[Server]:
    """An API process and workers, until the block ends; `settings` are variables."""
    with tempfile.TemporaryDirectory(prefix="starling-server-") as folder, ExitStack() as stack:
        home = Path(folder)
        given = environment(home, DATABASE_URL=database_url, REDIS_URL=redis_url, **settings)
        api = starling(["api", "--port", "0"], given, home / "api.log")
        stack.callback(stop, api)
        started = []
        for number in range(workers):
            started.append(starling(["worker"], given, home / f"worker-{number}.log"))
            stack.callback(stop, started[-1])
        server = Server(address(api, home / "api.log"), database_url, redis_url, home, api, started)
        if ready and workers:
            wait_until(lambda: _is_ready(server), server)
        yield server


def _is_ready(server: Server) -> bool:
    """It may take its time to say so: on a new machine its worker compiles kernels meanwhile."""
    return httpx.get(f"{server.base_url}/ready", verify=False, timeout=30).status_code == 200


def address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait for the line with the addresses."""
    deadline = time.monotonic() + START_SECONDS
    while not (found := LINE.search(log.read_text(errors="replace"))):
        assert process.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.02)
    return found[1]


def lasting_port() -> int:
    """A port that a server of this test may take, leave and take again: it is free, and below those that the
    kernel gives to whoever asks for any, or connects to somebody."""
    first_given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(100):
        port = random.randrange(first_given // 2, first_given)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port below those that the kernel gives is free")


def wait_until(is_so: Callable[[], bool], server: Server, seconds: float = START_SECONDS) -> None:
    """Wait for a condition while every process of the server lives."""
    deadline = time.monotonic() + seconds
    while not is_so():
        for process in (server.api, *server.workers):
            assert process.poll() is None, f"{process.args!r} ended: {server.log('api')}"
        assert time.monotonic() < deadline, "".join(path.read_text() for path in server.home.glob("*.log"))
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes]) -> int:
    return processes.stop(process, ((signal.SIGTERM, 20.0),))
