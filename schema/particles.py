"""Particle systems: pictures that move with a song."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from db.particles import ParticleSystem as Row
from domain import particles as domain
from domain.pages import Page
from domain.particles import ParticleType
from domain.particles import Quality as RenderQuality
from render.particles import config as pictures
from resolvers import particles
from schema.assets import Asset
from schema.columns import Columns, attributes, loaded
from schema.info import Info
from schema.lookahead import Wanted, keyed
from schema.pagination import PageInfo, connected, is_counted
from schema.particle_config import ParticleConfig, ParticleConfigInput

if TYPE_CHECKING:
    from schema.jobs import JobConnection

strawberry.enum(ParticleType, description="How the particles move, and whether they hear.")
strawberry.enum(
    RenderQuality,
    name="RenderQuality",
    description="DRAFT is quick, HIGH is small and clean, STANDARD is between.",
)


@strawberry.type(description="What there is to know of one type of particles.")
class ParticleTypeInfo:
    type: ParticleType
    name: str
    description: str
    features: list[str]
    reacts_to_audio: bool

    @classmethod
    def of(cls, info: pictures.TypeInfo) -> Self:
        return cls(
            type=info.type,
            name=info.name,
            description=info.description,
            features=list(info.features),
            reacts_to_audio=info.reacts_to_audio,
        )


_COLUMNS: Columns = {
    **attributes("name", "created_at", "updated_at"),
    "id": lambda row: str(row.id),
    "particle_type": lambda row: ParticleType(row.particle_type),
    "audio_loaded": lambda row: row.audio_id is not None,
}


@strawberry.type(
    description="A type of particles, a config and perhaps a song: everything that a film is made of."
)
class ParticleSystem:
    row: strawberry.Private[Row]
    id: strawberry.ID
    name: str
    particle_type: ParticleType
    config: ParticleConfig
    particle_count: int
    audio_loaded: bool
    created_at: datetime
    updated_at: datetime
    audio: Asset | None = strawberry.field(description="The song that drives the picture.")

    @classmethod
    async def of(cls, row: Row, wanted: Wanted) -> Self:
        return (await cls.by_id([row], wanted))[row.id]

    @classmethod
    async def by_id(cls, rows: Collection[Row], wanted: Wanted) -> dict[UUID, Self]:
        config_of = cache(domain.config_of)  # several columns read it
        columns: Columns = {
            **_COLUMNS,
            "config": lambda row: ParticleConfig.of(config_of(row)),
            "particle_count": lambda row: config_of(row).particle_count,
            **await loaded(_songs(rows, wanted), "audio"),
        }
        make = wanted.maker(cls, columns)
        return {row.id: make(row) for row in rows}

    @strawberry.field(
        description="One frame of the real picture at `time` seconds, scaled to `width` pixels."
    )
    async def frame_url(self, info: Info, time: float = 0, width: int | None = domain.DEFAULT_WIDTH) -> str:
        return await particles.frame_url(info.context, self.row, time, width)

    @strawberry.field(description="The renders of this system, newest first.")
    async def jobs(
        self, info: Info, first: int | None = 20, after: str | None = None
    ) -> Annotated["JobConnection", strawberry.lazy("schema.jobs")]:
        from schema.jobs import JobConnection

        wanted = Wanted.of(info)
        size = 20 if first is None else first
        page = await particles.jobs(info.context, self.row, size, after, is_counted=is_counted(wanted))
        return await JobConnection.of(page, wanted)


async def _songs(rows: Collection[Row], wanted: Wanted) -> Columns:
    if "audio" not in wanted:
        return {}
    found = await particles.songs(wanted.context, rows)
    songs = await keyed(Asset.by_id, found, wanted.below("audio"))
    return {"audio": lambda row: songs.get(row.id)}


@strawberry.type
class ParticleSystemEdge:
    cursor: str
    node: ParticleSystem


@strawberry.type(description="A page of particle systems, newest first.")
class ParticleSystemConnection:
    edges: list[ParticleSystemEdge]
    nodes: list[ParticleSystem]
    page_info: PageInfo
    total_count: int

    @classmethod
    async def of(cls, page: Page[Row], wanted: Wanted) -> Self:
        return await connected(cls, ParticleSystemEdge, ParticleSystem.by_id, page, wanted)


@strawberry.input
class CreateParticleSystemInput:
    particle_type: ParticleType
    name: str | None = strawberry.field(
        default=None, description="1 to 200 characters; by default the type's name."
    )
    config: ParticleConfigInput | None = None
    audio_id: strawberry.ID | None = strawberry.field(default=None, description="An asset with sound in it.")


@strawberry.input(description="Absent fields stay as they are. Null clears: no audio, the default config.")
class UpdateParticleSystemInput:
    name: strawberry.Maybe[str | None]
    particle_type: strawberry.Maybe[ParticleType | None]
    config: strawberry.Maybe[ParticleConfigInput | None]
    audio_id: strawberry.Maybe[strawberry.ID | None]


@strawberry.input
class RenderInput:
    filename: str | None = strawberry.field(default=None, description="What the film's file is called.")
    audio_id: strawberry.ID | None = strawberry.field(
        default=None, description="Instead of the system's own song."
    )
    quality: RenderQuality | None = RenderQuality.STANDARD
    start_time: float | None = strawberry.field(default=None, description="Seconds into the whole film.")
    end_time: float | None = strawberry.field(default=None, description="Seconds into the whole film.")


@strawberry.type(description="Figures of the viewer's particle systems and their renders.")
class ParticleMetrics:
    active_systems: int
    queued_jobs: int
    rendering_jobs: int
    completed_jobs: int
    failed_jobs: int

    @classmethod
    def of(cls, metrics: domain.Metrics) -> Self:
        return cls(
            active_systems=metrics.active_systems,
            queued_jobs=metrics.queued_jobs,
            rendering_jobs=metrics.rendering_jobs,
            completed_jobs=metrics.completed_jobs,
            failed_jobs=metrics.failed_jobs,
        )
