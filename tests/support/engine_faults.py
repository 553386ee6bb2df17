"""What befalls a database and a Redis: killed, crashed, stopped, frozen, started again.

    await kill(own_engines.redis)
    await start(own_engines.redis)
    with frozen(own_engines.postgres):
        ...

Call these from the main thread (engines die with the thread that starts them). Waiting is done beside the
event loop, so that what a test measures meanwhile is not held up.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from app.engines import Postgres, Redis
from db import sql

END_SECONDS = 20.0
RECONNECT_SECONDS = 30.0

Engine = Postgres | Redis


async def kill(engine: Engine | None) -> None:
    """SIGKILL, as the kernel does that needs memory. PostgreSQL's sessions end with their postmaster."""
    await _end(engine, signal.SIGKILL)


async def crash_postgres(engine: Engine | None) -> None:
    """An immediate stop: every session is cut off, nothing is written any more, the next start recovers."""
    await _end(engine, signal.SIGQUIT)


async def stop(engine: Engine | None) -> None:
    """As its owner does at the end: Redis writes its file, PostgreSQL tells its sessions to go (fast)."""
    assert engine is not None
    await _end(engine, signal.SIGINT if isinstance(engine, Postgres) else signal.SIGTERM)


async def start(engine: Engine | None) -> None:
    """Start what has ended; returns when it answers."""
    assert engine is not None
    engine.start()
    await asyncio.to_thread(engine.wait_until_ready)


@contextmanager
def frozen(engine: Engine | None) -> Iterator[None]:
    """SIGSTOP until the block ends: the kernel still accepts connections, and nobody answers."""
    pause(engine)
    try:
        yield
    finally:
        go_on(engine)


def pause(engine: Engine | None) -> None:
    """SIGSTOP for it and for every session of it."""
    _signal_all(engine, signal.SIGSTOP)


def go_on(engine: Engine | None) -> None:
    """SIGCONT after `pause`."""
    _signal_all(engine, signal.SIGCONT)


async def reconnected(seconds: float = RECONNECT_SECONDS) -> None:
    """After a crash of PostgreSQL: until this process's pool has no broken connection left to give out."""
    async with asyncio.timeout(seconds):
        in_a_row = 0
        while in_a_row < 3:
            try:
                await sql.rows("SELECT 1")
                in_a_row += 1
            except Exception:
                in_a_row = 0
                await asyncio.sleep(0.1)


async def _end(engine: Engine | None, number: signal.Signals) -> None:
    assert engine is not None
    assert engine.process is not None
    engine.process.send_signal(number)
    await asyncio.to_thread(engine.process.wait, END_SECONDS)


def _signal_all(engine: Engine | None, number: signal.Signals) -> None:
    """The engine first, so that it starts nothing new while its sessions are told."""
    assert engine is not None
    assert engine.process is not None
    root = psutil.Process(engine.process.pid)
    root.send_signal(number)
    for session in root.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            session.send_signal(number)
