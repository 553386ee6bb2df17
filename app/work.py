"""One worker process: the services and `workers.process`, until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import signal

from app.models import models_of, refuse_lacking
from app.refusals import DoesNotStart
from app.settings import Settings
from app.wiring import open_services
from workers import process


def run_worker(settings: Settings) -> int:
    """Work until told to stop, then drain; returns the exit code. Raises what opening the services raises."""
    refuse_lacking(models_of(settings))
    try:
        asyncio.run(_work(settings))
    except process.MissingHandler as error:
        raise DoesNotStart(f"This worker cannot start: {error}.") from error
    return 0


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_services(settings) as services:
        options = process.WorkerOptions(
            redis_url=settings.redis_url or "",
            slots=settings.worker_slots,
            child_memory_bytes=settings.child_memory_bytes,
            model_memory_bytes=settings.model_memory_bytes,
            models=services.models,
        )
        await process.run_worker(services, options, stop)
