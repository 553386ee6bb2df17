"""A Python server in a process of its own, on the server's core; it is given the socket to listen on."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.engines import Addresses
from bench.processes import SERVER_CORE, pinned

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 30.0
LOG_CHARACTERS = 4_000


@dataclass(frozen=True)
class Serving:
    port: int
    pid: int


@asynccontextmanager
async def python_server(
    arguments: Callable[[int], list[str]], log: Path, environment: Mapping[str, str]
) -> AsyncIterator[Serving]:
    """`arguments` of Python for a descriptor that listens; what it writes goes to `log`."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening, log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", *arguments(listening.fileno())],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            pass_fds=[listening.fileno()],
            stdout=output,
            stderr=output,
            preexec_fn=pinned(SERVER_CORE),
        )
        port = listening.getsockname()[1]
    try:
        yield Serving(port, process.pid)
    except (OSError, EOFError) as error:
        if process.poll() is None:
            raise
        raise RuntimeError(f"the server has ended:\n{log.read_text()[-LOG_CHARACTERS:]}") from error
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, STOP_SECONDS)


@asynccontextmanager
async def api_process(addresses: Addresses, home: Path, **environment: str) -> AsyncIterator[Serving]:
    """Starling's own, as `starling serve` starts it; the settings as environment variables."""
    settings = {
        "STARLING_HOME": str(home),
        "DATABASE_URL": addresses.database_url,
        "REDIS_URL": addresses.redis_url,
        **environment,
    }
    home.mkdir(exist_ok=True)
    async with python_server(
        lambda descriptor: ["-m", "app.cli", "api", "--descriptor", str(descriptor)],
        home / "api.log",
        settings,
    ) as serving:
        yield serving
