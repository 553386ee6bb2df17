"""A server of the demo's own: `starling serve` with another home, on a free port of this machine.

The home stays (the next demo starts faster); what was made in it does not, see `film`. Several demos at once
have a home each. Settings that point at another installation's data are left out.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from app.demo.errors import DemoError
from app.engines import Home, processes
from app.serve import ROOT
from app.settings import Settings

NOT_OURS = ("DATABASE_URL", "REDIS_URL", "STORAGE_URL", "STARLING_PUBLIC_URL", "STARLING_WORKERS")
START_SECONDS = 120.0
STOP_SECONDS = 10.0
ADDRESS = re.compile(r"^Starling answers at (http://\S+)", re.MULTILINE)
SENTENCE = re.compile(r"^starling: (.+)$", re.MULTILINE)


class Server:
    """A server that is starting, or runs already."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log
        self._deadline = time.monotonic() + START_SECONDS

    def address(self) -> str:
        """Wait until the server answers; its address. Raises DemoError with what the server said."""
        while time.monotonic() < self._deadline:
            has_ended = self._process.poll() is not None
            said = self._log.read_text(errors="replace")
            if found := ADDRESS.search(said):
                return found[1]
            if has_ended:
                reasons = SENTENCE.findall(said)
                raise DemoError(
                    reasons[-1] if reasons else f"The server did not start; {self._log} says why."
                )
            time.sleep(0.02)
        raise DemoError(f"The server did not answer in {START_SECONDS:g} s; {self._log} says why.")


@contextmanager
def running_server(settings: Settings) -> Iterator[Server]:
    """A server that lives as long as the block. From the main thread. Raises DemoError."""
    home = _free_home(settings.home)
    try:
        home.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = home.logs / "demo.log"
        writing = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DemoError(
            f"The folder {home.path} cannot be used ({error.strerror}): set STARLING_HOME."
        ) from error
    process = processes.spawn(
        [sys.executable, "-P", "-m", "app.cli", "serve", "--port", "0"],
        death_signal=signal.SIGTERM,
        env=_environment(home),
        log=writing,
    )
    os.close(writing)
    try:
        yield Server(process, log)
    finally:
        # A second Ctrl-C must not leave what the first one is just stopping.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            processes.stop(process, ((signal.SIGTERM, STOP_SECONDS),))
        finally:
            signal.signal(signal.SIGINT, before)


def _free_home(home: Path) -> Home:
    for number in count(1):
        one = Home(home.expanduser() / ("demo" if number == 1 else f"demo-{number}"))
        if not one.is_owned():
            return one
    raise AssertionError("unreachable")


def _environment(home: Home) -> dict[str, str]:
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    return {**kept, "PYTHONPATH": path, "STARLING_HOME": str(home.path)}
