"""What can be read. A missing object is null, never an error."""

import strawberry

from domain import music
from domain import particles as domain
from domain.jobs import JobFilter as DomainFilter
from domain.particles import ParticleType
from resolvers import assets, commits, jobs, particles, repositories
from schema.accounts import Viewer
from schema.assets import Asset, AssetConnection, AssetKind
from schema.commit_merges import CommitDiff
from schema.commits import Commit
from schema.info import Info
from schema.job_words import JobFilter
from schema.jobs import Job, JobConnection
from schema.lookahead import Wanted
from schema.pagination import is_counted
from schema.particle_config import ConfigField, ParticleConfigInput
from schema.particles import (
    ParticleMetrics,
    ParticleSystem,
    ParticleSystemConnection,
    ParticleTypeInfo,
)
from schema.queue import QueueStats
from schema.repositories import Repository, RepositoryConnection

PAGE = 50


@strawberry.type
class Query:
    @strawberry.field(description="Who asks.")
    def viewer(self, info: Info) -> Viewer:
        return Viewer.of(info.context.viewer)

    @strawberry.field
    async def job(self, info: Info, id: strawberry.ID) -> Job | None:
        row = await jobs.get(info.context, id)
        return None if row is None else await Job.of(row, Wanted.of(info))

    @strawberry.field(description="The viewer's jobs, newest first. `first` is 1 to 100.")
    async def jobs(
        self, info: Info, filter: JobFilter | None = None, first: int | None = PAGE, after: str | None = None
    ) -> JobConnection:
        which = DomainFilter() if filter is None else filter.to_domain()
        wanted = Wanted.of(info)
        page = await jobs.page(info.context, which, _page(first), after, is_counted=is_counted(wanted))
        return await JobConnection.of(page, wanted)

    @strawberry.field(description="The viewer's jobs by state, and the live workers.")
    async def queue_stats(self, info: Info) -> QueueStats:
        return QueueStats.of(await jobs.queue_stats(info.context))

    @strawberry.field
    async def asset(self, info: Info, id: strawberry.ID) -> Asset | None:
        row = await assets.get(info.context, id)
        return None if row is None else await Asset.of(row, Wanted.of(info))

    @strawberry.field(description="The viewer's files, newest first; `search` looks into their names.")
    async def assets(
        self,
        info: Info,
        kind: AssetKind | None = None,
        search: str | None = None,
        first: int | None = PAGE,
        after: str | None = None,
    ) -> AssetConnection:
        word = None if kind is None else kind.value
        wanted = Wanted.of(info)
        counted = is_counted(wanted)
        page = await assets.page(info.context, word, search, _page(first), after, is_counted=counted)
        return await AssetConnection.of(page, wanted)

    @strawberry.field(description="The types of particles that there are.")
    def particle_types(self) -> list[ParticleTypeInfo]:
        return [ParticleTypeInfo.of(info) for info in domain.TYPES]

    @strawberry.field(description="Every field of a particle config, for forms: default, range, meaning.")
    def particle_config_fields(self) -> list[ConfigField]:
        return [ConfigField.of(field) for field in domain.FIELDS]

    @strawberry.field(description="One frame of a system that need not exist: for sliders that move.")
    async def particle_frame_url(
        self,
        info: Info,
        particle_type: ParticleType,
        config: ParticleConfigInput | None = None,
        audio_id: strawberry.ID | None = None,
        time: float = 0,
        width: int | None = domain.DEFAULT_WIDTH,
    ) -> str:
        patch = None if config is None else config.to_patch()
        return await particles.config_frame_url(info.context, particle_type, patch, audio_id, time, width)

    @strawberry.field
    async def particle_system(self, info: Info, id: strawberry.ID) -> ParticleSystem | None:
        row = await particles.get(info.context, id)
        return None if row is None else await ParticleSystem.of(row, Wanted.of(info))

    @strawberry.field(description="The viewer's particle systems, newest first.")
    async def particle_systems(
        self, info: Info, first: int | None = PAGE, after: str | None = None
    ) -> ParticleSystemConnection:
        wanted = Wanted.of(info)
        page = await particles.page(info.context, _page(first), after, is_counted=is_counted(wanted))
        return await ParticleSystemConnection.of(page, wanted)

    @strawberry.field
    async def particle_metrics(self, info: Info) -> ParticleMetrics:
        return ParticleMetrics.of(await particles.metrics(info.context))

    @strawberry.field(description="The genres that the composer knows by name; a prompt may name one.")
    def music_genres(self) -> list[str]:
        return music.genres()

    @strawberry.field
    async def repository(self, info: Info, id: strawberry.ID) -> Repository | None:
        row = await repositories.get(info.context, id)
        return None if row is None else await Repository.of(row, Wanted.of(info))

    @strawberry.field(
        description="Public repositories and the viewer's own, newest first; `mine`: only these. `search`"
        " looks into names and descriptions."
    )
    async def repositories(
        self,
        info: Info,
        mine: bool | None = False,
        search: str | None = None,
        first: int | None = PAGE,
        after: str | None = None,
    ) -> RepositoryConnection:
        wanted = Wanted.of(info)
        counted = is_counted(wanted)
        page = await repositories.page(
            info.context, bool(mine), search, _page(first), after, is_counted=counted
        )
        return await RepositoryConnection.of(page, wanted)

    @strawberry.field
    async def commit(self, info: Info, id: strawberry.ID) -> Commit | None:
        row = await commits.get(info.context, id)
        return None if row is None else await Commit.of(row, Wanted.of(info))

    @strawberry.field(description="How two commits differ, stem by stem; they may be of two repositories.")
    async def diff_commits(self, info: Info, base_id: strawberry.ID, head_id: strawberry.ID) -> CommitDiff:
        return await CommitDiff.of(await commits.diff(info.context, base_id, head_id), Wanted.of(info))


def _page(first: int | None) -> int:
    return PAGE if first is None else first
