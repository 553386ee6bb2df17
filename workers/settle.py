"""Ending a run: its files are stored under the epoch's own path, then one transaction makes them the job's.

A transaction whose answer was lost may have happened: before anything is tried again or cleaned up the row
is asked. Files of a run that did not settle are removed, but never one that a row names: where its job was
deleted meanwhile, that row alone tells that it did settle. Files of a run whose end is not known stay, and
the daily sweep removes them if nothing names them.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db import job_moves, job_rows
from db.jobs import Job
from db.sql import is_of_database, is_refusal
from domain.assets import NewAsset, remove_orphan
from domain.jobs import announce, outputs
from domain.jobs.protocol import CRASH_DELAY_SECONDS, MAX_CRASHES, backoff_seconds
from workers.failures import Failure
from workers.heart import Heart, within
from workers.run import NewOutput, Run, Settlement
from workers.tallies import ran

TRANSACTION_SECONDS = 10.0
PAUSE_SECONDS = 0.5
DISCARD_SECONDS = 15.0  # all files of a run together: its lane takes no other work until then

log = logging.getLogger(__name__)
Made = list[tuple[str, NewAsset]]


@dataclass(frozen=True)
class End:
    """How a run ends. `counted_as` is for the tallies where its job goes on, `attempt_outcomes` is all that
    its move makes of the attempt (`job_attempts.outcome`)."""

    counted_as: str
    attempt_outcomes: tuple[str, ...]


COMPLETED = End("completed", ("COMPLETED",))
FAILED = End("retried", ("RETRIED", "FAILED", "CANCELLED"))
CRASHED = End("crashed", ("LOST",))  # as the reaper does to a worker that is lost
STOPPED = End("cancelled", ("CANCELLED",))
RELEASED = End("released", ("RELEASED", "CANCELLED"))


def place(job: Job, number: int, path: Path) -> str:
    """Where an output's bytes lie: no other run can write there."""
    return f"renders/{job.id}/{job.epoch}/{number}{path.suffix.lower()}"


async def store(run: Run, produced: Sequence[NewOutput], made: Made) -> None:
    """Put the files into storage, each into `made` before it is put: orphans until the run settles."""
    for number, output in enumerate(produced):
        key = place(run.job, number, output.path)
        run.transfer()
        size, sha256 = await asyncio.to_thread(_measured, output.path)
        # Noted first: a put that is cut off may have happened.
        made.append((output.role, _asset(output, key, size, sha256)))
        await run.services.files.put(key, output.path)


