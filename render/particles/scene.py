"""The particles of a film: how they begin, and where they are at a tick.

A scene goes forward only; to go back, make a new one. What it is at a tick does not depend on how it got
there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from render.particles import lights, motion
from render.particles.arrays import Particles
from render.particles.config import ParticleConfig, ParticleType
from render.particles.laws import ACCELERATION, PIXEL, VELOCITY, capacity, expected, law_array
from render.particles.motion import draws
from render.particles.sprites import DISC_RADII_AT_REFERENCE
from render.particles.waves import DIRECTIONS

TRAIL_STRIDE = 4  # ticks between noted positions
TRAIL_SLOTS = 32
_RING = (200.0, 400.0)  # pixels of the reference
_START_SPEED = {ParticleType.ZEN: 0.6, ParticleType.BOUNCING: 1.2}  # pixels a frame, either way
_DISCS = {ParticleType.ZEN: 1 / 18}
_DISCS_DEFAULT = 1 / 30


class Scene:
    """State arrays and their constants; `advance` moves to a tick."""

    def __init__(
        self, kind: ParticleType, config: ParticleConfig, drive: NDArray[np.float64], *, with_past: bool
    ) -> None:
        self.count = capacity(kind, config)
        self.seed = int(config.seed)
        self.law = law_array(kind, config)
        self.drive = drive
        self.tick = 0
        traits, looks = _characters(kind, self.seed, self.count, config)
        self.particles = Particles(
            state=np.zeros((motion.STATE_ROWS, self.count)),
            traits=traits,
            looks=looks,
            born=np.full(self.count, -(2**30), np.int32),
            alive=np.ones(self.count, np.uint8),
            free=np.zeros(self.count, np.int32),
            counters=np.zeros(3, np.int64),
            owed=np.zeros(1),
            past=np.zeros((TRAIL_SLOTS if with_past else 0, 2, self.count), np.float32),
        )
        self._begin(kind, config)
        free = np.flatnonzero(self.particles.alive == 0)[::-1]
        self.particles.free[: len(free)] = free
        living = self.count - len(free)
        self.particles.counters[:] = living, len(free), living

    def advance(self, tick: int) -> None:
        """Moves on to `tick`, which is not before the present one."""
        particles, drive, law = self.particles, self.drive, self.law
        motion.run(particles, drive, law, DIRECTIONS, self.seed, self.tick, tick, TRAIL_STRIDE)
        self.tick = tick

    @property
    def living(self) -> int:
        return int(self.particles.counters[motion.ALIVE])

    def _begin(self, kind: ParticleType, config: ParticleConfig) -> None:
        if kind is ParticleType.CONTINUOUS_SPAWNING:
            self.particles.alive[:] = 0
        elif kind is ParticleType.SNOW:
            self._begin_snow(config)
        else:
            self._begin_ring(kind)

    def _draw(self, channel: int) -> NDArray[np.float64]:
        return np.asarray(draws(self.seed, self.count, -1, channel))

    def _angles(self) -> NDArray[np.int64]:
        return np.asarray(self._draw(motion.CH_ANGLE) * DIRECTIONS.shape[1], np.int64)

    def _begin_snow(self, config: ParticleConfig) -> None:
        """Flakes that left the centre at times before the film, so that it does not begin as a dot."""
        law = self.law
        self.particles.alive[config.particle_count :] = 0
        direction = DIRECTIONS[:, self._angles()]
        low, high = law[motion.SPEED_LOW], law[motion.SPEED_HIGH]
        velocity = direction * (low + (high - low) * self._draw(motion.CH_SPEED))
        for row, fixed in enumerate((law[motion.SPEED_X], law[motion.SPEED_Y])):
            if fixed != 0.0:
                velocity[row] = fixed
        speed = (
            np.maximum(np.sqrt(velocity[0] ** 2 + velocity[1] ** 2), 1e-6)
            * self.particles.traits[motion.DEPTH]
        )
        reach = 0.5 * np.sqrt(1.0 + law[motion.ASPECT] ** 2)
        age = self._draw(motion.CH_START) * np.minimum(60.0, reach / speed)
        self.particles.state[motion.VX], self.particles.state[motion.VY] = velocity
        way = velocity * self.particles.traits[motion.DEPTH] * age
        self.particles.state[motion.X] = law[motion.SPAWN_X] + way[0]
        self.particles.state[motion.Y] = law[motion.SPAWN_Y] + way[1]
        self.particles.born[:] = -(age * motion.TICK_RATE_HZ).astype(np.int32)

    def _begin_ring(self, kind: ParticleType) -> None:
        law = self.law
        depth = self.particles.traits[motion.DEPTH]
        direction = DIRECTIONS[:, self._angles()]
        radius = (_RING[0] + (_RING[1] - _RING[0]) * self._draw(motion.CH_START)) * PIXEL
        self.particles.state[motion.X] = _folded(
            law[motion.CENTRE_X] + direction[0] * radius * depth, law[motion.ASPECT]
        )
        self.particles.state[motion.Y] = _folded(law[motion.CENTRE_Y] + direction[1] * radius * depth, 1.0)
        speed = _START_SPEED.get(kind, 0.4) * VELOCITY
        vx = (2.0 * self._draw(motion.CH_SPEED) - 1.0) * speed
        vy = (2.0 * self._draw(motion.CH_PLACE) - 1.0) * speed
        if law[motion.PULL] > 0.0:
            # In the turning air from the first moment, not falling into the centre.
            orbit = np.sqrt(law[motion.PULL] * radius)
            vx = vx - direction[1] * orbit
            vy = vy + direction[0] * orbit
        self.particles.state[motion.VX] = law[motion.SPEED_X] if law[motion.SPEED_X] != 0.0 else vx
        self.particles.state[motion.VY] = law[motion.SPEED_Y] if law[motion.SPEED_Y] != 0.0 else vy


def _folded(place: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """Reflects places beyond the edges into 0..size."""
    turned = np.abs(place - 2.0 * size * np.floor(place / (2.0 * size) + 0.5))
    return np.minimum(turned, size)


def _characters(
    kind: ParticleType, seed: int, count: int, config: ParticleConfig
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each particle is for ever: (traits, looks). Sizes follow a power law; near is big and fast."""
    traits = np.zeros((motion.TRAIT_ROWS, count))
    looks = np.zeros((lights.LOOK_ROWS, count))
    near = draws(seed, count, -2, motion.CH_DEPTH)
    far = 1.0 - near
    # u^-1/2 by square roots: about 1.6 px for most, 12 for one in fifty.
    size = 1.45 / np.sqrt(np.maximum(far, 0.012))
    disc = draws(seed, count, -2, motion.CH_NEAR) < _disc_share(kind, expected(kind, config))
    which = draws(seed, count, -2, motion.CH_SPARK)
    looks[lights.SIZE] = size * _density_size(expected(kind, config))
    looks[lights.DISC] = np.where(disc, np.floor(which * which * len(DISC_RADII_AT_REFERENCE)), -1.0)
    looks[lights.HUE] = draws(seed, count, -2, motion.CH_COLOR)
    looks[lights.PHASE] = draws(seed, count, -2, motion.CH_PHASE)
    looks[lights.SHINE] = 0.45 + 0.75 * draws(seed, count, -2, motion.CH_GROW)
    traits[motion.DEPTH] = np.where(disc, 1.8 + 1.2 * which, 0.65 + 1.25 * near * near)
    if kind is ParticleType.NO_MUSIC:
        # A deep field: the near lights pass far outside and come back in on the other side.
        traits[motion.DEPTH] += 1.3 * near
    if kind is ParticleType.SNOW:
        traits[motion.DEPTH] += 1.2 * near * near
        drift = 0.01 * ACCELERATION * motion.TICK
        traits[motion.DRIFT_X] = (2.0 * draws(seed, count, -2, motion.CH_DRIFT) - 1.0) * 0.2 * drift
        traits[motion.DRIFT_Y] = (2.0 * draws(seed, count, -2, motion.CH_DRIFT_2) - 1.0) * 0.1 * drift
    return traits, looks


def _density_size(count: int) -> float:
    """Few particles are a little bigger, many a little finer."""
    ratio = 1400.0 / count
    return float(round(min(1.5, ratio**0.2) if count <= 1400 else max(0.5, ratio**0.3), 6))


def _disc_share(kind: ParticleType, count: int) -> float:
    """The share of near, out-of-focus lights: more where there are few, fewer where they would cover all."""
    crowd = min(1.0, 2000.0 / count) * max(1.0, min(2.2, math.sqrt(1000.0 / count)))
    return _DISCS.get(kind, _DISCS_DEFAULT) * crowd
