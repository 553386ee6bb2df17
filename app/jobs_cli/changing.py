"""`starling jobs cancel`, `retry` and `prune`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Awaitable, Callable, Sequence

from app.jobs_cli import words
from app.jobs_cli.session import Session
from db.jobs import Job
from domain import jobs
from domain.errors import InvalidInput, StarlingError
from domain.jobs import Pruned


async def cancel_jobs(session: Session, arguments: Namespace) -> int:
    async def cancel(job: Job) -> str:
        cancelled = await jobs.cancel(session.viewer, job.id, services=session.services)
        return "is cancelled" if cancelled.state == "CANCELLED" else "is asked to stop"

    return await _each(session, arguments.ids, cancel)


async def retry_jobs(session: Session, arguments: Namespace) -> int:
    async def retry(job: Job) -> str:
        again = await jobs.retry(
            session.viewer, job.id, from_stage=arguments.from_stage, services=session.services
        )
        return f"runs again as {again.id}"

    return await _each(session, arguments.ids, retry)


async def _each(session: Session, ids: Sequence[str], change: Callable[[Job], Awaitable[str]]) -> int:
    """Change every job that can be; exit code 1 where one could not."""
    code = 0
    for text in ids:
        try:
            job = await jobs.by_prefix(session.viewer, text)
            session.out.tell(f"Job {job.id} {await change(job)}.")
        except StarlingError as error:
            session.errors.sentence(f"{text}: {error.message}" if len(ids) > 1 else error.message)
            code = 1
    return code


async def prune_jobs(session: Session, arguments: Namespace) -> int:
    days = arguments.older_than or session.services.retention_days
    if not days:
        raise InvalidInput("days", "say how old: --older-than DAYS, or set STARLING_RETENTION_DAYS")
    if arguments.dry_run:
        session.out.tell(f"Would remove {words.pruned(await jobs.prunable(days))}.")
        return 0
    removed = Pruned()
    if session.out.is_terminal:
        with session.out.status("Looking for old jobs") as status:
            async for part in jobs.pruned_in_parts(days, services=session.services):
                removed += part
                status.update(f"Removed {words.counted(removed.jobs, 'job')}")
    else:
        removed = await jobs.prune(days, services=session.services)
    session.out.tell(f"Removed {words.pruned(removed)}.")
    return 0
