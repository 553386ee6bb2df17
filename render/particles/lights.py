"""From particles to items of light: where each is at the frame's time, how big, how bright, which colour.

A frame shows time n / fps, between two ticks: a particle is on the straight way that its velocity takes it.
The shutter is open for a sixtieth of a second whatever the fps (half a frame at 30), so a frame is a function
of time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from render.particles import motion as m

BUILT_ON = {"motion.py": "1337fdb61a45eae2"}  # see tests/render/test_particles_kernels.py

# Rows of the looks (float64, one column a particle).
SIZE, HUE, PHASE, DISC, SHINE = range(5)
LOOK_ROWS = 5

# Entries of the view (float64): everything else that a frame needs.
(
    LINES,  # pixels a height
    SCALE,  # pixels a pixel of 1080 lines
    EXPOSURE,
    PULSE_FLOOR,
    BASS_FLOOR,
    FADE,  # 1: light fades with the way from the centre
    FADE_REACH,  # heights
    FADE_IN,  # seconds after birth
    FADE_OUT,  # ticks before the end of life
    LIFE,
    ENERGY,  # light that a beat adds
    SWELL,  # size that a beat adds
    SHUTTER,  # seconds
    STREAK,  # how much longer a beat keeps the shutter open
    SPARK,  # light of a sparkle
    HUE_SPAN,  # part of the wheel that one moment's births have
    HUE_AGE,  # turns of the wheel a second of birth time
    FLASHING,  # light of a touch of the edge
    HAZE_CELL,  # pixels
    TRAIL_SECONDS,
    TRAIL_LIGHT,
    SMALLEST,  # pixels
    TICK,  # where in time: whole ticks
    PART,  # and the part of the next one
    GROW,  # pixels of 1080 lines a second that sizes change; 0: they breathe, each in its own time
    GROWING,  # 1: sizes change
    BREATH,  # light that loudness adds
    COMING,  # heights: closer to the centre than this, lights are far away, small and faint; 0: no matter
) = range(28)
VIEW_SIZE = 28

DISC_LIGHT = 0.15  # of the density of light of a point
HAZE_UNIT = 256.0  # of the integer haze sums
_MOST_SAMPLES = 24
_MOST_HAZE = 1 << 30


@njit(inline="always", error_model="numpy")
def _gain(light: Any) -> Any:
    return np.uint16(min(max(light, 0.0) * 4096.0, 65535.0))


@njit(nogil=True, cache=True, error_model="numpy")
def _put(
    items: Any, n: int, x: float, y: float, dx: float, dy: float, size: float, r: float, g: float, b: float,
    class_of_size: Any,
) -> Any:  # fmt: skip
    """One point of light, drawn along its way (dx, dy pixels, centred on x, y)."""
    way = math.sqrt(dx * dx + dy * dy)
    # Samples so close that a streak of them looks even; the finest need not be closer than the pixels.
    step = max(0.95 * size, 1.5)
    longest = step * _MOST_SAMPLES
    if way > longest:
        dx *= longest / way
        dy *= longest / way
        way = longest
    samples = min(_MOST_SAMPLES, 1 + int(way / step))
    share = math.sqrt(1.0 + way / size) / samples * (1.0 + 0.25 * min(way / size, 4.0))
    if samples == 1:
        share = 1.0
    items.place[0, n] = x - dx * 0.5 * (samples - 1) / samples
    items.place[1, n] = y - dy * 0.5 * (samples - 1) / samples
    items.place[2, n] = dx / samples
    items.place[3, n] = dy / samples
    items.classes[n] = class_of_size[min(int(size * 8.0 + 0.5), class_of_size.shape[0] - 1)]
    items.counts[n] = samples
    items.gains[0, n] = _gain(r * share)
    items.gains[1, n] = _gain(g * share)
    items.gains[2, n] = _gain(b * share)
    return n + 1


@njit(nogil=True, cache=True, error_model="numpy")
def _grown(size: float, rate: float, seconds: float, phase: float, own: float, directions: Any) -> Any:
    """A size that goes to and fro between 0.5 and 10 pixels of the reference; or breathes by a third."""
    if rate == 0.0:
        turn = phase + seconds * 0.12 * own
        return size * (1.0 + 0.33 * directions[1, int((turn - math.floor(turn)) * directions.shape[1])])
    way = (size - 0.5 + rate * seconds) / 19.0
    way = (way - math.floor(way)) * 19.0
    return 0.5 + min(way, 19.0 - way)


@njit(nogil=True, cache=True, error_model="numpy")
def _haze(haze: Any, cell: float, x: float, y: float, r: float, g: float, b: float) -> None:
    """Light times area into the four cells around a place; what lies outside is lost."""
    height, width = haze.shape[0], haze.shape[1]
    gx = x / cell - 0.5
    gy = y / cell - 0.5
    if gx < -1.0 or gy < -1.0 or gx >= width or gy >= height:
        return
    x0 = math.floor(gx)
    y0 = math.floor(gy)
    tx = gx - x0
    ty = gy - y0
    unit = HAZE_UNIT / (cell * cell)
    for j in range(2):
        row = y0 + j
        if row < 0 or row >= height:
            continue
        wy = (ty if j else 1.0 - ty) * unit
        for i in range(2):
            column = x0 + i
            if column < 0 or column >= width:
                continue
            w = (tx if i else 1.0 - tx) * wy
            cells = haze[row, column]
            cells[0] = min(_MOST_HAZE, cells[0] + int(min(r * w, 1e6)))
            cells[1] = min(_MOST_HAZE, cells[1] + int(min(g * w, 1e6)))
            cells[2] = min(_MOST_HAZE, cells[2] + int(min(b * w, 1e6)))


@njit(nogil=True, cache=True, error_model="numpy")
def light_up(
    particles: Any, drive: Any, law: Any, view: Any, wheel: Any, directions: Any, class_of_size: Any,
    disc_radii: Any, points: int, seed: int, stride: int, haze: Any, items: Any,
) -> Any:  # fmt: skip
    """Fills the items and adds the particles' light to the haze; returns how many items there are.

    drive, law, directions and stride as in `motion.run`; wheel (k, 3) float32 light by hue; class_of_size,
    disc_radii and points of the sprite sheet; haze (h, w, 4) int32, zeroed by the caller.
    """
    state, traits, looks = particles.state, particles.traits, particles.looks
    born, alive = particles.born, particles.alive
    tick = int(view[TICK])
    part = view[PART]
    lines = view[LINES]
    scale = view[SCALE]
    bass = drive[m.BASS, tick]
    pulse = drive[m.PULSE, tick] + (drive[m.PULSE, tick + 1] - drive[m.PULSE, tick]) * part
    loud = drive[m.LOUD, tick]
    sparkle = drive[m.SPARKLE, tick]
    beat = drive[m.BEAT, tick]
    rush = drive[m.RUSH, tick]
    turn = drive[m.TURN, tick]
    energy = view[EXPOSURE] * (1.0 + view[ENERGY] * pulse + view[BREATH] * loud)
    energy *= view[BASS_FLOOR] + (1.0 - view[BASS_FLOOR]) * bass
    swell = 1.0 + view[SWELL] * pulse
    shutter = view[SHUTTER] * (1.0 + view[STREAK] * pulse)
    spark_key = m._key(seed, int(drive[m.BEATING, tick]), m.CH_SPARK)
    cell = view[HAZE_CELL]
    n = 0
    for i in range(alive.shape[0]):
        if alive[i] == 0:
            continue
        age = (tick - born[i] + part) * m.TICK
        depth = traits[m.DEPTH, i]
        dx = state[m.X, i] - law[m.CENTRE_X]
        dy = state[m.Y, i] - law[m.CENTRE_Y]
        vx = depth * (state[m.VX, i] * rush + drive[m.WIND_X, tick]) - dy * turn
        vy = depth * (state[m.VY, i] * rush + drive[m.WIND_Y, tick]) + dx * turn
        x = state[m.X, i] + vx * m.TICK * part
        y = state[m.Y, i] + vy * m.TICK * part
        next_x, next_y = m._seen(law, x + vx * shutter, y + vy * shutter)
        x, y = m._seen(law, x, y)
        way_x = (next_x - x) * lines
        way_y = (next_y - y) * lines
        near = 1.0
        if view[COMING] > 0.0:
            far_x = x - law[m.CENTRE_X]
            far_y = y - law[m.CENTRE_Y]
            near = min(1.0, math.sqrt(far_x * far_x + far_y * far_y) / view[COMING])
        x *= lines
        y *= lines
        wave = looks[PHASE, i] + beat
        wave = 0.5 + 0.5 * directions[1, int((wave - math.floor(wave)) * directions.shape[1])]
        light = energy * (view[PULSE_FLOOR] + (1.0 - view[PULSE_FLOOR]) * wave) * looks[SHINE, i] * near
        if view[FADE] > 0.0:
            light *= max(0.1, 1.0 - math.sqrt(dx * dx + dy * dy) / view[FADE_REACH])
        if age < view[FADE_IN]:
            light *= max(0.0, age) / view[FADE_IN]
        left = born[i] + view[LIFE] - tick
        if left < view[FADE_OUT]:
            light *= max(0.0, left) / view[FADE_OUT]
        if sparkle > 0.01 and float(m._draw(spark_key, i)) < 0.10 * 4294967296.0:
            light *= 1.0 + view[SPARK] * sparkle
        light *= 1.0 + view[FLASHING] * state[m.FLASH, i]
        hue = looks[HUE, i] * view[HUE_SPAN] + born[i] * m.TICK * view[HUE_AGE]
        color = int((hue - math.floor(hue)) * wheel.shape[0])
        r = light * wheel[color, 0]
        g = light * wheel[color, 1]
        b = light * wheel[color, 2]
        disc = int(looks[DISC, i])
        if disc >= 0:
            radius = disc_radii[disc]
            items.place[0, n] = x
            items.place[1, n] = y
            items.place[2, n] = 0.0
            items.place[3, n] = 0.0
            items.classes[n] = points + disc
            items.counts[n] = 1
            items.gains[0, n] = _gain(r * DISC_LIGHT)
            items.gains[1, n] = _gain(g * DISC_LIGHT)
            items.gains[2, n] = _gain(b * DISC_LIGHT)
            n += 1
            area = 0.5 * DISC_LIGHT * radius * radius
            _haze(haze, cell, x, y, r * area, g * area, b * area)
            continue
        size = looks[SIZE, i]
        if view[GROWING] > 0.0:
            size = _grown(
                size, view[GROW], (tick + part) * m.TICK, looks[PHASE, i], looks[SHINE, i], directions
            )
        size *= scale * swell * (0.6 + 0.4 * near)
        if size < view[SMALLEST]:
            # Smaller than a pixel: the light of the small point on the smallest that is drawn, not all of it.
            dim = size / view[SMALLEST]
            r *= dim
            g *= dim
            b *= dim
            size = view[SMALLEST]
        n = _put(items, n, x, y, way_x, way_y, size, r, g, b, class_of_size)
        area = size * size + 0.5 * size * math.sqrt(way_x * way_x + way_y * way_y)
        _haze(haze, cell, x, y, r * area, g * area, b * area)
        if view[TRAIL_LIGHT] > 0.0:
            n = _trail(
                items, n, particles, i, tick, part, x, y, size, r, g, b, law, view, stride, class_of_size
            )
    return n


@njit(nogil=True, cache=True, error_model="numpy")
def _trail(
    items: Any, n: int, particles: Any, i: int, tick: int, part: float, x: float, y: float, size: float,
    r: float, g: float, b: float, law: Any, view: Any, stride: int, class_of_size: Any,
) -> Any:  # fmt: skip
    """The way of the last moments through the noted positions, fading with age: a finite sum, no feedback."""
    past = particles.past
    slots = past.shape[0]
    lines = view[LINES]
    seconds = view[TRAIL_SECONDS]
    noted = (tick - 1) // stride * stride
    for _ in range(slots - 1):
        age = (tick - noted + part) * m.TICK
        if noted < 0 or noted < particles.born[i] or age > seconds:
            break
        slot = noted // stride % slots
        px, py = m._seen(law, past[slot, 0, i], past[slot, 1, i])
        px *= lines
        py *= lines
        dx = x - px
        dy = y - py
        if dx * dx + dy * dy > 0.02 * lines * lines:
            break
        rest = 1.0 - age / seconds
        light = view[TRAIL_LIGHT] * rest * rest
        thin = max(view[SMALLEST], size * (0.35 + 0.5 * rest))
        mid_x = 0.5 * (x + px)
        mid_y = 0.5 * (y + py)
        n = _put(items, n, mid_x, mid_y, dx, dy, thin, r * light, g * light, b * light, class_of_size)
        x = px
        y = py
        noted -= stride
    return n
