"""A worker process: warm children, a runner with its slots, and what goes round beside it.

    await run_worker(services, WorkerOptions(redis_url=..., slots=2), stop)

It takes part only once its children are warm, says every few seconds that it lives, and drains when it is
told to stop: claims no more, gives running work its grace, releases the rest, signs out.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from db import worker_tallies
from domain.jobs import KINDS
from domain.ports import Models, Services
from domain.tallies import packed
from workers.children import ChildPool
from workers.deliveries import Deliveries
from workers.doorbell import Doorman
from workers.handlers import HANDLERS
from workers.heart import QUERY_SECONDS, within
from workers.rounds import Rounds
from workers.run import Handler
from workers.runner import Runner

GRACE_SECONDS = 10.0
MEGABYTE = 1024**2

log = logging.getLogger(__name__)


class MissingHandler(RuntimeError):
    """A kind that can be submitted has no handler in this worker; the message names it."""


@dataclass(frozen=True)
class PoolPlan:
    """One kind of child: how many, how much memory each may use, and what it calls to be warm.

    `begins` says when the children start: before the worker takes part, behind those while it does already
    (a call waits until they are warm), or with the first call, for what most workers are never asked.
    """

    size: int
    memory_limit_bytes: int
    warm: str | None = None
    nice: int = 10
    begins: Literal["first", "behind", "asked"] = "first"


@dataclass(frozen=True)
class WorkerOptions:
    """`handlers` are those beside the product's own, for kinds that tests or the bench register."""

    redis_url: str
    slots: int = 2
    child_memory_bytes: int = 2048 * MEGABYTE
    model_memory_bytes: int = 16384 * MEGABYTE
    models: Models = field(default_factory=Models)
    grace_seconds: float = GRACE_SECONDS
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    pools: Mapping[str, PoolPlan] | None = None

    def pool_plans(self) -> Mapping[str, PoolPlan]:
        """Renders and features have children of their own: one that listened to a song never encodes.

        As many of each as there are slots, so that no run waits for another's child and seems to stall. Each
        provider that works with a trained model has children too, which hold it from job to job.
        """
        if self.pools is not None:
            return self.pools
        return {
            "render": PoolPlan(self.slots, self.child_memory_bytes, warm="render.particles.warm:warm"),
            "features": PoolPlan(
                self.slots, self.child_memory_bytes, warm="render.audio.warm:warm", begins="behind"
            ),
            "music": PoolPlan(
                self.slots, self.child_memory_bytes, warm="render.music.warm:warm", begins="asked"
            ),
            **{
                provider: PoolPlan(
                    self.slots, self.model_memory_bytes, warm=f"render.ml.{provider}:warm", begins="behind"
                )
                for provider in self.models.providers
            },
        }


def boot_check(handlers: Mapping[str, Handler]) -> None:
    """Raises MissingHandler unless every kind that can be submitted has a handler."""
    lacking = sorted(set(KINDS) - set(handlers))
    if lacking:
        raise MissingHandler(f"no handler for jobs of kind {', '.join(lacking)}")


async def run_worker(services: Services, options: WorkerOptions, stop: asyncio.Event) -> None:
    """Work until `stop` is set, then drain. Raises MissingHandler before anything is started."""
    handlers = {**HANDLERS, **options.handlers}
    boot_check(handlers)
    worker = f"{socket.gethostname()[:60]}-{os.getpid()}-{uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        plans = options.pool_plans()
        pools = {name: await stack.enter_async_context(_pool(plan)) for name, plan in plans.items()}
        _begin(pools, plans, "first")
        if not await _warm([pool for name, pool in pools.items() if plans[name].begins == "first"], stop):
            return
        _begin(pools, plans, "behind")
        runner = Runner(worker, services, handlers, pools, options.slots)
        await _work(runner, services, options, stop)


@asynccontextmanager
async def _pool(plan: PoolPlan) -> AsyncIterator[ChildPool]:
    """A pool that begins when it is told to, or called."""
    pool = ChildPool(plan.size, nice=plan.nice, memory_limit_bytes=plan.memory_limit_bytes, warm=plan.warm)
    try:
        yield pool
    finally:
        await pool.close()


def _begin(pools: Mapping[str, ChildPool], plans: Mapping[str, PoolPlan], when: str) -> None:
    for name, pool in pools.items():
        if plans[name].begins == when:
            pool.start()


async def _warm(pools: Sequence[ChildPool], stop: asyncio.Event) -> bool:
    """Wait until all children are warm; False when told to stop before."""
    warming = asyncio.gather(*(pool.warmed() for pool in pools))
    stopping = asyncio.create_task(stop.wait())
    ends: set[asyncio.Future[Any]] = {warming, stopping}
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        return warming.done() and not stop.is_set()
    finally:
        warming.cancel()
        stopping.cancel()
        await asyncio.gather(warming, stopping, return_exceptions=True)


async def _work(runner: Runner, services: Services, options: WorkerOptions, stop: asyncio.Event) -> None:
    doorman = Doorman(options.redis_url, runner.answer_bell, options.slots)
    runner.on_capacity = doorman.set_capacity
    rounds = Rounds(runner, services)
    tasks = [
        asyncio.create_task(doorman.listen(), name="doorman"),
        *(asyncio.create_task(go(), name=go.__name__) for go in rounds.all()),
    ]
    deliveries = None if services.webhooks is None else Deliveries(services, services.webhooks)
    if deliveries is not None:
        tasks.append(asyncio.create_task(deliveries.go(), name="deliveries"))
    log.info("worker %s takes jobs of %s in %d slots", runner.worker, ", ".join(runner.kinds), runner.slots)
    try:
        await stop.wait()
    finally:
        await runner.drain(options.grace_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if deliveries is not None:
            await deliveries.close()
        await _sign_out(runner.worker, packed(services.tallies.totals()))


async def _sign_out(worker: str, totals: str) -> None:
    try:
        await within(worker_tallies.sign_out(worker, totals), QUERY_SECONDS)
    except Exception as error:
        log.warning("worker %s could not sign out: %s", worker, type(error).__name__)
