"""`starling jobs list`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import AsyncIterator, Sequence

from app.jobs_cli import words
from app.jobs_cli.screen import Screen
from app.jobs_cli.session import Session
from db.jobs import Job
from domain import jobs
from domain.errors import InvalidInput
from domain.jobs import JobFilter
from domain.jobs.kinds import known
from domain.jobs.stages import present
from domain.pages import MAX_PAGE, Key


async def list_jobs(session: Session, arguments: Namespace) -> int:
    wanted = JobFilter(status=arguments.status, kind=_checked_kinds(arguments.kind))
    found = _newest(session, wanted, None if arguments.all else arguments.limit)
    if arguments.json:
        await _print_array(session.out, found)
        return 0
    is_empty = True
    async for job in found:
        if is_empty:
            session.out.tell(
                _line(session.out, "ID", "KIND", "STATUS", "DONE", "STAGE", "CREATED", "TOOK"), "bold"
            )
            is_empty = False
        session.out.tell(_job_line(session.out, job), words.STYLES[job.state])
    if is_empty:
        session.out.tell("No jobs.")
    return 0


def _checked_kinds(kinds: Sequence[str] | None) -> Sequence[str] | None:
    for kind in kinds or ():
        if kind not in known():
            raise InvalidInput("kind", f"kind {kind[:40]!r} is not known; known are {', '.join(known())}")
    return kinds


async def _newest(session: Session, wanted: JobFilter, limit: int | None) -> AsyncIterator[Job]:
    """Page by page, so that all of them need no more memory than some."""
    after, left = None, limit
    while left is None or left > 0:
        first = MAX_PAGE if left is None else min(left, MAX_PAGE)
        page = await jobs.page(session.viewer, wanted, first=first, after=after)
        for job in page.rows:
            yield job
        if not page.has_next:
            return
        after = Key(page.rows[-1].created_at, page.rows[-1].id).encode()
        left = None if left is None else left - first


async def _print_array(out: Screen, found: AsyncIterator[Job]) -> None:
    before = "["
    async for job in found:
        out.raw(before + words.as_json(words.job_object(job)))
        before = ","
    out.raw("]" if before == "," else "[]")


def _job_line(out: Screen, job: Job) -> str:
    """On a terminal all of it fits into eighty columns."""
    name = words.short(job.id) if out.is_terminal else str(job.id)
    created = words.moment(job.created_at)
    cells = (name, job.kind, job.state, f"{job.progress:.0f} %", present(job.stages) or "-")
    return _line(
        out, *cells, created[5:16] if out.is_terminal else created, words.duration(words.ran_seconds(job))
    )


def _line(
    out: Screen, name: str, kind: str, status: str, done: str, stage: str, created: str, took: str
) -> str:
    id_width, time_width = (8, 11) if out.is_terminal else (36, 19)
    return (
        f"{name:<{id_width}}  {kind:<15}  {status:<10}  {done:>5}  {stage:<9}  {created:<{time_width}}"
        f"  {took:>9}"
    )
