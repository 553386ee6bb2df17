"""The heartbeat of one run: it writes progress, extends the lease, and says when the work must stop.

Progress goes out at most four times a second, a bare beat when nothing moved for ten seconds; each reads the
cancel flag. Where the database is out of reach until the lease is about to lapse by our own monotonic clock,
the run counts as lost: somebody else may have it by then. A query that hangs is left behind.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from enum import Enum, auto
from typing import Any, TypeVar

from db import job_moves
from domain.jobs import announce
from domain.jobs.protocol import LEASE_SECONDS, QUIET_BEAT_SECONDS, REPORT_SECONDS
from workers.run import Run

MARGIN_SECONDS = 3.0  # how long before the lapse a worker gives up by itself
QUERY_SECONDS = 5.0
PAUSE_SECONDS = 1.0  # after a failed write
LOOK_SECONDS = 0.5  # how often a stall and the lease are looked at

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Verdict(Enum):
    """Why a run must stop before its handler has finished."""

    LOST = auto()
    CANCELLED = auto()
    STALLED = auto()
    RELEASED = auto()


class Heart:
    """Beats for one run until it is closed. `verdict` is set once, by whoever comes first.

    `claimed_at` is the monotonic time before the claim was sent: the lease may be as old as that, however
    late its answer came.
    """

    def __init__(self, run: Run, claimed_at: float) -> None:
        self._run = run
        self._wrote_at = -1e9
        self._kept_until = claimed_at + LEASE_SECONDS
        self._beat_at = claimed_at
        self._must_look = False
        self._writing = asyncio.Lock()
        self.verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        run.write_with(self._write_stage)

    @property
    def seconds_left(self) -> float:
        """How long the lease is surely ours, less the margin."""
        return self._kept_until - MARGIN_SECONDS - time.monotonic()

    def decide(self, verdict: Verdict) -> None:
        if not self.verdict.done():
            self.verdict.set_result(verdict)

    def look(self) -> None:
        """Read the cancel flag now: a nudge says that it is set."""
        self._must_look = True
        self._run.changed.set()

    async def beat(self) -> None:
        """Go on until there is a verdict."""
        watching = asyncio.create_task(self._watch_clocks())
        try:
            while not self.verdict.done():
                await self._wait()
                if self._is_due() and not await self._step():
                    await asyncio.sleep(PAUSE_SECONDS)
        finally:
            watching.cancel()

    async def _watch_clocks(self) -> None:
        """Beside the beats: one that hangs must not hide that the lease is about to lapse."""
        while not self.verdict.done():
            self._check_clocks()
            await asyncio.sleep(LOOK_SECONDS)

    def _check_clocks(self) -> None:
        if self.seconds_left <= 0:
            self.decide(Verdict.LOST)
        if time.monotonic() - self._run.moved_at > self._run.stall_seconds:
            self.decide(Verdict.STALLED)

    async def _wait(self) -> None:
        if self._run.is_dirty:
            await asyncio.sleep(max(0.0, self._wrote_at + REPORT_SECONDS - time.monotonic()))
            return
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._run.changed.wait()
        except TimeoutError:
            return

    def _is_due(self) -> bool:
        if self._must_look:
            return True
        if self._run.is_dirty:
            return time.monotonic() - self._wrote_at >= REPORT_SECONDS
        return time.monotonic() - self._beat_at >= QUIET_BEAT_SECONDS

    async def _write_stage(self) -> None:
        """A stage change goes out as a change of its own; one that cannot be written now follows later."""
        await self._step()

    async def _step(self) -> bool:
        """One write. False where the database did not answer."""
        async with self._writing:
            # All at once: a `changed` that stays set with nothing due would turn `beat` without a pause.
            self._run.changed.clear()
            is_report, self._run.is_dirty = self._run.is_dirty, False
            was_asked, self._must_look = self._must_look, False
            began = time.monotonic()
            try:
                is_ours = await within(self._report() if is_report else self._bare_beat(), QUERY_SECONDS)
            except Exception as error:
                self._run.is_dirty |= is_report
                self._must_look |= was_asked
                log.warning("job %s: no heartbeat: %s", self._run.job.id, str(error) or type(error).__name__)
                return False
            if is_ours:
                self._kept_until = began + LEASE_SECONDS
            else:
                self.decide(Verdict.LOST)
            self._beat_at = time.monotonic()
            return True

    async def _report(self) -> bool:
        """Whether the job is still ours."""
        run = self._run
        self._wrote_at = time.monotonic()
        job = await job_moves.report(
            run.job.id,
            run.job.epoch,
            LEASE_SECONDS,
            progress=run.overall(),
            message=run.message,
            stages=run.stages,
            eta_seconds=run.eta_seconds(),
        )
        if job is None:
            return False
        await announce([job], run.services, change="progress")
        if job.cancel_requested_at is not None:
            self.decide(Verdict.CANCELLED)
        return True

    async def _bare_beat(self) -> bool:
        """Whether the job is still ours."""
        cancelled = await job_moves.beat(self._run.job.id, self._run.job.epoch, LEASE_SECONDS)
        if cancelled:
            self.decide(Verdict.CANCELLED)
        return cancelled is not None


async def within(work: Coroutine[Any, Any, Result], seconds: float) -> Result:
    """The result, or TimeoutError after the seconds even where the work cannot be cancelled.

    asyncpg waits for its own cancel to reach the server before it gives a connection back; behind a network
    that swallows packets that never ends, and a timeout around it would hang with it.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        _abandon(task)
        raise
    if not done:
        _abandon(task)
        raise TimeoutError(f"no answer from the database within {seconds:g} s")
    return task.result()


def _abandon(task: asyncio.Future[Any]) -> None:
    task.cancel()
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
