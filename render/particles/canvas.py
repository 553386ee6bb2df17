"""Light onto planes: sprites are added up in integers band by band, and each band is resolved to Y, U and V.

Light is linear; a channel value of UNIT is the light of a diffuse white. Additions saturate, and saturating
additions of natural numbers may be done in any order, so neither the order of the items nor the number of
threads can be seen. Stage and haze come as a smooth field of a quarter of the size: where no sprite lies, a
pixel is only an interpolation of it plus a dither that stands still.

The curves are polynomials in float32 without fastmath: elementwise, so the same to the bit at any vector
width. Kernels that call one another live in this one file (see `motion`). Inner loops run over sixteen
columns with unsigned indices and without array views, which is what makes them vector code.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from render.particles.bands import BAND_ROWS
from render.particles.curves import coded, luma_of, toned

BUILT_ON = {"curves.py": "0d825aef1720dc0c"}  # see tests/render/test_particles_kernels.py

LANES = 16
BLOCK = 8  # columns that a flag stands for
GAP = 4  # blocks
UNIT = 4096
DITHER_SIZE = 64

_F = np.float32
_U = np.uint64


@njit(inline="always", error_model="numpy")
def _white(peak: Any) -> Any:
    """How much of the way to white a core of this light goes: none below 1.5, most at 10."""
    w = (peak - _F(1.5)) * _F(1.0 / 8.5)
    w = max(_F(0.0), min(_F(1.0), w))
    return w * (_F(1.6) - _F(0.7) * w)


@njit(inline="always", error_model="numpy")
def _add(sums: Any, at: Any, weight: Any, gain: Any) -> None:
    more = np.uint16((weight * gain) >> np.uint32(16))
    room = np.uint16(np.uint16(65535) - sums[at])
    sums[at] = np.uint16(sums[at] + min(more, room))


# Not inlined, its gains could be any 32-bit numbers, and LLVM would make no vector code of it.
@njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
def _splat(
    band: Any,
    stride: int,
    top: int,
    height: int,
    sprites: Any,
    c: int,
    x: float,
    y: float,
    r: Any,
    g: Any,
    b: Any,
) -> None:
    """One sample of sprite class c into the band whose first row is `top`."""
    offset, chunks, side = sprites.table[0, c], sprites.table[1, c], sprites.table[2, c]
    reach, phases = sprites.table[3, c] * (1.0 / 1024.0), sprites.table[4, c]
    x -= reach
    y -= reach
    ix = math.floor(x)
    iy = math.floor(y)
    px = min(int((x - ix) * phases), phases - 1)
    py = min(int((y - iy) * phases), phases - 1)
    left = int(ix) + LANES
    upper = int(iy) - top
    source = offset + (py * phases + px) * side * chunks * LANES
    first = max(0, -upper)
    last = min(side, height - upper)
    blocks = stride // BLOCK
    for chunk in range(chunks):
        column = left + chunk * LANES
        if column < 0 or column + LANES > stride:
            continue
        flag = _U((upper + first) * blocks + (column >> 3))
        also = _U(((column + min(LANES, side - chunk * LANES) - 1) >> 3) - (column >> 3))
        between = (also + _U(1)) >> _U(1)
        to = _U((upper + first) * stride + column)
        of = _U(source + (first * chunks + chunk) * LANES)
        for _ in range(first, last):
            band.touched[flag] = 1
            band.touched[flag + between] = 1
            band.touched[flag + also] = 1
            for i in range(LANES):
                k = _U(i)
                weight = np.uint32(sprites.weights[of + k])
                _add(band.red, to + k, weight, r)
                _add(band.green, to + k, weight, g)
                _add(band.blue, to + k, weight, b)
            flag += _U(blocks)
            to += _U(stride)
            of += _U(chunks * LANES)


@njit(nogil=True, cache=True, error_model="numpy")
def draw_bands(
    first: int, last: int, items: Any, order: Any, sprites: Any, field: Any, band: Any, rows: Any, planes: Any
) -> None:
    """Draws bands `first` to `last` - 1 of the items in `order`. `band` must be zero, and is again after."""
    height = planes.y.shape[0]
    stride = band.red.shape[0] // BAND_ROWS
    for number in range(first, last):
        top = number * BAND_ROWS
        lines = min(BAND_ROWS, height - top)
        for entry in range(order.starts[number], order.starts[number + 1]):
            i = order.order[entry]
            c = items.classes[i]
            x = float(items.place[0, i])
            y = float(items.place[1, i])
            r = np.uint32(items.gains[0, i])
            g = np.uint32(items.gains[1, i])
            b = np.uint32(items.gains[2, i])
            for _ in range(items.counts[i]):
                _splat(band, stride, top, lines, sprites, c, x, y, r, g, b)
                x += float(items.place[2, i])
                y += float(items.place[3, i])
        _resolve(top, lines, stride, field, band, rows, planes)


@njit(nogil=True, cache=True, error_model="numpy")
def _widen(source: Any, out: Any) -> None:
    """Four columns for each of the quarter row, in eighths: the weights are exact for pixel centres."""
    for j in range(source.shape[0] - 2):
        a = source[j]
        b = source[j + 1]
        c = source[j + 2]
        out[4 * j] = 3 * a + 5 * b
        out[4 * j + 1] = a + 7 * b
        out[4 * j + 2] = 7 * b + c
        out[4 * j + 3] = 5 * b + 3 * c


@njit(nogil=True, cache=True, error_model="numpy")
def _widen_light(source: Any, out: Any) -> None:
    for j in range(source.shape[0] - 2):
        a = source[j]
        b = source[j + 1]
        c = source[j + 2]
        out[4 * j] = _F(0.375) * a + _F(0.625) * b
        out[4 * j + 1] = _F(0.125) * a + _F(0.875) * b
        out[4 * j + 2] = _F(0.875) * b + _F(0.125) * c
        out[4 * j + 3] = _F(0.625) * b + _F(0.375) * c


@njit(nogil=True, cache=True, error_model="numpy")
def _widen_half(source: Any, out: Any) -> None:
    """Two columns for each of the quarter row, in quarters: chroma has half the columns."""
    for j in range(source.shape[0] - 2):
        b = source[j + 1]
        out[2 * j] = source[j] + 3 * b
        out[2 * j + 1] = 3 * b + source[j + 2]


@njit(nogil=True, cache=True, error_model="numpy")
def _load(field: Any, row: int, rows: Any) -> None:
    slot = row & 3
    _widen(field.codes[0, row], rows.codes[slot])
    for channel in range(2):
        _widen_half(field.codes[channel + 1, row], rows.chroma[slot, channel])
    for channel in range(3):
        _widen_light(field.light[channel, row], rows.light[slot, channel])


@njit(nogil=True, cache=True, error_model="numpy")
def _luma_row(above: Any, below: Any, weight: int, dither: Any, out: Any) -> None:
    wa = np.int32(weight)
    wb = np.int32(8 - weight)
    for x in range(out.shape[0]):
        out[x] = np.uint8((above[x] * wa + below[x] * wb + dither[x]) >> 12)


@njit(nogil=True, cache=True, error_model="numpy")
def _chroma_row(above: Any, below: Any, weight: int, out: Any) -> None:
    wa = np.int32(weight)
    wb = np.int32(4 - weight)
    for x in range(out.shape[0]):
        out[x] = np.uint8((above[x] * wa + below[x] * wb + np.int32(512)) >> 10)


@njit(nogil=True, cache=True, error_model="numpy")
def _resolve(top: int, lines: int, stride: int, field: Any, band: Any, rows: Any, planes: Any) -> None:
    """A band from the field, two rows at a time, and on each pair the blocks that sprites touched."""
    _load(field, top >> 2, rows)
    _load(field, (top >> 2) + 1, rows)
    flat_light = rows.light.reshape(-1)
    flat_dither = field.dither.reshape(-1)
    for line in range(0, lines, 2):
        y = top + line
        # Row j of the quarter picture is row j + 1 of the bordered one.
        j = y >> 2
        lower = (y >> 1) & 1
        if lower == 0:
            _load(field, j + 2, rows)
        above = (j + lower) & 3
        below = (j + lower + 1) & 3
        # Eighths of the upper of the two quarter rows around rows y and y + 1: 3 and 1, or 7 and 5.
        for k in range(2):
            weight = 3 + 4 * lower - 2 * k
            _luma_row(
                rows.codes[above], rows.codes[below], weight, field.dither[(y + k) & 63], planes.y[y + k]
            )
        half = y >> 1
        _chroma_row(rows.chroma[above, 0], rows.chroma[below, 0], 1 + 2 * lower, planes.u[half])
        _chroma_row(rows.chroma[above, 1], rows.chroma[below, 1], 1 + 2 * lower, planes.v[half])
        wa = _F(0.25) + _F(0.5) * _F(lower)
        _light_pair(
            line, y, stride, band, flat_light, above, below, wa, flat_dither, field.shift, rows, planes
        )


@njit(nogil=True, cache=True, error_model="numpy")
def _light_pair(
    line: int, y: int, stride: int, band: Any, light: Any, above: int, below: int, weight: Any, dither: Any,
    shift: Any, rows: Any, planes: Any,
) -> None:  # fmt: skip
    """The touched runs of rows y and y + 1 (`line` and the next of the band); leaves zeros behind."""
    wide = rows.codes.shape[1]
    blocks = stride // BLOCK
    upper = line * blocks
    lower = upper + blocks
    touched = band.touched
    end = 0
    while end < blocks:
        first = end
        end += 1
        if touched[upper + first] == 0 and touched[lower + first] == 0:
            continue
        # Short gaps are cheaper to draw than to begin anew behind.
        block = end
        while block < min(blocks, end + GAP):
            block += 1
            if touched[upper + block - 1] != 0 or touched[lower + block - 1] != 0:
                end = block
        if (end - first) & 1:
            # Whole steps of sixteen columns; a row has an even number of blocks.
            if end < blocks:
                end += 1
            else:
                first -= 1
        for block in range(first, end):
            touched[upper + block] = 0
            touched[lower + block] = 0
        # The visible columns of the run; the first sixteen of a row lie outside.
        x = max(0, first * BLOCK - LANES)
        columns = min(wide, end * BLOCK - LANES) - x
        if columns > 0:
            start = line * stride + LANES + x
            up = above * 3 * wide + x
            down = below * 3 * wide + x
            noise = (y & 63) * wide + x
            width = planes.y.shape[1]
            if x + columns <= width:
                out, to, out_stride = planes.y.reshape(-1), y * width + x, width
            else:
                # The last block of a width that is no multiple of sixteen.
                out, to, out_stride = rows.luma, 0, wide
            _light_run(
                band, start, stride, columns, light, up, down, wide, weight, dither, noise, shift[0], rows,
                out, to, out_stride,
            )  # fmt: skip
            for i in range(width - x if x + columns > width else 0):
                planes.y[y, x + i] = rows.luma[i]
                planes.y[y + 1, x + i] = rows.luma[wide + i]
            _store(rows, shift, y, x, min(columns, width - x), planes)
        for k in range(2):
            base = _U((line + k) * stride + first * BLOCK)
            for i in range((end - first) * BLOCK):
                band.red[base + _U(i)] = 0
                band.green[base + _U(i)] = 0
                band.blue[base + _U(i)] = 0


@njit(inline="always", error_model="numpy")
def _lit(r: Any, g: Any, b: Any, fr: Any, fg: Any, fb: Any) -> Any:
    """Code values of a pixel with sprites' light r, g, b (integers) on the field's light: tone, hot core."""
    r = _F(r) * _F(1.0 / UNIT)
    g = _F(g) * _F(1.0 / UNIT)
    b = _F(b) * _F(1.0 / UNIT)
    peak = max(r, max(g, b))
    scale = toned(peak)
    # Towards white for the hot core: c * scale + (peak * scale - c * scale) * white.
    white = _white(peak)
    added = peak * scale * white
    scale = scale * (_F(1.0) - white)
    r = coded(fr + (_F(1.0) - fr) * (r * scale + added))
    g = coded(fg + (_F(1.0) - fg) * (g * scale + added))
    b = coded(fb + (_F(1.0) - fb) * (b * scale + added))
    return r, g, b


@njit(nogil=True, cache=True, error_model="numpy")
def _light_run(
    band: Any, start: int, stride: int, columns: int, light: Any, up: int, down: int, wide: int, weight: Any,
    dither: Any, noise: int, shift: Any, rows: Any, out: Any, to: int, out_stride: int,
) -> None:  # fmt: skip
    """Columns of two rows with sprites on them: their luma, and the sums of their colour differences.

    Luma goes to the flat `out` from `to` on, the second row `out_stride` behind.

    `light` is flat: rows `up` and `down` with channels `wide` apart, taken between the two pixel rows with
    `weight` of the upper; so is `dither`, with rows `wide` apart.
    """
    rest = _F(1.0) - weight
    offset = _F(16.0) + shift
    step = _U(wide)
    for i in range(columns):
        k = _U(i)
        one = _U(start) + k
        two = one + _U(stride)
        a = _U(up) + k
        z = _U(down) + k
        fr = light[a] * weight + light[z] * rest
        fg = light[a + step] * weight + light[z + step] * rest
        fb = light[a + step + step] * weight + light[z + step + step] * rest
        r, g, b = _lit(band.red[one], band.green[one], band.blue[one], fr, fg, fb)
        r2, g2, b2 = _lit(band.red[two], band.green[two], band.blue[two], fr, fg, fb)
        luma = luma_of(r, g, b)
        luma2 = luma_of(r2, g2, b2)
        grain = _U(noise) + k
        code = offset + _F(219.0) * luma + _F(dither[grain]) * _F(1.0 / 4096.0)
        code2 = offset + _F(219.0) * luma2 + _F(dither[grain + step]) * _F(1.0 / 4096.0)
        out[_U(to) + k] = np.uint8(np.int32(min(_F(235.0), code)))
        out[_U(to) + _U(out_stride) + k] = np.uint8(np.int32(min(_F(235.0), code2)))
        rows.cb[k] = (b - luma) + (b2 - luma2)
        rows.cr[k] = (r - luma) + (r2 - luma2)


@njit(inline="always", error_model="numpy")
def _chroma(sums: Any, i: Any, offset: Any, scale: Any) -> Any:
    code = offset + scale * (sums[2 * i] + sums[2 * i + 1])
    return np.uint8(np.int32(max(_F(16.0), min(_F(240.0), code))))


@njit(nogil=True, cache=True, error_model="numpy")
def _store(rows: Any, shift: Any, y: int, x: int, columns: int, planes: Any) -> None:
    """A run's chroma, the mean of each two by two pixels; `columns` is even."""
    half_y = y >> 1
    half_x = x >> 1
    blue = _F(128.5) + shift[1]
    red = _F(128.5) + shift[2]
    for i in range(columns >> 1):
        planes.u[half_y, half_x + i] = _chroma(rows.cb, i, blue, _F(56.0 / 1.8556))
        planes.v[half_y, half_x + i] = _chroma(rows.cr, i, red, _F(56.0 / 1.5748))
