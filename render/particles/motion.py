"""The laws of motion as compiled kernels: ticks of 120 Hz over arrays, nothing else.

Positions are in picture heights (x from 0 to the aspect ratio, y from 0 to 1), velocities in heights a second
on the law's own plane. A particle of depth d (near ones have more) moves d times as fast across the picture.
Every draw is an integer hash of (seed, particle, tick, channel): no state of a generator, so no order of
calls matters.

All arithmetic is float64 addition, multiplication, division and square root, which IEEE 754 fixes to the bit;
no sine, no exponential, no fastmath. Kernels that call one another live in this one file, because Numba's
cache watches a function's own file only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

TICK_RATE_HZ = 120
TICK = 1.0 / TICK_RATE_HZ

# Rows of the state array (float64, one column a particle).
X, Y, VX, VY, FLASH = range(5)
STATE_ROWS = 5

# Rows of the table of constants that belong to a particle (float64).
DEPTH, DRIFT_X, DRIFT_Y = range(3)
TRAIT_ROWS = 3

# Rows of the drive (float64, one column a tick): what the film's time and sound do to everybody.
BASS, RUSH, WIND_X, WIND_Y, TURN, PULSE, LOUD, SPARKLE, BEATING, BEAT = range(10)
DRIVE_ROWS = 10

# The entries of the law array (float64).
(
    ASPECT,
    CENTRE_X,
    CENTRE_Y,
    THRESHOLD,  # bass above which a type reacts in full
    DAMPING,  # what is left of a velocity after a tick
    GROWTH,  # velocity gain of strong bass, a frame of the reference
    JITTER,  # velocity of a random push, a tick
    LOUD_JITTER,  # the same in strong bass
    LOUD_JITTER_BASS,  # and what the bass adds to it
    PUSH,  # outward acceleration for full bass
    PULL,  # inward acceleration without bass
    SWIRL,  # 1: the air turns as fast as the pull can hold
    CORE,  # heights: inside this radius the pull gets weaker, so that the centre is no needle
    EDGE,  # what happens at the edge, below
    MARGIN,  # heights beyond the edge where a particle is gone
    RESPAWN,  # probability of a respawn for a unit of bass, a frame of the reference
    BIRTHS,  # births a frame of the reference without bass
    BIRTHS_BASS,
    BIRTHS_LOUD_BASS,
    BIRTHS_SPEED,  # 1: fast flakes make more births
    CAPACITY,
    LIFE,  # ticks
    SPEED_LOW,  # of a birth, heights a second
    SPEED_HIGH,
    SPEED_BASS,  # bass makes births faster
    SPEED_X,  # fixed components; 0 is random
    SPEED_Y,
    SPAWN_X,
    SPAWN_Y,
    SPAWN_WIDTH,
    SPAWN_HEIGHT,
    ARMS,  # births leave in so many turning arms; 0: any direction
    LENS,  # heights: where a lens that draws the centre apart leaves things as they are; 0: no lens
) = range(33)
LAW_SIZE = 33

# What happens at the edge.
REMOVE, REFLECT, ANYWHERE, RECENTRE, WRAP = range(5)

# Channels of the draws.
(
    CH_JITTER,
    CH_ANGLE,
    CH_SPEED,
    CH_RESPAWN,
    CH_PLACE,
    CH_PLACE_2,
    CH_DEPTH,
    CH_COLOR,
    CH_PHASE,
    CH_DRIFT,
    CH_DRIFT_2,
    CH_START,
    CH_NEAR,
    CH_SPARK,
    CH_GROW,
) = range(15)

# Counters (int64): how many slots are alive, free slots, births so far.
ALIVE, FREE, BORN = range(3)


@njit(inline="always", error_model="numpy")
def _mix(value: Any) -> Any:
    """The finaliser of MurmurHash3 (32 bits): every bit of the input changes half of the output's."""
    h = np.uint32(value)
    h = np.uint32(h ^ (h >> np.uint32(16)))
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h = np.uint32(h ^ (h >> np.uint32(13)))
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))


