"""`starling serve` as a process of a test, and which of its processes holds a connection."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil

from app.engines import processes
from tests.support.server import address, environment, starling

STOP_SECONDS = 40.0


@dataclass
class Serving:
    process: subprocess.Popen[bytes]
    home: Path
    log: Path
    url: str

    def ask(self, query: str) -> Any:
        answer = httpx.post(f"{self.url}/graphql", json={"query": query}, timeout=30)
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    def pids(self) -> dict[str, int]:
        """name: pid of what it started and what lives."""
        return {one.name: one.pid for one in processes.read_record(self.home / "processes") if one.is_alive()}

    def apis(self) -> dict[str, int]:
        """Those of the API processes."""
        return {name: pid for name, pid in self.pids().items() if name.startswith("api")}

    def connections(self, name: str) -> int:
        """How many connections of clients that API process holds."""
        port = urlsplit(self.url).port
        held = psutil.Process(self.apis()[name]).net_connections("tcp")
        return sum(one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED for one in held)

    @contextmanager
    def only(self, name: str) -> Iterator[None]:
        """The other API processes stand still, so that this one alone takes what comes."""
        others = [pid for other, pid in self.apis().items() if other != name]
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in others:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def status(self, path: str) -> int:
        try:
            return httpx.get(f"{self.url}{path}", timeout=10).status_code
        except httpx.TransportError:
            return 0

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def serving(home: Path, *arguments: str, workers: int = 0, **settings: str) -> Iterator[Serving]:
    home.parent.mkdir(exist_ok=True)
    log = home.parent / f"{home.name}-{time.monotonic_ns()}.log"
    given = environment(home, STARLING_WORKERS=str(workers), **settings)
    process = starling(["serve", "--port", "0", *arguments], given, log)
    try:
        yield Serving(process, home, log, address(process, log))
    finally:
        process.kill()
        process.wait()
