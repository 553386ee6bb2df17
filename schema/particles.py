"""Particle systems: pictures that move with a song."""

from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

import strawberry
from strawberry.scalars import JSON

from db.particles import ParticleSystem as Row
from domain import particles as domain
from domain.pages import Page
from domain.particles import ParticleType
from domain.particles import Quality as RenderQuality
from render.particles import config as pictures
from resolvers import particles
from schema.assets import Asset
from schema.info import Info
from schema.names import camel
from schema.pagination import PageInfo, connected

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


@strawberry.type(
    description="Makes strong bass stronger: from `threshold` on the level is multiplied by `factor`."
)
class EnhancedMode:
    active: bool
    threshold: float
    factor: float


@strawberry.type(
    description="A whole config. `particleConfigFields` tells the range and meaning of each field."
)
class ParticleConfig:
    width: int
    height: int
    fps: int
    duration: float | None = strawberry.field(description="Null: as long as the audio, or 10 s without any.")
    seed: int
    particle_count: int
    max_particles: int
    particle_colors: list[list[int]]
    bass_threshold: float
    x_position: float
    y_position: float
    outer_movement_strength: float
    inner_movement_strength: float
    speed_x: float
    speed_y: float
    speed_z: float
    bounce: bool
    steady_spawn_rate: float
    spawn_center_x: float
    spawn_center_y: float
    spawn_area_width: float
    spawn_area_height: float
    enhanced_mode: EnhancedMode
    background: list[int] | None = strawberry.field(
        description="Null: a dark stage of its own. A colour: exactly that, flat."
    )
    glow: float
    trails: float
    show_hud: bool

    @classmethod
    def of(cls, config: pictures.ParticleConfig) -> Self:
        values = pictures.to_json(config)
        return cls(**{**values, "enhanced_mode": EnhancedMode(**values["enhanced_mode"])})


@strawberry.input(
    description="Absent fields stay as they are (at first: their defaults), null gives the default back."
)
class EnhancedModeInput:
    active: strawberry.Maybe[bool | None]
    threshold: strawberry.Maybe[float | None]
    factor: strawberry.Maybe[float | None]


@strawberry.input(
    description="Absent fields stay as they are (at first: their defaults), null gives the default back."
)
class ParticleConfigInput:
    width: strawberry.Maybe[int | None]
    height: strawberry.Maybe[int | None]
    fps: strawberry.Maybe[int | None]
    duration: strawberry.Maybe[float | None]
    seed: strawberry.Maybe[int | None]
    particle_count: strawberry.Maybe[int | None]
    max_particles: strawberry.Maybe[int | None]
    particle_colors: strawberry.Maybe[list[list[int]] | None]
    bass_threshold: strawberry.Maybe[float | None]
    x_position: strawberry.Maybe[float | None]
    y_position: strawberry.Maybe[float | None]
    outer_movement_strength: strawberry.Maybe[float | None]
    inner_movement_strength: strawberry.Maybe[float | None]
    speed_x: strawberry.Maybe[float | None]
    speed_y: strawberry.Maybe[float | None]
    speed_z: strawberry.Maybe[float | None]
    bounce: strawberry.Maybe[bool | None]
    steady_spawn_rate: strawberry.Maybe[float | None]
    spawn_center_x: strawberry.Maybe[float | None]
    spawn_center_y: strawberry.Maybe[float | None]
    spawn_area_width: strawberry.Maybe[float | None]
    spawn_area_height: strawberry.Maybe[float | None]
    enhanced_mode: strawberry.Maybe[EnhancedModeInput | None]
    background: strawberry.Maybe[list[int] | None]
    glow: strawberry.Maybe[float | None]
    trails: strawberry.Maybe[float | None]
    show_hud: strawberry.Maybe[bool | None]

    def to_patch(self) -> dict[str, Any]:
        return given(self)


def given(input: Any) -> dict[str, Any]:
    """The fields that the client wrote, by their names here, null as None; objects in it alike."""
    said = {field.name: getattr(input, field.name) for field in fields(input)}
    return {name: _plain(some.value) for name, some in said.items() if some is not None}


def _plain(value: Any) -> Any:
    return given(value) if isinstance(value, EnhancedModeInput | ParticleConfigInput) else value


@strawberry.type(description="What a form needs to know of one config field.")
class ConfigField:
    name: str = strawberry.field(description="As in ParticleConfig; a dot reaches into an object.")
    type: str = strawberry.field(
        description="int, even_int, float, bool, color ([red, green, blue]) or colors."
    )
    default: JSON | None
    min: float | None = strawberry.field(
        description="The least value (of each channel, for colours), included."
    )
    max: float | None = strawberry.field(description="The greatest value, included.")
    description: str

    @classmethod
    def of(cls, field: pictures.ConfigField) -> Self:
        return cls(
            name=camel(field.name),
            type=field.type,
            default=field.default,
            min=field.minimum,
            max=field.maximum,
            description=field.description,
        )


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

    @classmethod
    def of(cls, row: Row) -> Self:
        config = domain.config_of(row)
        return cls(
            row=row,
            id=strawberry.ID(str(row.id)),
            name=row.name,
            particle_type=ParticleType(row.particle_type),
            config=ParticleConfig.of(config),
            particle_count=config.particle_count,
            audio_loaded=row.audio_id is not None,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    @strawberry.field(description="The song that drives the picture.")
    async def audio(self, info: Info) -> Asset | None:
        row = await particles.audio(info.context, self.row)
        return None if row is None else Asset.of(row)

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

        return JobConnection.of(
            await particles.jobs(info.context, self.row, 20 if first is None else first, after)
        )


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
    def of(cls, page: Page[Row]) -> Self:
        return cls(**connected(page, ParticleSystem.of, ParticleSystemEdge))


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