@njit(inline="always", error_model="numpy")
def _key(seed: Any, tick: Any, channel: Any) -> Any:
    """What all particles share in one draw; hashed again with the particle's number by `_draw`."""
    first = _mix(np.uint32(seed & 0xFFFFFFFF) + np.uint32(channel * 0x9E3779B1 & 0xFFFFFFFF))
    return _mix(np.uint32(first + np.uint32(tick * 0x85157AF5 & 0xFFFFFFFF)))


@njit(inline="always", error_model="numpy")
def _draw(key: Any, particle: Any) -> Any:
    return _mix(np.uint32(np.uint32(particle * 0x9E3779B1 & 0xFFFFFFFF) ^ key))


@njit(inline="always", error_model="numpy")
def _unit(seed: Any, particle: Any, tick: Any, channel: Any) -> Any:
    """A draw in [0, 1)."""
    return float(_draw(_key(seed, tick, channel), particle)) * (1.0 / 4294967296.0)


@njit(nogil=True, cache=True, error_model="numpy")
def draws(seed: int, count: int, tick: int, channel: int) -> Any:
    """The draws of particles 0..count-1: float64 in [0, 1)."""
    out = np.empty(count)
    key = _key(seed, tick, channel)
    for i in range(count):
        out[i] = float(_draw(key, i)) * (1.0 / 4294967296.0)
    return out


@njit(inline="always", error_model="numpy")
def _seen(law: Any, x: Any, y: Any) -> Any:
    """Where the picture shows a place of the plane: a wide lens draws what is near the centre apart."""
    if law[LENS] <= 0.0:
        return x, y
    dx = x - law[CENTRE_X]
    dy = y - law[CENTRE_Y]
    # (R / r)^(5/8) by square roots: the distance r shows as R^(5/8) r^(3/8).
    half = math.sqrt(law[LENS] / (math.sqrt(dx * dx + dy * dy) + 4e-3))
    stretch = half * math.sqrt(math.sqrt(half))
    return law[CENTRE_X] + dx * stretch, law[CENTRE_Y] + dy * stretch


@njit(nogil=True, cache=True, error_model="numpy")
def _launch(
    state: Any, law: Any, directions: Any, seed: int, i: int, tick: int, bass: float, fast: float, slow: float
) -> None:
    """Gives particle i a new velocity between `slow` and `fast`; fixed components win."""
    u = _unit(seed, i, tick, CH_ANGLE)
    if law[ARMS] > 0.0:
        # Arms turn once in 7 s; they thin out to their sides.
        arm = math.floor(u * law[ARMS])
        spread = (_unit(seed, i, tick, CH_SPARK) + _unit(seed, i, tick, CH_GROW) - 1.0) * 0.06
        u = (arm + 0.5) / law[ARMS] + spread + tick * (TICK / 7.0)
        u -= math.floor(u)
    angle = int(u * directions.shape[1])
    speed = (slow + (fast - slow) * _unit(seed, i, tick, CH_SPEED)) * (1.0 + law[SPEED_BASS] * bass)
    vx = speed * directions[0, angle]
    vy = speed * directions[1, angle]
    if law[SPEED_X] != 0.0:
        vx = law[SPEED_X]
    if law[SPEED_Y] != 0.0:
        vy = law[SPEED_Y]
    state[VX, i] = vx
    state[VY, i] = vy


@njit(nogil=True, cache=True, error_model="numpy")
def _bear(particles: Any, law: Any, directions: Any, seed: int, i: int, tick: int, bass: float) -> None:
    """Particle i begins (anew) in the spawn area."""
    state = particles.state
    state[X, i] = law[SPAWN_X]
    state[Y, i] = law[SPAWN_Y]
    if law[SPAWN_WIDTH] > 0.0 and law[SPAWN_HEIGHT] > 0.0:
        state[X, i] += (_unit(seed, i, tick, CH_PLACE) - 0.5) * law[SPAWN_WIDTH]
        state[Y, i] += (_unit(seed, i, tick, CH_PLACE_2) - 0.5) * law[SPAWN_HEIGHT]
    _launch(state, law, directions, seed, i, tick, bass, law[SPEED_HIGH], law[SPEED_LOW])
    state[FLASH, i] = 0.0
    particles.born[i] = tick


