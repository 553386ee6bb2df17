"""What can be followed: first how it is, then every change, then the end."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry

from domain.jobs import JobFilter as DomainFilter
from resolvers import live
from schema.commits import Commit
from schema.info import Info
from schema.job_updates import JobUpdate
from schema.job_words import JobFilter
from schema.live.declared import IN_PARTS
from schema.lookahead import Wanted
from schema.particles import ParticleSystem


@strawberry.type
class Subscription:
    @strawberry.subscription(
        metadata=IN_PARTS,
        description="The job as it is now, then every change, until it ends. "
        "`after` is the cursor of the last update seen: then what was missed comes first.",
    )
    async def job_updates(
        self, info: Info, id: strawberry.ID, after: str | None = None
    ) -> AsyncGenerator[JobUpdate, None]:
        wanted = Wanted.of(info)
        async with aclosing(live.job_updates(info.context, id, after)) as updates:
            async for update in updates:
                yield await JobUpdate.of(update, wanted)

    @strawberry.subscription(
        metadata=IN_PARTS,
        description="The viewer's jobs that are not ended, then every change of every job. `after` as above.",
    )
    async def all_job_updates(
        self, info: Info, filter: JobFilter | None = None, after: str | None = None
    ) -> AsyncGenerator[JobUpdate, None]:
        which = DomainFilter() if filter is None else filter.to_domain()
        wanted = Wanted.of(info)
        async with aclosing(live.all_job_updates(info.context, which, after)) as updates:
            async for update in updates:
                yield await JobUpdate.of(update, wanted)

    @strawberry.subscription(
        metadata=IN_PARTS,
        description="The system as it is now, then after every change, until it is deleted.",
    )
    async def particle_system_updates(
        self, info: Info, id: strawberry.ID
    ) -> AsyncGenerator[ParticleSystem, None]:
        wanted = Wanted.of(info)
        async with aclosing(live.particle_system_updates(info.context, id)) as rows:
            async for row in rows:
                yield await ParticleSystem.of(row, wanted)

    @strawberry.subscription(
        metadata=IN_PARTS,
        description="Each new commit, until the repository is deleted. `after` is the last one seen: then"
        " what was missed comes first.",
    )
    async def repository_updates(
        self, info: Info, id: strawberry.ID, after: strawberry.ID | None = None
    ) -> AsyncGenerator[Commit, None]:
        wanted = Wanted.of(info)
        async with aclosing(live.repository_updates(info.context, id, after)) as rows:
            async for row in rows:
                yield await Commit.of(row, wanted)
