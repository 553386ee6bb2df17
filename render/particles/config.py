"""What a particle film is made of: the six types, the config and its table of fields. Light: no array code.

`FIELDS` is the only place where a range or a description of a config field is written; validation, forms and
documentation read it. `ParticleConfig` holds validated values and the defaults; nothing here checks ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, cast

from render import limits

PICTURE_VERSION = 2
"""Part of every cache key: raised whenever the same config would give other pixels."""

Color = tuple[int, int, int]
"""Red, green, blue, each 0..255 (sRGB)."""


class ParticleType(StrEnum):
    SNOW = "SNOW"
    ZEN = "ZEN"
    ENHANCED = "ENHANCED"
    BOUNCING = "BOUNCING"
    CONTINUOUS_SPAWNING = "CONTINUOUS_SPAWNING"
    NO_MUSIC = "NO_MUSIC"


@dataclass(frozen=True)
class TypeInfo:
    type: ParticleType
    name: str
    description: str
    features: tuple[str, ...]
    reacts_to_audio: bool


TYPES: tuple[TypeInfo, ...] = (
    TypeInfo(
        ParticleType.SNOW,
        "Snow Particles",
        "Flakes stream out of one point; the bass hurries them and sends new ones after.",
        ("Bass-triggered respawning", "Outward movement", "Distance-based fading", "Rotation effects"),
        reacts_to_audio=True,
    ),
    TypeInfo(
        ParticleType.ZEN,
        "Zen Particles",
        "Lights that drift and breathe by themselves, whatever is played.",
        (
            "No music dependency",
            "Gentle floating movement",
            "Bounce back or random respawn",
            "Pulsing brightness",
        ),
        reacts_to_audio=False,
    ),
    TypeInfo(
        ParticleType.ENHANCED,
        "Enhanced Particles",
        "A swarm that bursts outward on the bass and is drawn back to the centre in between.",
        ("Enhanced mode", "Color support", "Size changes", "Advanced movement"),
        reacts_to_audio=True,
    ),
    TypeInfo(
        ParticleType.BOUNCING,
        "Bouncing Particles",
        "A fixed number of lights that never leave the picture and get restless with the bass.",
        (
            "Fixed particle count",
            "Frame boundary bouncing",
            "Bass-responsive excitement",
            "No respawning",
        ),
        reacts_to_audio=True,
    ),
    TypeInfo(
        ParticleType.CONTINUOUS_SPAWNING,
        "Continuous Spawning",
        "A fountain that begins empty and pours out more and faster lights as the bass rises.",
        ("Continuous spawning", "Bass-responsive spawn rate", "Particle limits", "Age tracking"),
        reacts_to_audio=True,
    ),
    TypeInfo(
        ParticleType.NO_MUSIC,
        "No Music Particles",
        "Lights that travel steadily and come back in on the other side.",
        ("No music dependency", "Screen wrapping", "Basic movement"),
        reacts_to_audio=False,
    ),
)


@dataclass(frozen=True)
class EnhancedMode:
    """Where active, a bass level of `threshold` (0..1) and more is multiplied by `factor` (and cut at 1)."""

    active: bool = True
    threshold: float = 0.3
    factor: float = 2.0


@dataclass(frozen=True)
class ParticleConfig:
    """Validated values; ranges and meanings are in `FIELDS`. Speeds are pixels a frame at 30 fps, 1080p."""

    width: int = 1920
    height: int = 1080
    fps: int = 30
    duration: float | None = None
    seed: int = 1
    particle_count: int = 200
    max_particles: int = 1000
    particle_colors: tuple[Color, ...] = ((255, 255, 255),)
    bass_threshold: float = 0.3
    x_position: float = 0.5
    y_position: float = 0.5
    outer_movement_strength: float = 2.0
    inner_movement_strength: float = 1.0
    speed_x: float = 0.0
    speed_y: float = 0.0
    speed_z: float = 0.0
    bounce: bool = False
    steady_spawn_rate: float = 0.5
    spawn_center_x: float = 0.5
    spawn_center_y: float = 0.5
    spawn_area_width: float = 0.0
    spawn_area_height: float = 0.0
    enhanced_mode: EnhancedMode = field(default_factory=EnhancedMode)
    background: Color | None = None
    glow: float = 0.6
    trails: float = 0.0
    show_hud: bool = False


@dataclass(frozen=True)
class ConfigField:
    """One field as validation and forms need it.

    `type` is int, even_int, float, bool, color (three integers) or colors (a list of them). `minimum` and
    `maximum` (both included) bound the value, or each channel of a colour. A dot in `name` reaches into an
    object.
    """

    name: str
    type: str
    default: Any
    minimum: float | None
    maximum: float | None
    description: str
    nullable: bool = False


_DEFAULTS = ParticleConfig()


def _field(
    name: str,
    type: str,
    minimum: float | None,
    maximum: float | None,
    description: str,
    nullable: bool = False,
) -> ConfigField:
    value: Any = _DEFAULTS
    for part in name.split("."):
        value = getattr(value, part)
    return ConfigField(name, type, _plain(value), minimum, maximum, description, nullable)


def _plain(value: Any) -> Any:
    """The JSON form: tuples become lists, the enhanced mode an object."""
    if isinstance(value, EnhancedMode):
        return {"active": value.active, "threshold": value.threshold, "factor": value.factor}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


FIELDS: tuple[ConfigField, ...] = (
    _field("width", "even_int", limits.MIN_SIDE, limits.MAX_SIDE, "Width of the picture in pixels; even."),
    _field("height", "even_int", limits.MIN_SIDE, limits.MAX_SIDE, "Height of the picture in pixels; even."),
    _field("fps", "int", limits.MIN_FPS, limits.MAX_FPS, "Frames a second; the motion is the same at each."),
    _field(
        "duration",
        "float",
        limits.MIN_DURATION_SECONDS,
        limits.MAX_DURATION_SECONDS,
        "Length of the film in seconds; none means as long as the audio, or 10 s without audio.",
        nullable=True,
    ),
    _field(
        "seed", "int", -(2**31), 2**31 - 1, "Another seed is another film; the same seed is the same film."
    ),
    _field(
        "particle_count",
        "int",
        limits.MIN_PARTICLES,
        limits.MAX_PARTICLES,
        "How many particles there are (snow: at the start; up to twice as many later).",
    ),
    _field(
        "max_particles",
        "int",
        limits.MIN_PARTICLES,
        limits.MAX_PARTICLES,
        "The most particles at once, for continuous spawning.",
    ),
    _field(
        "particle_colors",
        "colors",
        0,
        255,
        f"{limits.MIN_COLORS} to {limits.MAX_COLORS} colours [red, green, blue]; the mix turns only among "
        "them. White is white light with a slight spread of warm and cool.",
    ),
    _field("bass_threshold", "float", 0, 1, "The bass level above which the types react in full."),
    _field("x_position", "float", -1, 2, "Centre of the motion, as a fraction of the width."),
    _field("y_position", "float", -1, 2, "Centre of the motion, as a fraction of the height."),
    _field("outer_movement_strength", "float", 0, 10, "How hard the bass pushes outward (enhanced)."),
    _field("inner_movement_strength", "float", 0, 10, "How hard the centre pulls between beats (enhanced)."),
    _field(
        "speed_x",
        "float",
        -50,
        50,
        "Start speed to the right, pixels a frame at 30 fps and 1080p; 0 is random.",
    ),
    _field(
        "speed_y", "float", -50, 50, "Start speed downward, pixels a frame at 30 fps and 1080p; 0 is random."
    ),
    _field("speed_z", "float", -50, 50, "How fast a particle grows (enhanced); 0 is random."),
    _field("bounce", "bool", None, None, "Particles turn back at the edges instead of beginning anew."),
    _field(
        "steady_spawn_rate",
        "float",
        0,
        100,
        "New particles a frame at 30 fps without bass (continuous spawning).",
    ),
    _field("spawn_center_x", "float", -1, 2, "Centre of the spawn area, as a fraction of the width."),
    _field("spawn_center_y", "float", -1, 2, "Centre of the spawn area, as a fraction of the height."),
    _field(
        "spawn_area_width",
        "float",
        0,
        2,
        "Width of the spawn area, as a fraction of the picture's; 0 is a point.",
    ),
    _field(
        "spawn_area_height",
        "float",
        0,
        2,
        "Height of the spawn area, as a fraction of the picture's; 0 is a point.",
    ),
    _field("enhanced_mode.active", "bool", None, None, "Whether strong bass is made stronger."),
    _field("enhanced_mode.threshold", "float", 0, 1, "The bass level from which it is."),
    _field("enhanced_mode.factor", "float", 0, 10, "By how much it is multiplied (the result is cut at 1)."),
    _field(
        "background",
        "color",
        0,
        255,
        "Exactly this flat colour behind the particles; none means a dark stage of its own.",
        nullable=True,
    ),
    _field("glow", "float", 0, 1, "Halos and haze around the lights; 0 is none."),
    _field("trails", "float", 0, 1, "How long and bright the traces behind moving lights are; 0 is none."),
    _field(
        "show_hud",
        "bool",
        None,
        None,
        "Draws the bass level, the type and the number of particles into the picture.",
    ),
)


def to_json(config: ParticleConfig) -> dict[str, Any]:
    """All fields by name, in values that JSON knows; `from_json` gives an equal config back."""
    return {item.name: _plain(getattr(config, item.name)) for item in fields(config)}


def from_json(stored: Mapping[str, Any]) -> ParticleConfig:
    """A config from validated JSON; absent fields have their defaults, unknown ones raise TypeError."""
    values = dict(stored)
    if "particle_colors" in values:
        values["particle_colors"] = tuple(_color(item) for item in values["particle_colors"])
    if values.get("background") is not None:
        values["background"] = _color(values["background"])
    if "enhanced_mode" in values:
        values["enhanced_mode"] = EnhancedMode(**values["enhanced_mode"])
    return ParticleConfig(**values)


def _color(channels: Any) -> Color:
    return cast(Color, tuple(int(channel) for channel in channels))
