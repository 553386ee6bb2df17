"""Light onto planes: sprites are added up in integers band by band, and each band is resolved to Y, U and V.

Light is linear; a channel value of UNIT is the light of a diffuse white. Additions saturate, and saturating
additions of natural numbers may be done in any order, so neither the order of the items nor the number of
threads can be seen. Stage and haze come as a smooth field of a quarter of the size: where no sprite lies, a
pixel is only an interpolation of it plus a dither that stands still.

The curves are polynomials in float32 without fastmath: elementwise, so the same to the bit at any vector
width. Kernels that call one another live in this one file (see `motion`). Inner loops run over sixteen
columns, or over a whole row, with unsigned indices, which is what makes them vector code: so the blocks of a
pair of rows that sprites touched are gathered first, made into code values together, and scattered.
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
BLOCK = 8  # columns that a flag stands for, of two rows
FLAGS = 8  # a row of flags is a multiple of so many, which are looked at together
STEP = 64  # columns that are lit at once
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


@njit(nogil=True, cache=True, error_model="numpy")
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
    blocks = band.touched.shape[0] // (BAND_ROWS // 2)
    for chunk in range(chunks):
        column = left + chunk * LANES
        if column < 0 or column + LANES > stride:
            continue
        flag = _U(((upper + first) >> 1) * blocks + (column >> 3))
        also = _U(((column + min(LANES, side - chunk * LANES) - 1) >> 3) - (column >> 3))
        between = (also + _U(1)) >> _U(1)
        to = _U((upper + first) * stride + column)
        of = _U(source + (first * chunks + chunk) * LANES)
        for _ in range((upper + first) >> 1, (upper + last + 1) >> 1):
            band.touched[flag] = 1
            band.touched[flag + between] = 1
            band.touched[flag + also] = 1
            flag += _U(blocks)
        for _ in range(first, last):
            for i in range(LANES):
                k = _U(i)
                weight = np.uint32(sprites.weights[of + k])
                _add(band.red, to + k, weight, r)
                _add(band.green, to + k, weight, g)
                _add(band.blue, to + k, weight, b)
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
        count = _gather(line, y, stride, band, field.dither, above, below, rows)
        if count > 0:
            _light(count * BLOCK, _F(0.25) + _F(0.5) * _F(lower), field.shift, rows.lit)
            _scatter(count, y, rows.lit, planes)


@njit(nogil=True, cache=True, error_model="numpy")
def _gather(line: int, y: int, stride: int, band: Any, dither: Any, above: int, below: int, rows: Any) -> Any:
    """Moves the touched blocks of rows y and y + 1 (`line` and the next of the band) to `rows.lit`.

    Returns how many there are. Leaves zeros behind, but for the margins, which nobody sees.
    """
    lit = rows.lit
    blocks = band.touched.shape[0] // (BAND_ROWS // 2)
    flags = band.touched[(line >> 1) * blocks :]
    groups = flags.view(np.uint64)
    last = (stride - LANES) // BLOCK
    count = 0
    for group in range(blocks // FLAGS):
        if groups[group] == 0:
            continue
        for block in range(max(LANES // BLOCK, group * FLAGS), min(last, group * FLAGS + FLAGS)):
            lit.blocks[count] = block - LANES // BLOCK
            count += 1 if flags[block] != 0 else 0
        groups[group] = 0
    if count == 0:
        return count
    start = line * stride + LANES
    for channel in range(3):
        light = band.red if channel == 0 else (band.green if channel == 1 else band.blue)
        for k in range(2):
            _move(light[start + k * stride :], lit.blocks, count, lit.sums[k, channel])
        _copy(rows.light[above, channel], lit.blocks, count, lit.field[0, channel])
        _copy(rows.light[below, channel], lit.blocks, count, lit.field[1, channel])
    for k in range(2):
        _copy(dither[(y + k) & 63], lit.blocks, count, lit.grain[k])
    return count


@njit(nogil=True, cache=True, error_model="numpy")
def _move(row: Any, blocks: Any, count: int, out: Any) -> None:
    """Blocks of a row of uint16 to the beginning of `out`; zeros where they were."""
    source = row[: row.shape[0] // 4 * 4].view(np.uint64)
    target = out.view(np.uint64)
    for n in range(count):
        of = _U(blocks[n]) * _U(2)
        to = _U(n) * _U(2)
        target[to] = source[of]
        target[to + _U(1)] = source[of + _U(1)]
        source[of] = 0
        source[of + _U(1)] = 0


@njit(nogil=True, cache=True, error_model="numpy")
def _copy(row: Any, blocks: Any, count: int, out: Any) -> None:
    """Blocks of a row of 32-bit numbers to the beginning of `out`."""
    source = row.view(np.uint64)
    target = out.view(np.uint64)
    for n in range(count):
        of = _U(blocks[n]) * _U(4)
        to = _U(n) * _U(4)
        first, second = source[of], source[of + _U(1)]
        third, fourth = source[of + _U(2)], source[of + _U(3)]
        target[to] = first
        target[to + _U(1)] = second
        target[to + _U(2)] = third
        target[to + _U(3)] = fourth


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
def _light(columns: int, weight: Any, shift: Any, lit: Any) -> None:
    """Code values of the gathered columns of two rows; `weight` is that of the upper row of the field."""
    rest = _F(1.0) - weight
    offset = _F(16.0) + shift[0]
    sums = lit.sums.reshape(-1)
    field = lit.field.reshape(-1)
    grain = lit.grain.reshape(-1)
    step = _U(lit.cb.shape[0])
    # Behind the last column lies what was there before: no harm, and whole steps are quicker.
    columns = (columns + STEP - 1) // STEP * STEP
    for i in range(columns):
        a = _U(i)
        b = a + step
        c = b + step
        d = c + step
        e = d + step
        f = e + step
        fr = field[a] * weight + field[d] * rest
        fg = field[b] * weight + field[e] * rest
        fb = field[c] * weight + field[f] * rest
        r, g, b1 = _lit(sums[a], sums[b], sums[c], fr, fg, fb)
        r2, g2, b2 = _lit(sums[d], sums[e], sums[f], fr, fg, fb)
        luma = luma_of(r, g, b1)
        luma2 = luma_of(r2, g2, b2)
        code = offset + _F(219.0) * luma + _F(grain[a]) * _F(1.0 / 4096.0)
        code2 = offset + _F(219.0) * luma2 + _F(grain[b]) * _F(1.0 / 4096.0)
        lit.luma[a] = np.uint8(np.int32(min(_F(235.0), code)))
        lit.luma[b] = np.uint8(np.int32(min(_F(235.0), code2)))
        lit.cb[a] = (b1 - luma) + (b2 - luma2)
        lit.cr[a] = (r - luma) + (r2 - luma2)
    blue = _F(128.5) + shift[1]
    red = _F(128.5) + shift[2]
    for i in range(columns // 2):
        k = _U(i)
        lit.u[k] = _chroma(lit.cb, k, blue, _F(56.0 / 1.8556))
        lit.v[k] = _chroma(lit.cr, k, red, _F(56.0 / 1.5748))


@njit(inline="always", error_model="numpy")
def _chroma(sums: Any, k: Any, offset: Any, scale: Any) -> Any:
    """The mean of each two by two pixels."""
    code = offset + scale * (sums[k + k] + sums[k + k + _U(1)])
    return np.uint8(np.int32(max(_F(16.0), min(_F(240.0), code))))


@njit(nogil=True, cache=True, error_model="numpy")
def _scatter(count: int, y: int, lit: Any, planes: Any) -> None:
    """The gathered blocks of rows y and y + 1 to where they belong."""
    step = lit.cb.shape[0]
    _put(lit.luma[:step], lit.blocks, count, BLOCK, planes.y[y])
    _put(lit.luma[step:], lit.blocks, count, BLOCK, planes.y[y + 1])
    _put(lit.u, lit.blocks, count, BLOCK // 2, planes.u[y >> 1])
    _put(lit.v, lit.blocks, count, BLOCK // 2, planes.v[y >> 1])


@njit(nogil=True, cache=True, error_model="numpy")
def _put(codes: Any, blocks: Any, count: int, size: int, out: Any) -> None:
    """Blocks of `size` codes to their places in a row; what lies behind its end is dropped."""
    if out.shape[0] % BLOCK != 0:
        for n in range(count):
            to = blocks[n] * size
            for i in range(min(size, out.shape[0] - to)):
                out[to + i] = codes[n * size + i]
    elif size == BLOCK:
        wide, wide_codes = out.view(np.uint64), codes.view(np.uint64)
        for n in range(count):
            wide[_U(blocks[n])] = wide_codes[_U(n)]
    else:
        half, half_codes = out.view(np.uint32), codes.view(np.uint32)
        for n in range(count):
            half[_U(blocks[n])] = half_codes[_U(n)]
