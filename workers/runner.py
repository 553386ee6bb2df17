"""The runner owns the work: it claims due jobs into its free slots and sees each run to its end.

A bell only means that something may be due. Whoever rings, the runner claims the best due job of a kind
that it has, runs it, and goes on claiming until nothing is due. Work never depends on who rang: Redis may
go away in the middle of it.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from db import job_moves
from db.jobs import Job
from domain import models
from domain.belonging import belonging_to
from domain.jobs import KINDS, announce, cancel_topic
from domain.jobs.protocol import LEASE_SECONDS
from domain.ports import Services
from workers import settle
from workers.children import ChildPool
from workers.failures import STALLED, Failure, judge
from workers.heart import QUERY_SECONDS, Heart, Verdict, within
from workers.run import Handler, NewOutput, Run, Settlement
from workers.scratch import folder_of
from workers.tallies import claimed, lost

__all__ = ["Handler", "NewOutput", "Run", "Runner", "Settlement"]

STOP_SECONDS = 15.0  # how long a cancelled handler may take to let go

log = logging.getLogger(__name__)


class Runner:
    """`slots` lanes of work in this process. `worker` names it in the rows it claims."""

    def __init__(
        self,
        worker: str,
        services: Services,
        handlers: Mapping[str, Handler],
        pools: Mapping[str, ChildPool],
        slots: int,
    ) -> None:
        self.worker = worker
        self.slots = slots
        self.kinds = sorted(handlers)
        self._services = services
        self._models = sorted(models.by_hash(services.models))
        self._handlers = handlers
        self._pools = pools
        self._lanes: set[asyncio.Task[None]] = set()
        self._hearts: dict[tuple[UUID, int], Heart] = {}
        self._is_draining = False
        self.on_capacity: Callable[[int], None] = lambda free: None

    @property
    def free_slots(self) -> int:
        return 0 if self._is_draining else self.slots - len(self._lanes)

    @property
    def claims(self) -> list[tuple[UUID, int]]:
        """(job, epoch) of every run."""
        return list(self._hearts)

    @property
    def running(self) -> list[UUID]:
        return [job_id for job_id, _ in self._hearts]

    async def answer_bell(self) -> bool:
        """Start a lane if a slot is free; whether it found a job. Cancelling this leaves the lane alone."""
        if self.free_slots <= 0:
            return False
        found: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        lane = asyncio.create_task(self._lane(found))
        self._lanes.add(lane)
        lane.add_done_callback(self._leave)
        self.on_capacity(self.free_slots)
        return await asyncio.shield(found)

    def look(self, job_ids: list[UUID]) -> None:
        """A cancel was asked for these: their hearts look at once."""
        for (job_id, _), heart in self._hearts.items():
            if job_id in job_ids:
                heart.look()

    async def drain(self, grace_seconds: float) -> None:
        """Claim no more, give the running work its grace, then release it. Returns when all lanes ended."""
        self._is_draining = True
        self.on_capacity(0)
        if self._lanes:
            await asyncio.wait(self._lanes, timeout=grace_seconds)
        while self._lanes:
            for heart in self._hearts.values():
                heart.decide(Verdict.RELEASED)
            await asyncio.wait(self._lanes, timeout=0.2)

    def _leave(self, lane: asyncio.Task[None]) -> None:
        self._lanes.discard(lane)
        self.on_capacity(self.free_slots)

    async def _lane(self, found: asyncio.Future[bool]) -> None:
        """Claim and run, one job after the other, until nothing is due or a run ended in no known way."""
        try:
            while not self._is_draining:
                claimed_at = time.monotonic()
                job = await self._claim()
                if not found.done():
                    found.set_result(job is not None)
                if job is None or not await self._has_run(job, claimed_at):
                    return
        finally:
            if not found.done():
                found.set_result(False)

    async def _has_run(self, job: Job, claimed_at: float) -> bool:
        """False where the run raised; each of its lines names the job, that which says so too."""
        with belonging_to(job_id=str(job.id)):
            try:
                await self._run(job, claimed_at)
            except Exception:
                log.exception("a lane of %s ended", self.worker)
                return False
        return True

    async def _claim(self) -> Job | None:
        try:
            claiming = job_moves.claim(self.worker, self.kinds, LEASE_SECONDS, self._models)
            return await within(claiming, QUERY_SECONDS)
        except Exception as error:
            log.warning("nothing claimed: %s", str(error) or type(error).__name__)
            return None

    async def _run(self, job: Job, claimed_at: float) -> None:
        """One claimed job to its end, whatever the end is; `claimed_at` is the heart's."""
        scratch = folder_of(job, self._services.scratch)
        claimed(self._services.tallies, job)
        run = Run(job, KINDS[job.kind], self._services, self._pools, scratch)
        heart = self._hearts[job.id, job.epoch] = Heart(run, claimed_at)
        beating = asyncio.create_task(heart.beat())
        nudged = asyncio.create_task(self._listen_for_cancel(job.id, heart))
        try:
            await announce([job], self._services)
            await self._work(run, heart)
        finally:
            for task in (beating, nudged):
                task.cancel()
            await asyncio.gather(beating, nudged, return_exceptions=True)
            del self._hearts[job.id, job.epoch]
            if scratch.exists():
                await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)

    async def _listen_for_cancel(self, job_id: UUID, heart: Heart) -> None:
        async with self._services.events.subscribe(cancel_topic(job_id)) as subscription:
            while True:
                if await subscription.wait(3600.0):
                    heart.look()

    async def _work(self, run: Run, heart: Heart) -> None:
        made: settle.Made = []
        working = asyncio.create_task(self._handle(run, made))
        ends: set[asyncio.Future[Any]] = {working, heart.verdict}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        is_settled = False
        try:
            if working.done() and not (heart.verdict.done() and heart.verdict.result() is Verdict.LOST):
                is_settled = await self._finish(run, heart, working, made)
            else:
                await _stop(working, run)
                await self._obey(run, heart)
        except settle.Unsettled:
            log.error("job %s: the database was away until its lease lapsed", run.job.id)
            lost(run.services.tallies, run.job.kind, run.seconds)
            return
        if not is_settled:
            await settle.discard(run, made)

    async def _handle(self, run: Run, made: settle.Made) -> Settlement:
        settlement = await self._handlers[run.job.kind](run)
        await settle.store(run, settlement.outputs, made)
        return settlement

    async def _finish(
        self, run: Run, heart: Heart, working: asyncio.Task[Settlement], made: settle.Made
    ) -> bool:
        """Settle what the handler returned or raised; whether its files are the job's now."""
        try:
            if await settle.complete(run, working.result(), made, heart):
                return True
            _log_lost(run)
        except settle.Unsettled:
            raise
        except Exception as error:
            failure = judge(error)
            log.log(
                logging.ERROR if failure.code == "INTERNAL" else logging.INFO,
                "job %s: attempt %d failed with %s",
                run.job.id,
                run.job.attempt,
                failure.code,
                exc_info=error if failure.code == "INTERNAL" else None,
            )
            if not await settle.failed(run, failure, heart):
                _log_lost(run)
        return False

    async def _obey(self, run: Run, heart: Heart) -> None:
        """Settle a run whose work was stopped, as the verdict says."""
        match heart.verdict.result():
            case Verdict.LOST:
                _log_lost(run)
            case Verdict.CANCELLED:
                await settle.stopped(run, heart)
            case Verdict.RELEASED:
                await settle.released(run, heart)
            case Verdict.STALLED:
                sentence = STALLED.format(seconds=run.stall_seconds)
                await settle.failed(run, Failure("TIMEOUT", sentence, may_retry=True), heart)


async def _stop(working: asyncio.Task[Settlement], run: Run) -> None:
    """Cancel the handler and wait until it let go."""
    working.cancel()
    _, pending = await asyncio.wait({working}, timeout=STOP_SECONDS)
    if pending:
        log.error("job %s: its handler does not stop", run.job.id)
    elif not working.cancelled() and (error := working.exception()) is not None:
        log.info("job %s: stopped with %s", run.job.id, type(error).__name__)


def _log_lost(run: Run) -> None:
    lost(run.services.tallies, run.job.kind, run.seconds)
    log.warning("job %s: lease_lost by epoch %d", run.job.id, run.job.epoch)
