"""Live updates: what GraphQL follows, in the domain's words. Each event shows what it loaded itself.

The context says which part of the watch is wanted (`resolvers.parts`), and is told how far it came.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeVar

from db.commits import Commit
from db.particles import ParticleSystem
from domain import jobs, particles, repositories
from domain.jobs import JobFilter, JobUpdate
from domain.watching import Step
from resolvers.commits import COMMIT
from resolvers.context import Context
from resolvers.ids import required
from resolvers.jobs import known
from resolvers.particles import SYSTEM
from resolvers.parts import Following, Opening
from resolvers.repositories import REPOSITORY

T = TypeVar("T")


def job_updates(ctx: Context, id: str, after: str | None) -> AsyncGenerator[JobUpdate, None]:
    """Raises NotFound and InvalidInput (`after`), some of it at the first step."""
    viewer, services, job_id = ctx.viewer, ctx.services, required(id, "Job")
    match ctx.part:
        case Opening(start=start, only_newest=newest):
            begin = after if start is None else start
            return _items(ctx, jobs.opening(viewer, job_id, begin, only_newest=newest, services=services))
        case Following(mark=mark):
            return _items(ctx, jobs.following(viewer, job_id, mark, services=services))
    return _renewed(ctx, jobs.watch(viewer, job_id, after, services=services))


def all_job_updates(ctx: Context, filter: JobFilter, after: str | None) -> AsyncGenerator[JobUpdate, None]:
    viewer, services, wanted = ctx.viewer, ctx.services, known(filter)
    match ctx.part:
        case Opening(start=start, only_newest=newest):
            begin = after if start is None else start
            return _items(ctx, jobs.opening_all(viewer, wanted, begin, only_newest=newest, services=services))
        case Following(mark=mark):
            return _items(ctx, jobs.following_all(viewer, wanted, mark, services=services))
    return _renewed(ctx, jobs.watch_all(viewer, wanted, after, services=services))


def particle_system_updates(ctx: Context, id: str) -> AsyncGenerator[ParticleSystem, None]:
    """Ends when the system is deleted. Raises NotFound, at the first step at the latest."""
    viewer, services, system_id = ctx.viewer, ctx.services, required(id, SYSTEM)
    match ctx.part:
        case Opening(start=start):
            return _items(ctx, particles.opening(viewer, system_id, start, services=services))
        case Following(mark=mark):
            return _items(ctx, particles.following(viewer, system_id, mark, services=services))
    return _renewed(ctx, particles.watch(viewer, system_id, services=services))


def repository_updates(ctx: Context, id: str, after: str | None) -> AsyncGenerator[Commit, None]:
    """Each new commit. Ends when the repository is deleted. Raises NotFound and InvalidInput (`after`), some
    of it at the first step."""
    viewer, services, repository_id = ctx.viewer, ctx.services, required(id, REPOSITORY)
    seen = None if after is None else required(after, COMMIT, "after")
    match ctx.part:
        case Opening(start=start):
            begin = seen if start is None else start
            return _items(ctx, repositories.opening(viewer, repository_id, begin, services=services))
        case Following(mark=mark):
            return _items(ctx, repositories.following(viewer, repository_id, mark, services=services))
    return _renewed(ctx, repositories.watch(viewer, repository_id, seen, services=services))


async def _items(ctx: Context, steps: AsyncGenerator[Step[T, Any], None]) -> AsyncGenerator[T, None]:
    assert ctx.part is not None
    async with aclosing(steps):
        async for step in steps:
            ctx.part.reach(step)
            if step.item is not None:
                ctx.renew()
                yield step.item


async def _renewed(ctx: Context, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    async with aclosing(items):
        async for item in items:
            ctx.renew()
            yield item
