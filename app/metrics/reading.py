"""What a scrape asks others: the database for the queue and the workers, Redis whether it is there."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from app.checks import Check, ping_redis
from db import webhooks, worker_tallies
from db.queue_figures import KindFigures, queue_figures
from db.worker_tallies import WorkerRow
from domain.tallies import Series, unpacked

READ_SECONDS = 2.0
SEEN_SECONDS = 15.0  # a worker that was silent for longer is not shown as one that lives

log = logging.getLogger(__name__)
Found = TypeVar("Found")


@dataclass(frozen=True)
class FromDatabase:
    """As of one moment, more or less. `totals` are those of all workers, also of those gone."""

    queue: Mapping[str, KindFigures]
    live_workers: list[WorkerRow]
    totals: Mapping[Series, float]
    untold_ends: int  # callback URLs that are still to be called


@dataclass(frozen=True)
class Reading:
    """`database` is None where it did not answer in time."""

    database: FromDatabase | None
    redis_is_up: bool


class Reader:
    """One an application; `read` never raises and takes no longer than `READ_SECONDS`."""

    def __init__(self, redis_url: str) -> None:
        self._database = Check(_from_database)
        self._redis = Check(lambda: _is_there(redis_url))

    async def read(self) -> Reading:
        asking = asyncio.create_task(_answered("redis", self._redis))
        database = await _answered("database", self._database)
        return Reading(database, await asking is True)


async def _answered(name: str, check: Check[Found]) -> Found | None:
    try:
        return await check.answer(READ_SECONDS)
    except Exception as error:  # the scrape says that it is away
        log.debug("no figures of %s: %s", name, type(error).__name__)
        return None


async def _is_there(redis_url: str) -> bool:
    await ping_redis(redis_url, READ_SECONDS)
    return True


async def _from_database() -> FromDatabase:
    rows, gone = await worker_tallies.read()
    totals: defaultdict[Series, float] = defaultdict(float)
    for numbers in (gone, *(row.totals for row in rows)):
        for series, number in unpacked(numbers).items():
            totals[series] += number
    return FromDatabase(
        queue=await queue_figures(),
        live_workers=[row for row in rows if row.unseen_seconds < SEEN_SECONDS],
        totals=totals,
        untold_ends=await webhooks.pending(),
    )
