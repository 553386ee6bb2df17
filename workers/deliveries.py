"""Calls of callback URLs, beside the jobs: every worker, no leader, a few at once and fewer a host.

Whoever ends a job nudges; each second every worker looks by itself, so a lost nudge costs that second. A try
of a worker that dies is made again by another when its lease is over. A receiver that is slow holds
only the lanes of its host: claims leave out the hosts that have as many tries under way as they may.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from db import webhooks as rows
from db.sql import is_of_database
from db.webhooks import Delivery
from domain import webhooks as domain
from domain.belonging import belonging_to
from domain.jobs import CALLBACKS
from domain.ports import Services, Webhooks
from workers.heart import QUERY_SECONDS, within

LOOK_SECONDS = 1.0
MOST_AT_ONCE = 32
MOST_A_HOST = 4
GRACE_SECONDS = 1.0

log = logging.getLogger(__name__)


class Deliveries:
    def __init__(self, services: Services, webhooks: Webhooks) -> None:
        self._services = services
        self._webhooks = webhooks
        self._lanes: set[asyncio.Task[None]] = set()
        self._not_begun: dict[asyncio.Task[None], Delivery] = {}
        self._returning: set[asyncio.Task[None]] = set()
        self._hosts: Counter[str] = Counter()
        self._claiming = asyncio.Lock()
        self._is_closing = False

    async def go(self) -> None:
        """Look when nudged and each second, for ever."""
        async with self._services.events.subscribe(CALLBACKS) as nudges:
            while True:
                try:
                    await self.look()
                except Exception as error:
                    log.warning("no look at deliveries: %s", str(error) or type(error).__name__)
                await nudges.wait(LOOK_SECONDS * random.uniform(0.9, 1.1))

    async def look(self) -> None:
        """Start a lane for each delivery that is due, as far as there are lanes."""
        while len(self._lanes) < MOST_AT_ONCE and (delivery := await self._claim()) is not None:
            lane = asyncio.create_task(self._lane(delivery))
            self._not_begun[lane] = delivery
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)

    async def close(self) -> None:
        """Claim no more, give what is under way a moment, and put back the rest."""
        self._is_closing = True
        if self._lanes:
            await asyncio.wait(self._lanes, timeout=GRACE_SECONDS)
        for lane in self._lanes:
            lane.cancel()
        await asyncio.gather(*self._lanes, return_exceptions=True)
        # A task that is cancelled before its first step never comes to put anything back.
        put_back = [self._put_back(delivery) for delivery in self._not_begun.values()]
        await asyncio.gather(*self._returning, *put_back)

    async def _lane(self, first: Delivery) -> None:
        """One try after the other, until nothing is due."""
        self._not_begun.pop(_this_task())
        delivery: Delivery | None = first
        try:
            while delivery is not None:
                await self._try(delivery)
                delivery = await self._claim()
        except Exception as error:
            log.warning("a lane of deliveries ended: %s", str(error) or type(error).__name__)

    async def _claim(self) -> Delivery | None:
        async with self._claiming:
            if self._is_closing:
                return None
            busy = [host for host, tries in self._hosts.items() if tries >= MOST_A_HOST]
            delivery = await self._kept(within(rows.claim(busy, domain.LEASE_SECONDS), QUERY_SECONDS))
            if delivery is not None:
                self._hosts[delivery.host] += 1
            return delivery

    async def _kept(self, claiming: Coroutine[Any, Any, Delivery | None]) -> Delivery | None:
        """What was claimed, back in the queue if whoever wanted it was cancelled meanwhile: nobody else would
        look at it before its lease is over. Whoever is cancelled again leaves that to `close`."""
        claim = asyncio.ensure_future(claiming)
        try:
            return await asyncio.shield(claim)
        except asyncio.CancelledError:
            returning = asyncio.create_task(self._return(claim))
            self._returning.add(returning)
            returning.add_done_callback(self._returning.discard)
            await asyncio.shield(returning)
            raise

    async def _return(self, claim: asyncio.Future[Delivery | None]) -> None:
        await asyncio.wait([claim])
        if claim.exception() is None and (delivery := claim.result()) is not None:
            await self._put_back(delivery)

    async def _try(self, delivery: Delivery) -> None:
        try:
            with belonging_to(job_id=str(delivery.job_id)):
                await self._deliver(delivery)
        finally:
            self._hosts[delivery.host] -= 1
            if not self._hosts[delivery.host]:
                del self._hosts[delivery.host]

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            await domain.deliver(delivery, self._services, self._webhooks)
        except asyncio.CancelledError:
            await self._put_back(delivery)
            raise
        except Exception as error:
            _leave(delivery, error)

    async def _put_back(self, delivery: Delivery) -> None:
        try:
            await within(domain.put_back(delivery), QUERY_SECONDS)
        except Exception as error:
            _leave(delivery, error)


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def _leave(delivery: Delivery, error: Exception) -> None:
    """Its lease ends by itself. What is no fault of the database is one of ours: where it was is told."""
    problem = str(error) or type(error).__name__
    trace = None if is_of_database(error) else error
    ids = {"job_id": str(delivery.job_id)}
    log.warning(
        "delivery %s comes again after its lease: %s", delivery.id, problem, exc_info=trace, extra=ids
    )
