"""Live updates: what GraphQL follows, in the domain's words. Each event shows what it loaded itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from db.particles import ParticleSystem
from domain import jobs, particles
from domain.jobs import JobFilter, JobUpdate
from resolvers.context import Context
from resolvers.ids import required
from resolvers.jobs import known
from resolvers.particles import SYSTEM


async def job_updates(ctx: Context, id: str, after: str | None) -> AsyncGenerator[JobUpdate, None]:
    """Raises NotFound and InvalidInput (`after`) at the first step."""
    watched = jobs.watch(ctx.viewer, required(id, "Job"), after, services=ctx.services)
    async with aclosing(cast(AsyncGenerator[JobUpdate, None], watched)) as changes:
        async for change in changes:
            ctx.renew()
            yield change


async def all_job_updates(
    ctx: Context, filter: JobFilter, after: str | None
) -> AsyncGenerator[JobUpdate, None]:
    watched = jobs.watch_all(ctx.viewer, known(filter), after, services=ctx.services)
    async with aclosing(cast(AsyncGenerator[JobUpdate, None], watched)) as changes:
        async for change in changes:
            ctx.renew()
            yield change


async def particle_system_updates(ctx: Context, id: str) -> AsyncGenerator[ParticleSystem, None]:
    """Ends when the system is deleted. Raises NotFound at the first step."""
    watched = particles.watch(ctx.viewer, required(id, SYSTEM), services=ctx.services)
    async with aclosing(cast(AsyncGenerator[ParticleSystem, None], watched)) as rows:
        async for row in rows:
            ctx.renew()
            yield row