def _measured(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _asset(output: NewOutput, key: str, size: int, sha256: str) -> NewAsset:
    return NewAsset(
        kind=output.kind,
        filename=output.filename,
        content_type=output.content_type,
        size=size,
        sha256=sha256,
        key=key,
        duration=output.duration,
        width=output.width,
        height=output.height,
        sample_rate=output.sample_rate,
        channels=output.channels,
    )


class RowsFailed(Exception):
    """A settlement's own `rows` raised `error`, which is no outage: trying again would not mend it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class LostAtSettle(Exception):
    """Rolls back a settlement whose claim is no longer ours."""


async def complete(run: Run, settlement: Settlement, made: Made, heart: Heart) -> bool:
    """Whether the result is the job's now. False: the lease was lost, or the database away for too long."""

    job, epoch = run.job, run.job.epoch

    async def move() -> Job | None:
        return await job_moves.complete(job.id, epoch, result=settlement.result, cost_usd=settlement.cost_usd)

    async def with_rows() -> Job | None:
        try:
            async with job_rows.IN_TRANSACTION():
                done = await move()
                if done is None:
                    raise LostAtSettle
                await outputs.keep(job.id, job.owner_id, made)
                if settlement.rows is not None:
                    told = await _further(settlement.rows, done)
                    done = done if told is None else await job_moves.tell_more(job.id, epoch, told)
                return done
        except LostAtSettle:
            return None

    moving = with_rows if made or settlement.rows else move
    has_settled = await _settle(COMPLETED, moving, run, heart)
    if has_settled and settlement.topics:
        await run.services.events.nudge(*settlement.topics)
    return has_settled


async def _further(
    rows: Callable[[Job], Awaitable[Mapping[str, Any] | None]], job: Job
) -> Mapping[str, Any] | None:
    try:
        return await rows(job)
    except Exception as error:
        if is_of_database(error):
            raise
        raise RowsFailed(error) from error


async def failed(run: Run, failure: Failure, heart: Heart) -> bool:
    """Settle a run that raised: as a crash, for another attempt, or as FAILED."""
    job, epoch = run.job, run.job.epoch
    delay = backoff_seconds(job.attempt, random.random())

    async def move() -> Job | None:
        if failure.is_crash:
            return await job_moves.crash(
                job.id, epoch, max_crashes=MAX_CRASHES, delay_seconds=CRASH_DELAY_SECONDS
            )
        return await job_moves.fail(
            job.id,
            epoch,
            code=failure.code,
            message=failure.message,
            may_retry=failure.may_retry,
            delay_seconds=delay,
        )

    return await _settle(CRASHED if failure.is_crash else FAILED, move, run, heart)


async def stopped(run: Run, heart: Heart) -> bool:
    async def move() -> Job | None:
        return await job_moves.stop(run.job.id, run.job.epoch)

    return await _settle(STOPPED, move, run, heart)


async def released(run: Run, heart: Heart) -> bool:
    async def move() -> Job | None:
        return await job_moves.release(run.job.id, run.job.epoch)

    return await _settle(RELEASED, move, run, heart)


async def _settle(end: End, move: Callable[[], Awaitable[Job | None]], run: Run, heart: Heart) -> bool:
    """Try until it is done, refused, or the lease may be another's: then once more, since the row tells a
    worker that stood still, or was cut off, what became of its claim.

    Each try has twice the time of the one before: a slow way to the database must not be taken for none.
    """

    async def once() -> job_rows.Left | None:
        job = await move()
        if job is None:
            return await _settled_before(end, run, heart)
        return job_rows.Left(job, was_ended=job.completed_at is not None)

    seconds = TRANSACTION_SECONDS
    while True:
        is_last = heart.seconds_left <= 0
        try:
            left = await within(once(), TRANSACTION_SECONDS if is_last else seconds)
        except RowsFailed as failed_rows:
            raise failed_rows.error from None
        except Exception as error:
            if is_refusal(error):
                raise
            log.warning("job %s: not settled yet: %s", run.job.id, str(error) or type(error).__name__)
            if is_last:
                raise Unsettled from error
            seconds *= 2
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        if left is None:
            return False
        as_left = left.job if left.was_ended else run.job  # what came of it since is for others to count
        ran(run.services.tallies, as_left, run.seconds, else_outcome=end.counted_as)
        await announce([left.job], run.services)
        return True


async def _settled_before(end: End, run: Run, heart: Heart) -> job_rows.Left | None:
    """What an earlier try of ours left, where it did settle the job and its answer was lost.

    Only the holder of an epoch can end its attempt, but for the reaper, who leaves it as a crash does: once
    the lease may have lapsed, a crash is taken for the reaper's, who has counted it.
    """
    if end is CRASHED and heart.seconds_left <= 0:
        return None
    return await job_rows.left_by(run.job.id, run.job.epoch, end.attempt_outcomes)


class Unsettled(Exception):
    """The database was away until the lease lapsed: how the run ended is not known to its worker."""


async def discard(run: Run, made: Made) -> None:
    """Remove what a run put into storage and no row names."""
    if not made:
        return
    try:
        await within(_remove(run, made), DISCARD_SECONDS)
    except TimeoutError:
        log.warning("job %s: orphans may stay until the sweep: no answer for too long", run.job.id)


async def _remove(run: Run, made: Made) -> None:
    for _, asset in made:
        try:
            await remove_orphan(asset.key, services=run.services)
        except Exception as error:
            log.warning("job %s: an orphan stays until the sweep: %s", run.job.id, type(error).__name__)
