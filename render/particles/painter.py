"""Paints the scene at a moment: lights, haze, field, planes. Owns all scratch memory of a film."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from render.particles import canvas, lights, motion
from render.particles.air import Air
from render.particles.arrays import Band, Field, Items, Order, Planes, Rows, Sprites
from render.particles.bands import BAND_ROWS, sort_into_bands
from render.particles.config import Color, ParticleConfig, ParticleType
from render.particles.field import FIELD_SCALE, make_field
from render.particles.hud import Hud
from render.particles.palette import lights_of, wheel
from render.particles.scene import TRAIL_SLOTS, TRAIL_STRIDE, Scene
from render.particles.sprites import sprite_sheet
from render.particles.stage import flat, stage
from render.particles.view import view_of
from render.particles.waves import DIRECTIONS


class Painter:
    """One film's pictures. Not for several threads at once; it may use several itself."""

    def __init__(self, kind: ParticleType, config: ParticleConfig, scene: Scene, threads: int = 1) -> None:
        self.width, self.height = config.width, config.height
        self.scene = scene
        self.lights = lights_of(config.particle_colors)
        self.sheet = sprite_sheet(config.height)
        self.sprites = Sprites(self.sheet.weights, self.sheet.table)
        # A quarter of the size, in whole blocks of columns.
        self.quarter = (-(-config.height // 4), 4 * -(-config.width // canvas.LANES))
        self.air = Air(kind, config, self.quarter)
        self.view = view_of(kind, config, scene.law)
        self.view[lights.HAZE_CELL] = self.air.cell
        self.items = _items(scene.count * (1 if config.trails <= 0 else TRAIL_SLOTS))
        bands = -(-config.height // BAND_ROWS)
        self.order = Order(np.zeros(bands + 1, np.int64), np.zeros(max(64, 2 * scene.count), np.int32))
        self.field = _field(self.quarter)
        self._set_stage(config.background)
        self.scratch = [_scratch(4 * self.quarter[1]) for _ in range(threads)]
        self.hud = Hud(kind, config.width, config.height, config.bass_threshold) if config.show_hud else None

    def paint(self, tick: int, part: float, planes: NDArray[np.uint8], pool: Executor | None = None) -> None:
        """The picture of tick + part into planes (height * 3 // 2, width), by `pool`'s threads if given."""
        self.view[lights.TICK], self.view[lights.PART] = tick, part
        count = self._light_up((tick + part) * motion.TICK)
        self.air.spread()
        self._make_field()
        self._sort(count)
        self._draw(self._planes(planes), pool)
        if self.hud is not None:
            level = float(self.scene.drive[motion.BASS, tick])
            self.hud.draw(self._planes(planes).y, level, self.scene.living)

    def _set_stage(self, background: Color | None) -> None:
        qh, qw = self.quarter
        if background is None:
            self.base = stage(self.lights, qw, qh)
            return
        self.base = flat(background, qw, qh)
        self.field.dither[:] = 2048
        self._make_field()
        for channel, exact in enumerate(_codes(background)):
            # What the polynomial of the curve lacks: the background is exactly its colour.
            self.field.shift[channel] = exact - self.field.codes[channel, 1, 1] / FIELD_SCALE

    def _light_up(self, seconds: float) -> int:
        scene, sheet = self.scene, self.sheet
        self.air.sums[:] = 0
        return int(
            lights.light_up(
                scene.particles, scene.drive, scene.law, self.view, wheel(self.lights, seconds), DIRECTIONS,
                sheet.class_of_size, sheet.disc_radii, sheet.points, scene.seed, TRAIL_STRIDE, self.air.sums,
                self.items,
            )
        )  # fmt: skip

    def _make_field(self) -> None:
        air = self.air
        make_field(air.haze, air.columns, air.rows, self.base, air.scratch, self.field)

    def _sort(self, count: int) -> None:
        needed = sort_into_bands(self.items, self.sprites, count, self.order)
        if needed > len(self.order.order):
            self.order = Order(self.order.starts, np.zeros(needed * 5 // 4, np.int32))
            sort_into_bands(self.items, self.sprites, count, self.order)

    def _draw(self, planes: Planes, pool: Executor | None) -> None:
        bands = len(self.order.starts) - 1
        if pool is None:
            self._draw_bands(0, bands, 0, planes)
            return
        threads = len(self.scratch)
        edges = [bands * k // threads for k in range(threads + 1)]
        jobs = [pool.submit(self._draw_bands, edges[k], edges[k + 1], k, planes) for k in range(threads)]
        for job in jobs:
            job.result()

    def _draw_bands(self, first: int, last: int, thread: int, planes: Planes) -> None:
        band, rows = self.scratch[thread]
        canvas.draw_bands(first, last, self.items, self.order, self.sprites, self.field, band, rows, planes)

    def _planes(self, planes: NDArray[np.uint8]) -> Planes:
        width, height = self.width, self.height
        whole = planes.reshape(-1)
        luma, chroma = width * height, width * height // 4
        return Planes(
            whole[:luma].reshape(height, width),
            whole[luma : luma + chroma].reshape(height // 2, width // 2),
            whole[luma + chroma :].reshape(height // 2, width // 2),
        )


def _items(size: int) -> Items:
    return Items(
        np.zeros((4, size), np.float32),
        np.zeros(size, np.int32),
        np.zeros(size, np.int32),
        np.zeros((3, size), np.uint16),
    )


def _field(quarter: tuple[int, int]) -> Field:
    qh, qw = quarter
    return Field(
        np.zeros((3, qh + 2, qw + 2), np.float32),
        np.zeros((3, qh + 2, qw + 2), np.int32),
        np.zeros(3, np.float32),
        _dither(4 * qw),
    )


def _scratch(width: int) -> tuple[Band, Rows]:
    """What one thread needs to draw bands of pictures of (padded) width."""
    size = BAND_ROWS * (width + 2 * canvas.LANES)
    red, green, blue = (np.zeros(size, np.uint16) for _ in range(3))
    rows = Rows(
        np.zeros((4, width), np.int32),
        np.zeros((4, 3, width), np.float32),
        np.zeros((4, 2, width // 2), np.int32),
        np.zeros(width, np.float32),
        np.zeros(width, np.float32),
        np.zeros(2 * width, np.uint8),
    )
    return Band(red, green, blue, np.zeros(size // canvas.BLOCK, np.uint8)), rows


def _dither(width: int) -> NDArray[np.int32]:
    """(64, width) int32 in 0..4095: interleaved gradient noise (Jimenez, 2014), which stands still."""
    y, x = np.mgrid[0 : canvas.DITHER_SIZE, 0:width].astype(np.float64)
    inner = 0.06711056 * (x % 64) + 0.00583715 * y
    noise = 52.9829189 * (inner - np.floor(inner))
    return np.ascontiguousarray((noise - np.floor(noise)) * 4095.0, np.int32)


def _codes(color: Color) -> tuple[float, float, float]:
    """BT.709 limited codes of a colour, rounded as the standard says."""
    r, g, b = (channel / 255.0 for channel in color)
    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
    exact = (16 + 219 * luma, 128 + 224 * (b - luma) / 1.8556, 128 + 224 * (r - luma) / 1.5748)
    y, u, v = (float(np.floor(code + 0.5)) for code in exact)
    return y, u, v
