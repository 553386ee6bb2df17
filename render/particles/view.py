"""How a type is shown: brightness, fading, streaks and sparks, as `lights.light_up` takes them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from render.particles import lights, motion
from render.particles.config import ParticleConfig, ParticleType
from render.particles.laws import DEAF, expected
from render.particles.sprites import SMALLEST

# What is left of the light at the dark end of the pulsing, and without bass: the laws' own figures.
_FLOORS = {
    ParticleType.SNOW: (0.6, 0.8),
    ParticleType.CONTINUOUS_SPAWNING: (0.4, 0.7),
    ParticleType.ZEN: (0.3, 1.0),
    ParticleType.BOUNCING: (0.4, 1.0),
    ParticleType.ENHANCED: (0.4, 1.0),
    ParticleType.NO_MUSIC: (0.4, 1.0),
}
_EXPOSURE = {
    ParticleType.SNOW: 0.8,
    ParticleType.CONTINUOUS_SPAWNING: 1.1,
    ParticleType.ZEN: 1.35,
    ParticleType.BOUNCING: 0.9,
    ParticleType.ENHANCED: 1.0,
    ParticleType.NO_MUSIC: 1.0,
}


def view_of(kind: ParticleType, config: ParticleConfig, law: NDArray[np.float64]) -> NDArray[np.float64]:
    """The view of a film but for the moment (TICK, PART) and HAZE_CELL."""
    view = np.zeros(lights.VIEW_SIZE)
    view[lights.LINES] = config.height
    view[lights.SCALE] = config.height / 1080.0
    # Many lights are each dimmer, few brighter, but by less than would keep their sum.
    count = expected(kind, config)
    crowd = min(1.6, max(0.25, (1400.0 / count) ** 0.35))
    view[lights.EXPOSURE] = 1.5 * _EXPOSURE[kind] * round(crowd, 6)
    view[lights.PULSE_FLOOR], view[lights.BASS_FLOOR] = _FLOORS[kind]
    view[lights.FADE_IN] = 0.5
    view[lights.LIFE] = law[motion.LIFE]
    view[lights.SMALLEST] = SMALLEST
    # In a crowd long streaks run together.
    short = min(1.0, 1400.0 / count) ** 0.75
    view[lights.SHUTTER] = short / 60.0
    view[lights.HUE_SPAN] = 1.0
    view[lights.TRAIL_SECONDS] = 0.15 + 0.75 * float(config.trails)
    view[lights.TRAIL_LIGHT] = 0.5 * float(config.trails)
    if kind not in DEAF:
        view[lights.ENERGY], view[lights.SWELL], view[lights.STREAK] = 1.6, 0.28, 1.5
        view[lights.STREAK] *= short
        view[lights.SPARK], view[lights.BREATH] = 3.0, 0.35
    _own(kind, config, view)
    return view


def _own(kind: ParticleType, config: ParticleConfig, view: NDArray[np.float64]) -> None:
    """What one type alone has."""
    if kind is ParticleType.SNOW:
        view[lights.FADE] = 1.0
        view[lights.FADE_REACH] = 0.5 * math.sqrt(1.0 + (config.width / config.height) ** 2)
        view[lights.COMING] = 0.07
        # The lens alone makes the ways near the centre long.
        view[lights.STREAK] = 0.4
    elif kind is ParticleType.ENHANCED:
        view[lights.GROWING], view[lights.GROW] = 1.0, 30.0 * float(config.speed_z)
    elif kind is ParticleType.BOUNCING:
        view[lights.FLASHING] = 2.0
    elif kind is ParticleType.CONTINUOUS_SPAWNING:
        view[lights.FADE_OUT] = 120.0
        view[lights.HUE_SPAN], view[lights.HUE_AGE] = 0.3, 1.0 / 5.0
