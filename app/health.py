"""`/health`: the process is alive. `/ready`: a job that is submitted now would run now.

Ready needs the database with every migration, storage that answers, and a live worker, which registers
only once its children are warm. Redis is the doorbell: without it jobs still run, so its absence is
`degraded`, with status 200.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.settings import Settings
from db.job_queue import live_workers
from db.migrate import pending
from domain.ports import Services

CHECK_SECONDS = 3.0
PROBE_KEY = "probe/ready"  # need not exist: the store has to answer
WORKER_SEEN_SECONDS = 15.0

log = logging.getLogger(__name__)


class Lacking(Exception):
    """What a check found missing, in words for a person."""


def health_routes(settings: Settings) -> list[Route]:
    async def ready(request: Request) -> JSONResponse:
        return await readiness(request.state.services, settings)

    return [Route("/health", health), Route("/ready", ready)]


async def health(request: Request) -> JSONResponse:
    return JSONResponse({"status": "healthy"})


async def readiness(services: Services, settings: Settings) -> JSONResponse:
    database, storage, redis = await asyncio.gather(
        _outcome("database", _database()),
        _outcome("storage", services.files.exists(PROBE_KEY)),
        _outcome("redis", _ping(settings.redis_url or "")),
    )
    workers = await _outcome("workers", _workers()) if database is None else "not known without the database"
    lacking = {"database": database, "storage": storage, "workers": workers, "redis": redis}
    checks = {name: found or "ok" for name, found in lacking.items()}
    missing = [f"{name}: {found}" for name, found in lacking.items() if found is not None]
    if database or storage or workers:
        return JSONResponse({"status": "not ready", "missing": missing, "checks": checks}, 503)
    return JSONResponse({"status": "degraded" if redis else "ready", "missing": missing, "checks": checks})


async def _outcome(name: str, check: Awaitable[object]) -> str | None:
    """None where the check passes in time, else what is missing."""
    try:
        await asyncio.wait_for(check, CHECK_SECONDS)
    except Lacking as lacking:
        return str(lacking)
    except TimeoutError:
        return f"no answer in {CHECK_SECONDS:g} s"
    except Exception as error:  # whatever the driver raises, the answer is that it is not there
        log.warning("the check of %s failed", name, exc_info=error)
        return "not reachable"
    return None


async def _database() -> None:
    lacking = await pending()
    if lacking:
        raise Lacking(f"migrations are pending: {', '.join(lacking)}")


async def _workers() -> None:
    if await live_workers(WORKER_SEEN_SECONDS) == 0:
        raise Lacking(f"no worker was seen in the last {WORKER_SEEN_SECONDS:g} s")


async def _ping(url: str) -> None:
    async with Redis.from_url(url) as client:
        await client.ping()