@njit(nogil=True, cache=True, error_model="numpy")
def _move(particles: Any, drive: Any, law: Any, seed: int, tick: int, count: int) -> None:
    """One tick of way and velocity for all slots: no branches, so that it becomes vector code."""
    state = particles.state
    traits = particles.traits
    bass = drive[BASS, tick]
    strong = bass > law[THRESHOLD]
    growth = law[DAMPING]
    jitter = law[JITTER]
    push = -law[PULL] * (1.0 - bass)
    if strong:
        gain = 1.0 + law[GROWTH] * bass
        growth = law[DAMPING] * math.sqrt(math.sqrt(gain))
        jitter = law[LOUD_JITTER] + law[LOUD_JITTER_BASS] * bass
        if law[PUSH] > 0.0 or law[PULL] > 0.0:
            push = law[PUSH] * bass
    push *= TICK
    rush = drive[RUSH, tick] * TICK
    wind_x = drive[WIND_X, tick] * TICK
    wind_y = drive[WIND_Y, tick] * TICK
    turn = drive[TURN, tick] * TICK
    cx = law[CENTRE_X]
    cy = law[CENTRE_Y]
    core = law[CORE]
    hold = law[SWIRL] * law[SWIRL] * law[PULL]
    key = _key(seed, tick, CH_JITTER)
    x = state[X]
    y = state[Y]
    vx = state[VX]
    vy = state[VY]
    flash = state[FLASH]
    depth = traits[DEPTH]
    drift_x = traits[DRIFT_X]
    drift_y = traits[DRIFT_Y]
    for i in range(count):
        h = _draw(key, i)
        jx = float(h & np.uint32(0xFFFF)) * (2.0 / 65536.0) - 1.0
        jy = float(h >> np.uint32(16)) * (2.0 / 65536.0) - 1.0
        dx = x[i] - cx
        dy = y[i] - cy
        r = math.sqrt(dx * dx + dy * dy)
        inv = 1.0 / (r + 1e-9)
        soft = r / (r + core * depth[i] + 1e-9)
        ux = dx * inv
        uy = dy * inv
        air = math.sqrt(hold * soft * r / depth[i])
        air_x = -uy * air
        air_y = ux * air
        x[i] += depth[i] * (vx[i] * rush + wind_x) - dy * turn
        y[i] += depth[i] * (vy[i] * rush + wind_y) + dx * turn
        vx[i] = air_x + (vx[i] - air_x) * growth + push * soft * ux + jitter * jx + drift_x[i]
        vy[i] = air_y + (vy[i] - air_y) * growth + push * soft * uy + jitter * jy + drift_y[i]
        flash[i] *= 0.965


@njit(nogil=True, cache=True, error_model="numpy")
def _edges(particles: Any, law: Any, directions: Any, seed: int, tick: int, bass: float) -> None:
    """The edges of the types whose number of particles is fixed."""
    state = particles.state
    born = particles.born
    edge = int(law[EDGE])
    aspect = law[ASPECT]
    margin = law[MARGIN]
    for i in range(state.shape[1]):
        x = state[X, i]
        y = state[Y, i]
        if x >= -margin and x <= aspect + margin and y >= -margin and y <= 1.0 + margin:
            continue
        if edge == REFLECT:
            if x < 0.0:
                x = -x
                state[VX, i] = abs(state[VX, i])
            if x > aspect:
                x = 2.0 * aspect - x
                state[VX, i] = -abs(state[VX, i])
            if y < 0.0:
                y = -y
                state[VY, i] = abs(state[VY, i])
            if y > 1.0:
                y = 2.0 - y
                state[VY, i] = -abs(state[VY, i])
            state[X, i] = min(max(x, 0.0), aspect)
            state[Y, i] = min(max(y, 0.0), 1.0)
            state[FLASH, i] = 1.0
        elif edge == WRAP:
            width = aspect + 2.0 * margin
            height = 1.0 + 2.0 * margin
            state[X, i] = x - width * math.floor((x + margin) / width)
            state[Y, i] = y - height * math.floor((y + margin) / height)
        elif edge == ANYWHERE:
            state[X, i] = _unit(seed, i, tick, CH_PLACE) * aspect
            state[Y, i] = _unit(seed, i, tick, CH_PLACE_2)
            state[VX, i] *= 0.5
            state[VY, i] *= 0.5
            born[i] = tick
        else:
            _bear(particles, law, directions, seed, i, tick, bass)


