"""A worker process with the kinds of tests: `python -m tests.support.job_worker`, told by the environment.

DATABASE_URL, REDIS_URL, STARLING_HOME as for the product; SLOTS and CHILDREN say how large it is,
CHILD_MEMORY what one child may use (bytes), CHILD_NICE how much it steps back. LAG is a file for a line a
second: how late the event loop was at worst (seconds). RENDERED is a file of effects: films are then lines
in it instead of pictures, so that an API can be given hundreds of them. LATER_KINDS are those that only a
newer worker knows. With JSON_LOGS it logs as the product does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from dataclasses import replace
from pathlib import Path

from app import logs
from app.redaction import Redaction, known_secrets
from app.settings import Settings
from app.wiring import open_services
from domain.jobs import PARTICLE_RENDER, Kind, register
from tests.support import job_kinds
from tests.support.job_world import MEGABYTE, options
from tests.support.loop_lag import measure_lag
from workers.process import run_worker
from workers.run import Handler


async def main() -> None:
    if os.environ.pop("JSON_LOGS", ""):
        logs.configure("INFO", hide=Redaction(known_secrets(os.environ)))
        logs.catch_the_rest()
    else:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    slots, children = int(os.environ.pop("SLOTS", "2")), int(os.environ.pop("CHILDREN", "0"))
    memory = int(os.environ.pop("CHILD_MEMORY", str(2048 * MEGABYTE)))
    nice = int(os.environ.pop("CHILD_NICE", "0"))
    lag = os.environ.pop("LAG", "")
    more = _handlers(os.environ.pop("RENDERED", ""), os.environ.pop("LATER_KINDS", "").split())
    if os.environ.pop("LIKE", ""):
        more[PARTICLE_RENDER.name] = job_kinds.film_like
    settings = Settings.from_environ(os.environ)
    size = {"slots": slots, "children": children, "memory": memory, "nice": nice}
    chosen = options(settings.redis_url or "", **size)
    measuring = asyncio.create_task(measure_lag(Path(lag))) if lag else None
    async with open_services(settings) as services:
        await run_worker(services, replace(chosen, handlers={**chosen.handlers, **more}), stop)
    if measuring is not None:
        measuring.cancel()


def _handlers(rendered: str, later_kinds: list[str]) -> dict[str, Handler]:
    films = {PARTICLE_RENDER.name: job_kinds.noted_film(Path(rendered))} if rendered else {}
    return {**films, **{register(Kind(name, stages=("only",))).name: job_kinds.noop for name in later_kinds}}


if __name__ == "__main__":
    asyncio.run(main())
