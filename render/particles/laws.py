"""The constants of the six types, as the laws state them and as the kernels take them.

They are written as pixels and frames of a film of 30 frames a second and 1,080 lines, and turned here to
heights and ticks: a velocity v is v * 30 / 1080 heights a second; an acceleration a is a * 900 / 1080 heights
a second squared; a random push of U(±j) a frame keeps its variance a second, so it is half as strong on each
of four ticks; a factor f a frame is the fourth root of f a tick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.particles import motion as m
from render.particles.config import ParticleConfig, ParticleType

VELOCITY = 30.0 / 1080.0
ACCELERATION = 900.0 / 1080.0
PIXEL = 1.0 / 1080.0
JITTER = VELOCITY / 2.0
DEAF = frozenset({ParticleType.ZEN, ParticleType.NO_MUSIC})


@dataclass(frozen=True)
class Law:
    """What is written for a type, in pixels and frames of the reference."""

    damping: float
    edge: int
    jitter: float = 0.0
    loud_jitter: float = 0.0
    loud_jitter_bass: float = 0.0
    growth: float = 0.0
    push: float = 0.0
    pull: float = 0.0
    respawn: float = 0.0
    speed: tuple[float, float] = (0.5, 2.0)
    margin: float = 0.0


LAWS = {
    ParticleType.SNOW: Law(0.999, m.REMOVE, growth=0.5, respawn=0.3, margin=50.0),
    ParticleType.CONTINUOUS_SPAWNING: Law(0.998, m.REMOVE, growth=0.1, margin=50.0),
    ParticleType.ZEN: Law(0.998, m.ANYWHERE, jitter=0.05, loud_jitter=0.05, margin=50.0),
    ParticleType.BOUNCING: Law(0.995, m.REFLECT, jitter=0.1, loud_jitter=0.3, loud_jitter_bass=0.6),
    ParticleType.ENHANCED: Law(
        0.995,
        m.RECENTRE,
        jitter=0.1,
        loud_jitter_bass=0.5,
        push=0.15,
        pull=0.06,
        speed=(1.0, 3.0),
        margin=30.0,
    ),
    ParticleType.NO_MUSIC: Law(0.995, m.WRAP, jitter=0.1, pull=0.06, margin=40.0),
}

_SNOW_BIRTHS = (0.5, 3.0)  # a frame, and for full bass, for 200 flakes
_SPAWN_BASS, _SPAWN_LOUD_BASS = 3.0, 12.0  # a frame for full bass, for a limit of 1,000
_SPAWN_LIFE_FRAMES = 1000


def law_array(kind: ParticleType, config: ParticleConfig) -> NDArray[np.float64]:
    """The law of a type under a config as `motion.run` takes it."""
    law = LAWS[kind]
    out = np.zeros(m.LAW_SIZE)
    aspect = config.width / config.height
    out[m.ASPECT] = aspect
    out[m.CENTRE_X] = float(config.x_position) * aspect
    out[m.CENTRE_Y] = float(config.y_position)
    out[m.THRESHOLD] = float(config.bass_threshold)
    out[m.DAMPING] = math.sqrt(math.sqrt(law.damping))
    out[m.JITTER] = law.jitter * JITTER
    out[m.LOUD_JITTER] = law.loud_jitter * JITTER
    out[m.LOUD_JITTER_BASS] = law.loud_jitter_bass * JITTER
    out[m.GROWTH] = law.growth
    out[m.PUSH] = law.push * float(config.outer_movement_strength) * ACCELERATION
    out[m.PULL] = law.pull * float(config.inner_movement_strength) * ACCELERATION
    out[m.SWIRL] = 1.0
    out[m.CORE] = 40.0 * PIXEL
    out[m.EDGE] = law.edge
    out[m.MARGIN] = law.margin * PIXEL
    out[m.RESPAWN] = law.respawn
    out[m.SPEED_LOW], out[m.SPEED_HIGH] = (speed * VELOCITY for speed in law.speed)
    out[m.SPEED_X] = float(config.speed_x) * VELOCITY
    out[m.SPEED_Y] = float(config.speed_y) * VELOCITY
    out[m.SPAWN_X] = out[m.CENTRE_X]
    out[m.SPAWN_Y] = out[m.CENTRE_Y]
    out[m.LIFE] = 2**31
    if config.bounce and kind in (ParticleType.ZEN, ParticleType.ENHANCED):
        out[m.EDGE], out[m.MARGIN] = m.REFLECT, 0.0
    if kind is ParticleType.SNOW:
        _snow(out, config)
    elif kind is ParticleType.CONTINUOUS_SPAWNING:
        _continuous_spawning(out, config, aspect)
    return out


def _snow(out: NDArray[np.float64], config: ParticleConfig) -> None:
    quiet, bass = (rate * config.particle_count / 200.0 for rate in _SNOW_BIRTHS)
    out[m.BIRTHS], out[m.BIRTHS_BASS], out[m.BIRTHS_LOUD_BASS] = quiet, bass, bass
    out[m.BIRTHS_SPEED] = 1.0
    out[m.LENS] = 0.5 * math.sqrt(1.0 + out[m.ASPECT] * out[m.ASPECT])
    out[m.CAPACITY] = capacity(ParticleType.SNOW, config)


def _continuous_spawning(out: NDArray[np.float64], config: ParticleConfig, aspect: float) -> None:
    share = config.max_particles / 1000.0
    out[m.BIRTHS] = float(config.steady_spawn_rate) * share
    out[m.BIRTHS_BASS] = _SPAWN_BASS * share
    out[m.BIRTHS_LOUD_BASS] = _SPAWN_LOUD_BASS * share
    out[m.CAPACITY] = capacity(ParticleType.CONTINUOUS_SPAWNING, config)
    out[m.LIFE] = _SPAWN_LIFE_FRAMES * m.TICK_RATE_HZ / 30.0
    factor = float(config.enhanced_mode.factor)
    out[m.SPEED_BASS] = factor
    out[m.GROWTH] *= factor
    out[m.SPAWN_X] = float(config.spawn_center_x) * aspect
    out[m.SPAWN_Y] = float(config.spawn_center_y)
    out[m.SPAWN_WIDTH] = float(config.spawn_area_width) * aspect
    out[m.SPAWN_HEIGHT] = float(config.spawn_area_height)
    out[m.ARMS] = 5.0


def capacity(kind: ParticleType, config: ParticleConfig) -> int:
    """How many particles there can be at once."""
    if kind is ParticleType.SNOW:
        return 2 * config.particle_count
    if kind is ParticleType.CONTINUOUS_SPAWNING:
        return config.max_particles
    return config.particle_count


def expected(kind: ParticleType, config: ParticleConfig) -> int:
    """About how many particles are in the picture: what sizes and exposure are chosen for."""
    if kind is ParticleType.CONTINUOUS_SPAWNING:
        return max(1, config.max_particles * 3 // 10)
    return config.particle_count
