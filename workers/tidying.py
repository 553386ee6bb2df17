"""What goes every day: files, folders and rows that nobody needs any more; and renders that somebody lacks.

Each part by itself: a storage that is away keeps no row from going.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from db import event_thinning, job_events, webhooks
from domain import assets, commits
from domain.jobs import prune
from domain.ports import Services
from domain.webhooks import KEEP_SECONDS
from workers import scratch

KEEP_PROGRESS_SECONDS = 7 * 86_400.0

log = logging.getLogger(__name__)


async def tidy_files(services: Services) -> None:
    """Those that nothing names."""
    await assets.sweep(services)


async def tidy_scratch(services: Services) -> None:
    """The folders of killed runs."""
    await scratch.discard_abandoned(services.scratch)


async def tidy_changes(services: Services) -> None:
    """The progress of jobs that ended long ago."""
    await event_thinning.thin_out(KEEP_PROGRESS_SECONDS)
    await job_events.adopt_restored()


async def tidy_deliveries(services: Services) -> None:
    if untold := await webhooks.forget(KEEP_SECONDS):
        log.warning("%d callback URLs were never told: is STARLING_WEBHOOK_SECRET set?", untold)


async def tidy_jobs(services: Services) -> None:
    """Those that are older than the setting lets them become."""
    if not services.retention_days:
        return
    pruned = await prune(services.retention_days, services=services)
    log.info("retention: %d jobs and %d files went, %d bytes", pruned.jobs, pruned.files, pruned.bytes)


async def tidy_renders(services: Services) -> None:
    """Not what is too much, but what commits lack."""
    if entered := await commits.heal(services):
        log.info("renders: %d jobs were entered for commits that lacked them", entered)


PARTS: tuple[Callable[[Services], Coroutine[Any, Any, None]], ...] = (
    tidy_files,
    tidy_scratch,
    tidy_changes,
    tidy_deliveries,
    tidy_jobs,
    tidy_renders,
)
