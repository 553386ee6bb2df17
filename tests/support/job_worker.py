"""A worker process with the kinds of tests: `python -m tests.support.job_worker`, told by the environment.

DATABASE_URL, REDIS_URL, STARLING_HOME as for the product; SLOTS and CHILDREN say how large it is.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal

from app.settings import Settings
from app.wiring import open_services
from tests.support.job_world import options
from workers.process import run_worker


async def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    slots, children = int(os.environ.pop("SLOTS", "2")), int(os.environ.pop("CHILDREN", "0"))
    settings = Settings.from_environ(os.environ)
    async with open_services(settings) as services:
        await run_worker(services, options(settings.redis_url or "", slots=slots, children=children), stop)


if __name__ == "__main__":
    asyncio.run(main())
