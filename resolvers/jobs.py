"""Jobs: what GraphQL asks of them, in the domain's words. Jobs of unknown kinds do not exist here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from db.assets import Asset
from db.commits import Commit
from db.jobs import Job
from db.particles import ParticleSystem
from domain import commits, jobs, particles
from domain.errors import NotFound
from domain.jobs import JobFilter, Output, QueueStats
from domain.jobs.kinds import VOCABULARY
from domain.pages import Page
from resolvers.context import Context
from resolvers.ids import parsed, required

MAX_ID_CHARACTERS = 64


async def get(ctx: Context, id: str) -> Job | None:
    job_id = parsed(id)
    if job_id is None:
        return None
    try:
        row = await jobs.get(ctx.viewer, job_id)
    except NotFound:
        return None
    return row if row.kind in VOCABULARY else None


async def page(
    ctx: Context, filter: JobFilter, first: int, after: str | None, *, is_counted: bool
) -> Page[Job]:
    return await jobs.page(ctx.viewer, known(filter), first=first, after=after, is_counted=is_counted)


async def queue_stats(ctx: Context) -> QueueStats:
    return await jobs.queue_stats(ctx.viewer)


async def cancel(ctx: Context, id: str) -> Job:
    return await jobs.cancel(ctx.viewer, required(id, "Job"), services=ctx.services)


async def retry(ctx: Context, id: str, from_stage: str | None) -> Job:
    return await jobs.retry(ctx.viewer, required(id, "Job"), from_stage=from_stage, services=ctx.services)


async def delete(ctx: Context, id: str) -> None:
    await jobs.delete(ctx.viewer, required(id, "Job"), services=ctx.services)


def known(filter: JobFilter) -> JobFilter:
    """The same filter, without kinds that the contract has no word for; an impossible subject has no jobs."""
    if filter.subject_id is not None and not _is_possible_id(filter.subject_id):
        return replace(filter, subject_id=None, kind=[])
    return replace(filter, kind=sorted(VOCABULARY)) if filter.kind is None else filter


def _is_possible_id(text: str) -> bool:
    return 0 < len(text) <= MAX_ID_CHARACTERS and text.isprintable()


async def outputs(ctx: Context, rows: Iterable[Job]) -> dict[UUID, list[Output]]:
    """By the job's id, those without any included."""
    return await ctx.loaders.outputs.load_many(job.id for job in rows)


def main_output(outputs: Sequence[Output], kind: str) -> Asset | None:
    """The output whose role is the kind's own word; else the first of that kind that is no preview."""
    found = [output for output in outputs if output.asset.kind == kind]
    named = [output for output in found if output.role == kind.lower()]
    other = [output for output in found if output.role != "preview"]
    return next((output.asset for output in [*named, *other]), None)


async def retries(ctx: Context, rows: Iterable[Job]) -> dict[UUID, UUID]:
    """By the job's id, the newest job that repeats it."""
    return await ctx.loaders.retried_by.load_many(job.id for job in rows)


async def subjects(
    ctx: Context, rows: Collection[Job]
) -> tuple[dict[UUID, ParticleSystem], dict[UUID, Commit]]:
    """Systems and commits by the job's id. What has been deleted since is not among them."""
    return (
        await ctx.loaders.systems.load_referred(_about(rows, particles.SUBJECT)),
        await ctx.loaders.commits_by_id.load_referred(_about(rows, commits.SUBJECT)),
    )


def _about(rows: Iterable[Job], subject_type: str) -> dict[UUID, UUID | None]:
    return {job.id: parsed(job.subject_id or "") for job in rows if job.subject_type == subject_type}
