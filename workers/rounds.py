"""What goes round in every worker, without a leader: sweep, reap, sign of life, and the daily tidying.

Each looks at the state of the rows, never at events, so there is none to miss; several workers at once do
no harm. A round that fails is logged and comes again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from db import job_moves, job_queue, worker_tallies
from domain.jobs import announce
from domain.jobs.protocol import (
    CRASH_DELAY_SECONDS,
    LEASE_SECONDS,
    MAX_CRASHES,
    REAP_SECONDS,
    SWEEP_SECONDS,
)
from domain.ports import Services
from domain.tallies import packed
from workers import tidying
from workers.heart import QUERY_SECONDS, within
from workers.runner import Runner
from workers.tallies import ROUNDS_FAILED, begin, process_figures, reaped

ROUND_SECONDS = 10.0  # what one round may take
TIDY_SECONDS = 3600.0  # what each part of the daily tidying may take
SIGN_OF_LIFE_SECONDS = 5.0
FORGET_SECONDS = 3600.0
DAY_SECONDS = 86_400.0
MOST_BELLS = 100

log = logging.getLogger(__name__)


class Rounds:
    def __init__(self, runner: Runner, services: Services) -> None:
        self._runner = runner
        self._services = services
        self._has_signed_in = False

    def all(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        return [self.sweeps, self.reaps, self.signs_of_life, self.tidies]

    async def sweeps(self) -> None:
        await self._every(SWEEP_SECONDS, self.sweep)

    async def reaps(self) -> None:
        await self._every(REAP_SECONDS, self.reap)

    async def signs_of_life(self) -> None:
        await self._every(SIGN_OF_LIFE_SECONDS, self.sign_of_life)

    async def tidies(self) -> None:
        await asyncio.sleep(random.uniform(60.0, 600.0))
        while True:
            await self.tidy()
            await asyncio.sleep(DAY_SECONDS * random.uniform(0.9, 1.1))

    async def sweep(self) -> None:
        """Fill the free slots with what is due, ring for the rest, and look after cancels."""
        asked = await job_queue.asked_to_stop(self._runner.running)
        self._runner.look(asked)
        while self._runner.free_slots > 0 and await self._runner.answer_bell():
            pass
        unrung = await job_queue.take_unrung(self._runner.kinds, LEASE_SECONDS, MOST_BELLS)
        await self._ring(unrung)

    async def reap(self) -> None:
        """Take back what lapsed leases hold, and what this worker does not know that it holds."""
        await self.give_back()
        lost = await job_moves.reap(max_crashes=MAX_CRASHES, delay_seconds=CRASH_DELAY_SECONDS)
        for job in lost:
            ids = {"job_id": str(job.id)}
            log.warning("job %s: reaped from epoch %d, now %s", job.id, job.epoch, job.state, extra=ids)
        reaped(self._services.tallies, lost)
        await announce(lost, self._services)
        await self._ring([job.id for job in lost if job.state == "PENDING"])

    async def sign_of_life(self) -> None:
        """Say that this worker lives and what it has counted; whoever was silent for long is forgotten."""
        runner, tallies = self._runner, self._services.tallies
        figures = await asyncio.to_thread(process_figures)
        if not await worker_tallies.keep(
            runner.worker,
            packed(tallies.totals()),
            running=len(runner.running),
            memory_bytes=figures.memory_bytes,
            cpu_seconds=figures.cpu_seconds,
        ):
            if self._has_signed_in:  # it was forgotten, and what it had counted added up with the dead
                tallies.clear()
            begin(tallies, runner.kinds)
            await job_queue.sign_in(runner.worker, runner.kinds, runner.slots)
            self._has_signed_in = True
        await worker_tallies.forget(FORGET_SECONDS)

    async def give_back(self) -> None:
        """Release what was claimed for this worker in a statement whose answer never came."""
        running = set(self._runner.claims)
        for job_id, epoch in await job_queue.claimed_by(self._runner.worker, 2 * QUERY_SECONDS):
            if (job_id, epoch) not in running:
                job = await job_moves.release(job_id, epoch)
                await announce([job] if job else [], self._services)

    async def tidy(self) -> None:
        """Remove what nobody needs any more."""
        for part in tidying.PARTS:
            await self._attempt(part.__name__, part(self._services), TIDY_SECONDS)

    async def _ring(self, job_ids: list[UUID]) -> None:
        if job_ids:
            await self._services.doorbell.ring(job_ids)

    async def _every(self, seconds: float, go: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Go again and again, a little out of step with other workers."""
        while True:
            await self._attempt(go.__name__, go(), ROUND_SECONDS)
            await asyncio.sleep(seconds * random.uniform(0.9, 1.1))

    async def _attempt(self, name: str, work: Coroutine[Any, Any, None], limit_seconds: float) -> None:
        try:
            await within(work, limit_seconds)
        except Exception as error:
            self._services.tallies.add(ROUNDS_FAILED, name)
            log.warning("a round failed (%s): %s", name, str(error) or type(error).__name__)
