"""Starting and ending real worker processes (`tests.support.job_worker`)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from db import sql
from tests.support.processes import ROOT


@dataclass
class Workers:
    """Workers of one database, each a process with its log in the home."""

    environment: dict[str, str]
    home: Path
    started: list[subprocess.Popen[bytes]]

    async def start(self, slots: int = 2, children: int = 0, **environment: str) -> subprocess.Popen[bytes]:
        """One more worker, once it takes part; `environment` are further variables of it alone."""
        return await self.takes_part(self.launch(slots, children, **environment))

    def launch(self, slots: int = 2, children: int = 0, **environment: str) -> subprocess.Popen[bytes]:
        """One more worker, of which nothing is known yet."""
        log = (self.home / f"worker-{len(self.started)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.job_worker"],
            cwd=ROOT,
            env={**self.environment, "SLOTS": str(slots), "CHILDREN": str(children), **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        self.started.append(process)
        return process

    async def takes_part(self, process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        """The worker, once it has signed in."""
        for _ in range(600):
            if await sql.rows("SELECT 1 FROM workers WHERE id LIKE $1", f"%-{process.pid}-%"):
                return process
            assert process.poll() is None, self.log()
            await asyncio.sleep(0.05)
        raise AssertionError(self.log())

    def log(self) -> str:
        return "".join(path.read_text() for path in sorted(self.home.glob("worker-*.log")))

    def log_of(self, process: subprocess.Popen[bytes]) -> str:
        """What one of them has said."""
        return (self.home / f"worker-{self.started.index(process)}.log").read_text()

    async def ended(self, process: subprocess.Popen[bytes], seconds: float = 20.0) -> int:
        return await asyncio.to_thread(process.wait, seconds)

    def kill_all(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(10)


@asynccontextmanager
async def worker_processes(database_url: str, redis_url: str, home: Path) -> AsyncIterator[Workers]:
    home.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STARLING_HOME": str(home),
    }
    workers = Workers(environment, home, [])
    try:
        yield workers
    finally:
        workers.kill_all()
