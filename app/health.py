"""`/health`: the process is alive. `/ready`: a job that is submitted now would run now.

Ready needs the database with every migration, storage that answers, and a live worker, which registers
only once its children are warm. Redis is the doorbell: without it jobs still run, so its absence is
`degraded`, with status 200; so is a process that has heard no other for a while, though Redis answers. All
is asked at once, and the answer is there within `CHECK_SECONDS`, whatever hangs.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.checks import Check, ping_redis
from app.settings import Settings
from db.job_queue import live_workers
from db.migrate import pending
from domain.errors import StarlingError
from domain.ports import Events, Services

CHECK_SECONDS = 2.5
WORKER_SEEN_SECONDS = 15.0
UNHEARD_SECONDS = 5.0  # a subscription that was cut is usually there again within two

log = logging.getLogger(__name__)


class Lacking(Exception):
    """What a check found missing, in words for a person."""


def health_routes() -> list[Route]:
    return [Route("/health", health), Route("/ready", ready)]


async def health(request: Request) -> JSONResponse:
    return JSONResponse({"status": "healthy"})


async def ready(request: Request) -> JSONResponse:
    readiness: Readiness = request.state.readiness
    return await readiness.answer()


@dataclass(frozen=True)
class Readiness:
    """The four things that are asked for, by the names that the answer gives them. One an application."""

    database: Check[None]
    storage: Check[None]
    workers: Check[None]
    redis: Check[None]

    @classmethod
    def of(cls, services: Services, settings: Settings) -> Readiness:
        return cls(
            Check(_database),
            Check(services.files.check),
            Check(_workers),
            Check(lambda: _redis(services.events, settings.redis_url or "")),
        )

    async def answer(self) -> JSONResponse:
        database, storage, workers, redis = await asyncio.gather(
            _outcome("database", self.database),
            _outcome("storage", self.storage),
            _outcome("workers", self.workers),
            _outcome("redis", self.redis),
        )
        if database is not None:
            workers = "not known without the database"
        lacking = {"database": database, "storage": storage, "workers": workers, "redis": redis}
        checks = {name: found or "ok" for name, found in lacking.items()}
        missing = [f"{name}: {found}" for name, found in lacking.items() if found is not None]
        if database or storage or workers:
            return JSONResponse({"status": "not ready", "missing": missing, "checks": checks}, 503)
        return JSONResponse(
            {"status": "degraded" if redis else "ready", "missing": missing, "checks": checks}
        )


async def _outcome(name: str, check: Check[None]) -> str | None:
    """None where the check passes in time, else what is missing."""
    try:
        await check.answer(CHECK_SECONDS)
    except Lacking as lacking:
        return str(lacking)
    except TimeoutError:
        return f"no answer in {CHECK_SECONDS:g} s"
    except StarlingError as error:
        return error.message
    except Exception as error:  # whatever the driver raises, the answer is that it is not there
        log.warning("the check of %s failed: %s", name, type(error).__name__)
        return "not reachable"
    return None


async def _database() -> None:
    lacking = await pending()
    if lacking:
        raise Lacking(f"migrations are pending: {', '.join(lacking)}")


async def _redis(events: Events, url: str) -> None:
    await ping_redis(url, CHECK_SECONDS)
    if events.unheard_seconds > UNHEARD_SECONDS:
        raise Lacking(f"nothing of other processes was heard for {events.unheard_seconds:.0f} s")


async def _workers() -> None:
    if await live_workers(WORKER_SEEN_SECONDS) == 0:
        raise Lacking(f"no worker was seen in the last {WORKER_SEEN_SECONDS:g} s")
