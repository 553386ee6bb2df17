"""A worker process whose jobs only say when they began: `python -m bench.job_worker SYSTEM WIDTH`.

DATABASE_URL, REDIS_URL and STARLING_HOME say where; STARTS_FD is a pipe for `bench.job_systems.RECORD`s.
WIDTH is how many jobs it runs at a time, 0 for the system's own default.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from typing import Any, cast

import arq
from arq.connections import RedisSettings
from arq.worker import func

from app.settings import Settings
from app.wiring import open_services
from bench.job_systems import KIND, RECORD, procrastinate_app
from workers.process import WorkerOptions, run_worker
from workers.run import Run, Settlement

STARTS = int(os.environ.pop("STARTS_FD"))


def began(number: int) -> None:
    os.write(STARTS, RECORD.pack(number, time.monotonic_ns()))


async def starling(width: int) -> None:
    """The product's worker without its render children, which no job here would use."""

    async def handle(run: Run) -> Settlement:
        began(run.params["number"])
        return Settlement()

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = Settings.from_environ(os.environ)
    options = WorkerOptions(
        settings.redis_url or "",
        slots=width or settings.worker_slots,
        handlers={KIND.name: handle},
        pools={},
    )
    async with open_services(settings) as services:
        await run_worker(services, options, stop)


async def noop(_: dict[Any, Any], number: int) -> None:
    began(number)


async def plain_arq(width: int) -> None:
    settings = RedisSettings.from_dsn(os.environ["REDIS_URL"])
    worker = arq.Worker(functions=[func(cast(Any, noop))], redis_settings=settings, max_jobs=width or 10)
    with suppress(asyncio.CancelledError):  # how it ends when it is told to
        await worker.async_run()


async def plain_procrastinate(width: int) -> None:
    app, _ = procrastinate_app(os.environ["DATABASE_URL"], began)
    async with app.open_async():
        await app.run_worker_async(concurrency=width or 1)


def main() -> None:
    _, system, width = sys.argv
    work = {
        "starling": starling,
        "arq": plain_arq,
        "procrastinate": plain_procrastinate,
    }[system]
    asyncio.run(work(int(width)))


if __name__ == "__main__":
    main()
