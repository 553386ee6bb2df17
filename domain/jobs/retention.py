"""Retention: jobs that ended long ago go, with all that is only about them and the files nobody needs.

What goes with a job are its attempts, events, and links to files, and the files that it made itself. What a
person uploaded never goes by age: an upload lies elsewhere in the storage, and a file whose job a person has
deleted is a file of its own. A job goes whole or not at all: while a file that it made is used (by a particle
system, by a job that is kept, by whatever registers in `db.asset_uses`), the job stays and the next day
looks again. Bytes that another asset names stay too. A kept job goes on saying which job it repeats
(`retry_of`), as after a deletion by hand: an ended row never changes. A job whose callback URL is not told
yet stays until it is, or is given up; the delivery is a row of its own and outlives it.

Several workers at once share the work, and one that is stopped in the middle leaves it to the next round.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from db import migrate
from db import retention as rows
from domain import assets
from domain.assets.places import RENDERS
from domain.errors import Conflict, InvalidInput, Unavailable
from domain.jobs.kinds import known
from domain.ports import Services

MAX_DAYS = 36_500
MADE_BELOW = f"{RENDERS}/"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pruned:
    """How much was removed. `held` jobs are old enough but stay; `bytes` are those that were freed."""

    jobs: int = 0
    attempts: int = 0
    events: int = 0
    files: int = 0
    bytes: int = 0
    held: int = 0

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(
            self.jobs + other.jobs,
            self.attempts + other.attempts,
            self.events + other.events,
            self.files + other.files,
            self.bytes + other.bytes,
            self.held + other.held,
        )


async def prune(older_than_days: int, *, services: Services) -> Pruned:
    """Remove what ended more than so many days ago (1 to 36,500), whoever owns it.

    Raises InvalidInput, and Conflict where the database belongs to a newer version.
    """
    whole = Pruned()
    async for part in pruned_in_parts(older_than_days, services=services):
        whole += part
    return whole


async def pruned_in_parts(older_than_days: int, *, services: Services) -> AsyncGenerator[Pruned]:
    """The same, batch by batch: what each has removed, once it is done.

    Jobs that were held are looked at again as long as others went, since one of these may have held them: a
    later part then takes them from `held` again.
    """
    await _check(older_than_days)
    before = await rows.moment_before(older_than_days)
    is_again, jobs, held = False, 1, 1
    while jobs and held:
        jobs = held = 0
        async for batch in _batches(before):
            size = await _collect(batch.freed, services)
            stay = batch.looked_at - batch.jobs
            jobs, held = jobs + batch.jobs, held + stay
            change = -batch.jobs if is_again else stay
            yield Pruned(batch.jobs, batch.attempts, batch.events, len(batch.freed), size, change)
        is_again = True


async def _batches(before: datetime) -> AsyncIterator[rows.Batch]:
    """Every expired job of every owner once."""
    owner = await rows.next_owner(None)
    while owner is not None:
        place: rows.Place | None = rows.Place(before)
        while place is not None:
            batch = await rows.remove_batch(owner, known(), place, MADE_BELOW)
            place = batch.place
            if batch.looked_at:
                yield batch
        owner = await rows.next_owner(owner)


async def prunable(older_than_days: int) -> Pruned:
    """What `prune` would remove now. Raises as it does."""
    await _check(older_than_days)
    found = await rows.forecast(await rows.moment_before(older_than_days), known(), MADE_BELOW)
    return Pruned(found.jobs, found.attempts, found.events, found.files, found.bytes, found.held)


async def _check(older_than_days: int) -> None:
    if not 1 <= older_than_days <= MAX_DAYS:
        raise InvalidInput("days", f"days must be 1 to {MAX_DAYS:,}, got {older_than_days}")
    if newer := await migrate.unknown():
        raise Conflict(
            f"the database was migrated by a newer version ({newer[-1]}), which may use files in ways that"
            " this one does not know: nothing is removed"
        )


async def _collect(freed: Sequence[rows.Freed], services: Services) -> int:
    """Remove the bytes that nothing names any more; how many they were. A storage that is away delays it."""
    size = 0
    for file in {file.key: file for file in freed}.values():
        try:
            if await assets.collect(file.key, file.sha256, services=services):
                size += file.size
        except Unavailable as error:
            log.warning("the bytes of a removed job stay until the sweep: %s", error.message)
    return size
