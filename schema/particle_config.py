"""The config of a particle system: its fields, what a client may say of them, what a form needs to know."""

from dataclasses import fields
from typing import Any, Self

import strawberry
from strawberry.scalars import JSON

from render.particles import config as pictures
from schema.names import camel


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