@njit(nogil=True, cache=True, error_model="numpy")
def _population(particles: Any, law: Any, directions: Any, seed: int, tick: int, bass: float) -> None:
    """Deaths beyond the edge or of age, respawns on strong bass, and births, where the number is not fixed.

    A tick looks at every fourth slot only, so each is looked at once in a frame of the reference.
    """
    state = particles.state
    born = particles.born
    alive = particles.alive
    free = particles.free
    counters = particles.counters
    owed = particles.owed
    aspect = law[ASPECT]
    margin = law[MARGIN]
    strong = bass > law[THRESHOLD]
    respawn = law[RESPAWN] * (bass - law[THRESHOLD]) if strong else 0.0
    pixel = 1080.0 / 30.0  # a height a second in pixels a frame of the reference
    key = _key(seed, tick, CH_RESPAWN)
    total = 0.0
    looked_at = 0
    for i in range(tick & 3, alive.shape[0], 4):
        if alive[i] == 0:
            continue
        x, y = _seen(law, state[X, i], state[Y, i])
        gone = x < -margin or x > aspect + margin or y < -margin or y > 1.0 + margin
        if gone or tick - born[i] > law[LIFE]:
            alive[i] = 0
            free[counters[FREE]] = i
            counters[FREE] += 1
            counters[ALIVE] -= 1
            continue
        speed = math.sqrt(state[VX, i] * state[VX, i] + state[VY, i] * state[VY, i]) * pixel
        if respawn > 0.0:
            chance = respawn * (1.0 + speed * 0.2)
            if float(_draw(key, i)) * (1.0 / 4294967296.0) < chance:
                _bear(particles, law, directions, seed, i, tick, bass)
                speed = 0.0
        total += speed
        looked_at += 1
    mean = total / max(1, looked_at)
    rate = law[BIRTHS] + bass * (law[BIRTHS_LOUD_BASS] if strong else law[BIRTHS_BASS])
    if law[BIRTHS_SPEED] > 0.0:
        rate *= 1.0 + min(2.0, mean * 0.5)
    owed[0] += rate * 0.25
    while owed[0] >= 1.0:
        owed[0] -= 1.0
        if counters[ALIVE] < law[CAPACITY] and counters[FREE] > 0:
            counters[FREE] -= 1
            i = free[counters[FREE]]
            alive[i] = 1
            counters[ALIVE] += 1
            counters[BORN] += 1
            _bear(particles, law, directions, seed, i, tick, bass)


@njit(nogil=True, cache=True, error_model="numpy")
def run(
    particles: Any, drive: Any, law: Any, directions: Any, seed: int, first: int, last: int, stride: int
) -> None:
    """Moves everything from tick `first` to `last`; every `stride` ticks positions are noted for trails."""
    state = particles.state
    past = particles.past
    slots = past.shape[0]
    for tick in range(first, last):
        if slots > 0 and tick % stride == 0:
            slot = tick // stride % slots
            for i in range(state.shape[1]):
                past[slot, 0, i] = state[X, i]
                past[slot, 1, i] = state[Y, i]
        _move(particles, drive, law, seed, tick, state.shape[1])
        bass = drive[BASS, tick]
        if law[EDGE] == REMOVE:
            _population(particles, law, directions, seed, tick + 1, bass)
        else:
            _edges(particles, law, directions, seed, tick + 1, bass)
