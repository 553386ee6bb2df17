"""Paints the scene at a moment: lights, haze, stage, planes. Owns all scratch memory of a film."""

from __future__ import annotations

from concurrent.futures import Executor, wait

import numpy as np
from numpy.typing import NDArray

from render.particles import canvas, haze, lights, motion
from render.particles.config import ParticleConfig, ParticleType
from render.particles.hud import Hud
from render.particles.laws import DEAF, expected
from render.particles.palette import haze_tint, lights_of, wheel
from render.particles.scene import TRAIL_STRIDE, Scene
from render.particles.sprites import SMALLEST, sprite_sheet
from render.particles.stage import flat, stage
from render.particles.waves import DIRECTIONS

_HAZE_LINES = 136
_HAZE_CELLS = 120_000
_NARROW, _WIDE = 2, 5  # cells of the grid, and of its half
_NARROW_GAIN, _WIDE_GAIN = 3.2, 4.0


class Painter:
    """One film's pictures. Not for several threads at once; it may use several itself."""

    def __init__(self, kind: ParticleType, config: ParticleConfig, scene: Scene) -> None:
        self.config = config
        self.scene = scene
        self.lights = lights_of(config.particle_colors)
        self.sheet = sprite_sheet(config.height)
        self.view = _view(kind, config, scene)
        self._items(scene.count)
        self._haze(kind, config.width, config.height)
        self._field(config)
        self.workers: list[_Worker] = []
        self.hud = Hud(kind, config.width, config.height, config.bass_threshold) if config.show_hud else None

    def paint(
        self, tick: int, part: float, planes: NDArray[np.uint8], pool: Executor | None, threads: int
    ) -> None:
        """The picture of tick + part into planes (height * 3 // 2, width)."""
        self.view[lights.TICK], self.view[lights.PART] = tick, part
        count = self._light_up((tick + part) * motion.TICK)
        self._spread()
        canvas.field(
            self.haze_out,
            self.columns,
            self.column_weights,
            self.rows,
            self.row_weights,
            self.base,
            self.shift,
            self.scratch,
            self.field_light,
            self.field_codes,
        )
        self._sort(count)
        self._draw(planes, pool, threads)
        if self.hud is not None:
            luma = planes.reshape(-1)[: self.config.width * self.config.height]
            level = float(self.scene.drive[motion.BASS, tick])
            self.hud.draw(luma.reshape(self.config.height, self.config.width), level, self.scene.living)

    def _items(self, count: int) -> None:
        size = count * (1 if self.config.trails <= 0 else 32)
        self.place = np.zeros((4, size), np.float32)
        self.classes = np.zeros(size, np.int32)
        self.counts = np.zeros(size, np.int32)
        self.gains = np.zeros((3, size), np.uint16)
        bands = (self.config.height + canvas.BAND_ROWS - 1) // canvas.BAND_ROWS
        self.starts = np.zeros(bands + 1, np.int64)
        self.order = np.zeros(max(64, 2 * count), np.int32)

    def _haze(self, kind: ParticleType, width: int, height: int) -> None:
        cell = max(height / _HAZE_LINES, float(np.sqrt(width * height / _HAZE_CELLS)))
        self.view[lights.HAZE_CELL] = cell
        h, w = max(2, int(np.ceil(height / cell))), max(2, int(np.ceil(width / cell)))
        hh, hw = (h + 1) // 2, (w + 1) // 2
        self.haze_sum = np.zeros((h, w, 4), np.int32)
        shapes = [(h, w), (hh, hw), (w, h), (h, w), (w, h), (hw, hh), (hh, hw), (hw, hh)]
        self.haze_scratch = [np.zeros((*shape, 4), np.float32) for shape in shapes]
        self.haze_tint = haze_tint(self.config.particle_colors).astype(np.float32) / np.float32(
            lights.HAZE_UNIT
        )
        self.haze_out = np.zeros((h, w, 4), np.float32)
        glow = float(self.config.glow)
        self.glow_gains = (_NARROW_GAIN * glow * _AIR[kind], _WIDE_GAIN * glow * _AIR[kind])
        self.quarter = (-(-height // 4), 4 * -(-width // 16))
        self.rows, self.row_weights = _places(self.quarter[0], 4.0 / cell, h)
        self.columns, self.column_weights = _places(self.quarter[1], 4.0 / cell, w)

    def _field(self, config: ParticleConfig) -> None:
        qh, qw = self.quarter
        self.shift = np.zeros(3, np.float32)
        self.dither = _dither(4 * qw)
        if config.background is None:
            self.base = stage(self.lights, qw, qh)
        else:
            self.base = flat(config.background, qw, qh)
            self.dither[:] = 2048
        self.scratch = np.zeros((2, 3, qw), np.float32)
        self.field_light = np.zeros((3, qh + 2, qw + 2), np.float32)
        self.field_codes = np.zeros((3, qh + 2, qw + 2), np.int32)
        if config.background is not None:
            self._exact_background(config.background)

    def _exact_background(self, color: tuple[int, int, int]) -> None:
        """The difference between the curve's polynomial and the exact code of the background."""
        canvas.field(
            self.haze_out,
            self.columns,
            self.column_weights,
            self.rows,
            self.row_weights,
            self.base,
            self.shift,
            self.scratch,
            self.field_light,
            self.field_codes,
        )
        r, g, b = (channel / 255.0 for channel in color)
        luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
        exact = (16 + 219 * luma, 128 + 224 * (b - luma) / 1.8556, 128 + 224 * (r - luma) / 1.5748)
        for channel in range(3):
            now = self.field_codes[channel, 1, 1] / canvas.FIELD_SCALE
            self.shift[channel] = np.floor(exact[channel] + 0.5) - now

    def _light_up(self, seconds: float) -> int:
        scene = self.scene
        self.haze_sum[:] = 0
        return int(
            lights.light_up(
                scene.state,
                scene.born,
                scene.alive,
                scene.past,
                scene.traits,
                scene.looks,
                scene.drive,
                scene.law,
                self.view,
                wheel(self.lights, seconds),
                DIRECTIONS,
                self.sheet.class_of_size,
                self.sheet.disc_radii,
                self.sheet.points,
                scene.seed,
                TRAIL_STRIDE,
                self.haze_sum,
                self.place,
                self.classes,
                self.counts,
                self.gains,
            )
        )

    def _spread(self) -> None:
        narrow, wide = self.glow_gains
        if narrow <= 0.0:
            return
        haze.spread(
            self.haze_sum,
            *self.haze_scratch,
            self.haze_tint,
            narrow,
            wide,
            _NARROW,
            _WIDE,
            self.haze_out,
        )

    def _sort(self, count: int) -> None:
        arguments = (self.place, self.classes, self.counts, self.sheet.halves, count, self.starts)
        needed = canvas.sort_into_bands(*arguments, self.order)
        if needed > len(self.order):
            self.order = np.zeros(needed * 5 // 4, np.int32)
            canvas.sort_into_bands(*arguments, self.order)

    def _draw(self, planes: NDArray[np.uint8], pool: Executor | None, threads: int) -> None:
        bands = len(self.starts) - 1
        while len(self.workers) < threads:
            self.workers.append(_Worker(self.quarter[1] * 4))
        edges = [bands * k // threads for k in range(threads + 1)]
        if pool is None:
            self._draw_bands(self.workers[0], edges[0], edges[-1], planes)
            return
        jobs = [
            pool.submit(self._draw_bands, self.workers[k], edges[k], edges[k + 1], planes)
            for k in range(threads)
        ]
        wait(jobs)
        for job in jobs:
            job.result()

    def _draw_bands(self, worker: _Worker, first: int, last: int, planes: NDArray[np.uint8]) -> None:
        width, height = self.config.width, self.config.height
        flat_planes = planes.reshape(-1)
        luma, chroma = width * height, width * height // 4
        canvas.bands(
            first,
            last,
            self.place,
            self.classes,
            self.counts,
            self.gains,
            self.starts,
            self.order,
            self.sheet.weights,
            self.sheet.table,
            *worker.acc,
            worker.touched,
            self.field_light,
            self.field_codes,
            self.shift,
            self.dither,
            worker.wide_codes,
            worker.wide_light,
            worker.wide_chroma,
            worker.blue_tile,
            worker.red_tile,
            worker.luma_tile,
            flat_planes[:luma].reshape(height, width),
            flat_planes[luma : luma + chroma].reshape(height // 2, width // 2),
            flat_planes[luma + chroma :].reshape(height // 2, width // 2),
        )


class _Worker:
    """Scratch of one thread."""

    def __init__(self, width: int) -> None:
        stride = width + 2 * canvas.LANES
        self.acc = [np.zeros(canvas.BAND_ROWS * stride, np.uint16) for _ in range(3)]
        self.touched = np.zeros(canvas.BAND_ROWS * stride // canvas.LANES, np.uint8)
        self.wide_codes = np.zeros((4, width), np.int32)
        self.wide_light = np.zeros((4, 3, width), np.float32)
        self.wide_chroma = np.zeros((4, 2, width // 2), np.int32)
        self.blue_tile = np.zeros(canvas.LANES, np.float32)
        self.red_tile = np.zeros(canvas.LANES, np.float32)
        self.luma_tile = np.zeros(2 * canvas.LANES, np.uint8)


def _places(count: int, step: float, cells: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Where the centres of `count` quarter pixels lie between the centres of `cells`: index and weight of the next."""
    at = np.clip((np.arange(count) + 0.5) * step - 0.5, 0.0, cells - 1.0)
    index = np.minimum(at.astype(np.int32), cells - 2)
    return index.astype(np.int32), (at - index).astype(np.float32)


def _dither(width: int) -> NDArray[np.int32]:
    """(64, width) int32 in 0..4095: interleaved gradient noise (Jimenez, 2014), which stands still."""
    y, x = np.mgrid[0 : canvas.DITHER_SIZE, 0:width].astype(np.float64)
    inner = 0.06711056 * (x % 64) + 0.00583715 * y
    noise = 52.9829189 * (inner - np.floor(inner))
    return np.ascontiguousarray((noise - np.floor(noise)) * 4095.0, np.int32)


def _view(kind: ParticleType, config: ParticleConfig, scene: Scene) -> NDArray[np.float64]:
    view = np.zeros(lights.VIEW_SIZE)
    reactive = kind not in DEAF
    view[lights.LINES] = config.height
    view[lights.SCALE] = config.height / 1080.0
    view[lights.EXPOSURE] = 1.5 * min(
        1.6, max(0.25, (1400.0 / expected(kind, config)) ** 0.35) * _EXPOSURE[kind]
    )
    view[lights.PULSE_FLOOR], view[lights.BASS_FLOOR] = _FLOORS[kind]
    view[lights.FADE_IN] = 0.5
    view[lights.LIFE] = 2.0**31
    view[lights.SMALLEST] = SMALLEST
    view[lights.SHUTTER] = 1.0 / 60.0
    view[lights.HUE_SPAN] = 1.0
    if reactive:
        view[lights.ENERGY], view[lights.SWELL], view[lights.STREAK] = 1.6, 0.35, 1.5
        view[lights.SPARK], view[lights.BREATH] = 3.0, 0.35
    if kind is ParticleType.SNOW:
        view[lights.FADE] = 1.0
        view[lights.COMING] = 0.07
        view[lights.FADE_REACH] = 0.5 * np.sqrt(1.0 + (config.width / config.height) ** 2)
    elif kind is ParticleType.ENHANCED:
        view[lights.GROWING], view[lights.GROW] = 1.0, 30.0 * float(config.speed_z)
    elif kind is ParticleType.BOUNCING:
        view[lights.FLASHING] = 2.0
    elif kind is ParticleType.CONTINUOUS_SPAWNING:
        view[lights.LIFE] = scene.law[motion.LIFE]
        view[lights.FADE_OUT] = 120.0
        view[lights.HUE_SPAN], view[lights.HUE_AGE] = 0.3, 1.0 / 5.0
    view[lights.TRAIL_SECONDS] = 0.15 + 0.75 * float(config.trails)
    view[lights.TRAIL_LIGHT] = 0.5 * float(config.trails)
    return view


# What is left of the light at the dark end of the pulsing, and without bass.
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
# How much of the light hangs in the air as haze: less where the lights are everywhere.
_AIR = {
    ParticleType.SNOW: 0.7,
    ParticleType.CONTINUOUS_SPAWNING: 1.2,
    ParticleType.ZEN: 0.9,
    ParticleType.BOUNCING: 0.6,
    ParticleType.ENHANCED: 1.0,
    ParticleType.NO_MUSIC: 0.7,
}
