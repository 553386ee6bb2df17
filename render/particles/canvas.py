"""Light onto planes: sprites are added up in integers band by band, and each band is resolved to Y, U and V.

Light is linear; a channel value of 4,096 is the light of a diffuse white. Additions saturate, and saturating
additions of natural numbers may be done in any order, so neither the order of the items nor the number of threads
can be seen. The sound-free part of the picture (stage and haze) comes as a smooth field of a quarter of the size:
where no sprite lies, a pixel is only an interpolation of it plus a dither that stands still.

The curves are polynomials in float32 without fastmath: elementwise, so the same to the bit at any vector width.
Kernels that call one another live in this one file (see `motion`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

BAND_ROWS = 64
LANES = 16
UNIT = 4096  # one light
DITHER_SIZE = 64
FIELD_SCALE = 64  # fixed point of the field's Y, U, V

_F = np.float32


@njit(inline="always", error_model="numpy")
def _coded(light: Any) -> Any:
    """sRGB code value 0..1 of linear light 0..1: a polynomial in the square root, within 0.2 of a step of 255."""
    s = _F(math.sqrt(light))
    curve = _F(-0.3093876631) * s + _F(0.8423940225)
    curve = curve * s + _F(-0.9446149705)
    curve = curve * s + _F(1.4478618817)
    curve = curve * s + _F(-0.0370058771)
    low = light * _F(12.92)
    return low if light < _F(0.0031308) else curve


@njit(inline="always", error_model="numpy")
def _toned(peak: Any) -> Any:
    """(1 - exp(-L)) / L for the light L >= 0 of the strongest channel: the tone curve as a factor.

    exp(L / 4) is taken as its series up to the third power, so that one division is enough.
    """
    x = min(peak, _F(24.0)) * _F(0.25) + _F(1e-5)
    grown = ((_F(1.0 / 6.0) * x + _F(0.5)) * x + _F(1.0)) * x
    # (1 + grown)^4 - 1, without the cancellation that a difference of near ones would have.
    square = grown * (grown + _F(2.0))
    fourth = square * (square + _F(2.0))
    return fourth / ((fourth + _F(1.0)) * _F(4.0) * x)


@njit(inline="always", error_model="numpy")
def _white(peak: Any) -> Any:
    """How much of the way to white a core of this light goes: none below 1.5, most at 10."""
    w = (peak - _F(1.5)) * _F(1.0 / 8.5)
    w = max(_F(0.0), min(_F(1.0), w))
    return w * (_F(1.6) - _F(0.7) * w)


@njit(nogil=True, cache=True, error_model="numpy")
def field(
    haze: Any,
    columns: Any,
    column_weights: Any,
    rows: Any,
    row_weights: Any,
    base: Any,
    shift: Any,
    scratch: Any,
    light: Any,
    codes: Any,
) -> None:
    """Stage and haze at a quarter of the size.

    haze (h, w, 4) float32 light; columns, rows: where in it each quarter pixel lies (int32, float32 weight of the
    next); base (3, qh, qw) float32 light of the stage; shift (3) float32 added to the code values; scratch
    (2, 3, qw) float32; out: light (3, qh + 2, qw + 2) float32, codes (3, qh + 2, qw + 2) int32, with borders.
    """
    qh, qw = base.shape[1], base.shape[2]
    have = -1
    for y in range(qh):
        above = rows[y]
        if above != have:
            for k in range(2):
                source = haze[above + k]
                for x in range(qw):
                    c = columns[x]
                    t = column_weights[x]
                    for channel in range(3):
                        a = source[c, channel]
                        scratch[k, channel, x] = a + (source[c + 1, channel] - a) * t
            have = above
        t = row_weights[y]
        for x in range(qw):
            r = scratch[0, 0, x] + (scratch[1, 0, x] - scratch[0, 0, x]) * t
            g = scratch[0, 1, x] + (scratch[1, 1, x] - scratch[0, 1, x]) * t
            b = scratch[0, 2, x] + (scratch[1, 2, x] - scratch[0, 2, x]) * t
            scale = _toned(max(r, max(g, b)))
            r = base[0, y, x] + (_F(1.0) - base[0, y, x]) * r * scale
            g = base[1, y, x] + (_F(1.0) - base[1, y, x]) * g * scale
            b = base[2, y, x] + (_F(1.0) - base[2, y, x]) * b * scale
            light[0, y + 1, x + 1] = r
            light[1, y + 1, x + 1] = g
            light[2, y + 1, x + 1] = b
            r = _coded(r)
            g = _coded(g)
            b = _coded(b)
            luma = _F(0.2126) * r + _F(0.7152) * g + _F(0.0722) * b
            codes[0, y + 1, x + 1] = int((_F(16.0) + _F(219.0) * luma + shift[0]) * _F(FIELD_SCALE) + _F(0.5))
            codes[1, y + 1, x + 1] = int(
                (_F(128.0) + _F(224.0 / 1.8556) * (b - luma) + shift[1]) * _F(FIELD_SCALE) + _F(0.5)
            )
            codes[2, y + 1, x + 1] = int(
                (_F(128.0) + _F(224.0 / 1.5748) * (r - luma) + shift[2]) * _F(FIELD_SCALE) + _F(0.5)
            )
    for channel in range(3):
        _border(light[channel])
        _border(codes[channel])


@njit(nogil=True, cache=True, error_model="numpy")
def _border(plane: Any) -> None:
    bottom = plane.shape[0] - 1
    right = plane.shape[1] - 1
    for y in range(1, bottom):
        plane[y, 0] = plane[y, 1]
        plane[y, right] = plane[y, right - 1]
    for x in range(right + 1):
        plane[0, x] = plane[1, x]
        plane[bottom, x] = plane[bottom - 1, x]


@njit(nogil=True, cache=True, error_model="numpy")
def sort_into_bands(
    place: Any, classes: Any, counts: Any, sprite_half: Any, n: int, starts: Any, order: Any
) -> int:
    """Counting sort of items by the bands that they touch.

    place (4, n) float32: x, y of the first sample, step between samples; starts (bands + 1) int64; order int32.
    Returns how many entries `order` needs; nothing is written to it when it is too small.
    """
    bands = starts.shape[0] - 1
    starts[:] = 0
    for i in range(n):
        first, last = _bands_of(place, classes, counts, sprite_half, i, bands)
        for band in range(first, last + 1):
            starts[band + 1] += 1
    for band in range(bands):
        starts[band + 1] += starts[band]
    total = starts[bands]
    if total > order.shape[0]:
        return total
    for i in range(n):
        first, last = _bands_of(place, classes, counts, sprite_half, i, bands)
        for band in range(first, last + 1):
            order[starts[band]] = i
            starts[band] += 1
    for band in range(bands, 0, -1):
        starts[band] = starts[band - 1]
    starts[0] = 0
    return total


@njit(inline="always", error_model="numpy")
def _bands_of(place: Any, classes: Any, counts: Any, sprite_half: Any, i: Any, bands: Any) -> Any:
    half = sprite_half[classes[i]]
    start = place[1, i]
    end = start + place[3, i] * (counts[i] - 1)
    top = math.floor(min(start, end)) - half - 1
    bottom = math.floor(max(start, end)) + half + 1
    first = max(0, int(top) >> 6)
    last = min(bands - 1, int(bottom) >> 6)
    return first, last


@njit(inline="always", error_model="numpy")
def _add(acc: Any, at: Any, weight: Any, gain: Any) -> None:
    more = np.uint16((weight * gain) >> np.uint32(16))
    room = np.uint16(np.uint16(65535) - acc[at])
    acc[at] = np.uint16(acc[at] + min(more, room))


@njit(nogil=True, cache=True, error_model="numpy")
def _splat(
    acc_r: Any,
    acc_g: Any,
    acc_b: Any,
    touched: Any,
    stride: int,
    top: int,
    height: int,
    sprites: Any,
    offset: int,
    chunks: int,
    side: int,
    half: int,
    phases: int,
    x: float,
    y: float,
    r: Any,
    g: Any,
    b: Any,
) -> None:
    """One sample into the band whose first row is `top`: saturating additions, sixteen columns at a time."""
    ix = math.floor(x)
    iy = math.floor(y)
    px = min(int((x - ix) * phases), phases - 1)
    py = min(int((y - iy) * phases), phases - 1)
    left = int(ix) - half + LANES
    upper = int(iy) - half - top
    source = offset + (py * phases + px) * side * chunks * LANES
    first = max(0, -upper)
    last = min(side, height - upper)
    blocks = np.uint64(stride // LANES)
    for c in range(chunks):
        column = left + c * LANES
        if column < 0 or column + LANES > stride:
            continue
        flag = np.uint64((upper + first) * (stride // LANES) + (column >> 4))
        also = np.uint64((column + min(LANES, side - c * LANES) - 1) >> 4) - np.uint64(column >> 4)
        to = np.uint64((upper + first) * stride + column)
        of = np.uint64(source + (first * chunks + c) * LANES)
        for _ in range(first, last):
            touched[flag] = 1
            touched[flag + also] = 1
            for i in range(LANES):
                k = np.uint64(i)
                weight = np.uint32(sprites[of + k])
                _add(acc_r, to + k, weight, r)
                _add(acc_g, to + k, weight, g)
                _add(acc_b, to + k, weight, b)
            flag += blocks
            to += np.uint64(stride)
            of += np.uint64(chunks * LANES)


@njit(nogil=True, cache=True, error_model="numpy")
def _widen(plane: Any, row: int, out: Any) -> None:
    """Four columns for each of the quarter row, in eighths: the weights are exact for pixel centres."""
    source = plane[row]
    for j in range(source.shape[0] - 2):
        a = source[j]
        b = source[j + 1]
        c = source[j + 2]
        out[4 * j] = 3 * a + 5 * b
        out[4 * j + 1] = a + 7 * b
        out[4 * j + 2] = 7 * b + c
        out[4 * j + 3] = 5 * b + 3 * c


@njit(nogil=True, cache=True, error_model="numpy")
def _widen_light(plane: Any, row: int, out: Any) -> None:
    source = plane[row]
    for j in range(source.shape[0] - 2):
        a = source[j]
        b = source[j + 1]
        c = source[j + 2]
        out[4 * j] = _F(0.375) * a + _F(0.625) * b
        out[4 * j + 1] = _F(0.125) * a + _F(0.875) * b
        out[4 * j + 2] = _F(0.875) * b + _F(0.125) * c
        out[4 * j + 3] = _F(0.625) * b + _F(0.375) * c


@njit(nogil=True, cache=True, error_model="numpy")
def _widen_half(plane: Any, row: int, out: Any) -> None:
    """Two columns for each of the quarter row, in quarters: chroma has half the columns."""
    source = plane[row]
    for j in range(source.shape[0] - 2):
        b = source[j + 1]
        out[2 * j] = source[j] + 3 * b
        out[2 * j + 1] = 3 * b + source[j + 2]


@njit(inline="always", error_model="numpy")
def _weight_above(y: Any) -> Any:
    """Eighths of the upper of the two quarter rows around pixel row y (the rest is the lower one's)."""
    phase = y & 3
    return 3 if phase == 0 else (1 if phase == 1 else (7 if phase == 2 else 5))


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


@njit(inline="always", error_model="numpy")
def _lit(r: Any, g: Any, b: Any, fr: Any, fg: Any, fb: Any) -> Any:
    """Code values of a pixel with sprites' light r, g, b (integers) on the field's light: tone curve, hot core."""
    r = _F(r) * _F(1.0 / UNIT)
    g = _F(g) * _F(1.0 / UNIT)
    b = _F(b) * _F(1.0 / UNIT)
    peak = max(r, max(g, b))
    scale = _toned(peak)
    # Towards white for the hot core: c * scale + (peak * scale - c * scale) * white.
    white = _white(peak)
    added = peak * scale * white
    scale = scale * (_F(1.0) - white)
    r = r * scale + added
    g = g * scale + added
    b = b * scale + added
    r = _coded(fr + (_F(1.0) - fr) * r)
    g = _coded(fg + (_F(1.0) - fg) * g)
    b = _coded(fb + (_F(1.0) - fb) * b)
    return r, g, b


@njit(nogil=True, cache=True, error_model="numpy")
def _lit_block(
    acc_r: Any,
    acc_g: Any,
    acc_b: Any,
    start: int,
    stride: int,
    wide_light: Any,
    above: int,
    below: int,
    plane: int,
    weight: int,
    dither: Any,
    noise: int,
    shift: Any,
    blue_tile: Any,
    red_tile: Any,
    luma_tile: Any,
) -> None:
    """Sixteen columns of two rows with sprites on them.

    All arrays are flat: acc from `start` (rows `stride` apart), wide_light from `above` and `below` (channels `plane`
    apart), dither from `noise` (rows `plane` apart). The field is taken between the two rows, its weight `weight`
    eighths of the upper one. Out: luma_tile (32), sums of two rows of blue and red differences (16 each).
    """
    wa = _F(weight) * _F(0.125)
    wb = _F(1.0) - wa
    offset = _F(16.0) + shift[0]
    for i in range(LANES):
        k = np.uint64(i)
        at = np.uint64(start) + k
        at2 = at + np.uint64(stride)
        up = np.uint64(above) + k
        down = np.uint64(below) + k
        step = np.uint64(plane)
        up_r, up_g, up_b = wide_light[up], wide_light[up + step], wide_light[up + step + step]
        down_r, down_g, down_b = wide_light[down], wide_light[down + step], wide_light[down + step + step]
        field_r = up_r * wa + down_r * wb
        field_g = up_g * wa + down_g * wb
        field_b = up_b * wa + down_b * wb
        r, g, b = _lit(acc_r[at], acc_g[at], acc_b[at], field_r, field_g, field_b)
        r2, g2, b2 = _lit(acc_r[at2], acc_g[at2], acc_b[at2], field_r, field_g, field_b)
        luma = _F(0.2126) * r + _F(0.7152) * g + _F(0.0722) * b
        luma2 = _F(0.2126) * r2 + _F(0.7152) * g2 + _F(0.0722) * b2
        grain = np.uint64(noise) + k
        code = offset + _F(219.0) * luma + _F(dither[grain]) * _F(1.0 / 4096.0)
        code2 = offset + _F(219.0) * luma2 + _F(dither[grain + step]) * _F(1.0 / 4096.0)
        luma_tile[k] = np.uint8(np.int32(min(_F(235.0), code)))
        luma_tile[k + np.uint64(LANES)] = np.uint8(np.int32(min(_F(235.0), code2)))
        blue_tile[k] = (b - luma) + (b2 - luma2)
        red_tile[k] = (r - luma) + (r2 - luma2)


@njit(nogil=True, cache=True, error_model="numpy")
def bands(
    first: int,
    last: int,
    place: Any,
    classes: Any,
    counts: Any,
    gains: Any,
    starts: Any,
    order: Any,
    sprites: Any,
    sprite_table: Any,
    acc_r: Any,
    acc_g: Any,
    acc_b: Any,
    touched: Any,
    light: Any,
    codes: Any,
    shift: Any,
    dither: Any,
    wide_codes: Any,
    wide_light: Any,
    wide_chroma: Any,
    blue_tile: Any,
    red_tile: Any,
    luma_tile: Any,
    out_y: Any,
    out_u: Any,
    out_v: Any,
) -> None:
    """Draws bands `first` to `last` - 1. All scratch belongs to the caller's thread.

    acc_* (BAND_ROWS * stride) uint16 and touched (BAND_ROWS * stride / 16) uint8 must be zero, and are again after.
    """
    height = out_y.shape[0]
    stride = acc_r.shape[0] // BAND_ROWS
    for band in range(first, last):
        top = band * BAND_ROWS
        rows = min(BAND_ROWS, height - top)
        for entry in range(starts[band], starts[band + 1]):
            i = order[entry]
            c = classes[i]
            x = float(place[0, i])
            y = float(place[1, i])
            step_x = float(place[2, i])
            step_y = float(place[3, i])
            for _ in range(counts[i]):
                _splat(
                    acc_r,
                    acc_g,
                    acc_b,
                    touched,
                    stride,
                    top,
                    rows,
                    sprites,
                    sprite_table[0, c],
                    sprite_table[1, c],
                    sprite_table[2, c],
                    sprite_table[3, c],
                    sprite_table[4, c],
                    x,
                    y,
                    np.uint32(gains[0, i]),
                    np.uint32(gains[1, i]),
                    np.uint32(gains[2, i]),
                )
                x += step_x
                y += step_y
        _background(
            top,
            rows,
            light,
            codes,
            dither,
            wide_codes,
            wide_light,
            wide_chroma,
            out_y,
            out_u,
            out_v,
            acc_r,
            acc_g,
            acc_b,
            touched,
            stride,
            shift,
            blue_tile,
            red_tile,
            luma_tile,
        )


@njit(nogil=True, cache=True, error_model="numpy")
def _load(codes: Any, light: Any, row: int, wide_codes: Any, wide_light: Any, wide_chroma: Any) -> None:
    slot = row & 3
    _widen(codes[0], row, wide_codes[slot])
    _widen_half(codes[1], row, wide_chroma[slot, 0])
    _widen_half(codes[2], row, wide_chroma[slot, 1])
    for channel in range(3):
        _widen_light(light[channel], row, wide_light[slot, channel])


@njit(nogil=True, cache=True, error_model="numpy")
def _background(
    top: int,
    rows: int,
    light: Any,
    codes: Any,
    dither: Any,
    wide_codes: Any,
    wide_light: Any,
    wide_chroma: Any,
    out_y: Any,
    out_u: Any,
    out_v: Any,
    acc_r: Any,
    acc_g: Any,
    acc_b: Any,
    touched: Any,
    stride: int,
    shift: Any,
    blue_tile: Any,
    red_tile: Any,
    luma_tile: Any,
) -> None:
    """A band from the field, two rows at a time, and on each pair the blocks that sprites touched."""
    quarter = top >> 2
    _load(codes, light, quarter, wide_codes, wide_light, wide_chroma)
    _load(codes, light, quarter + 1, wide_codes, wide_light, wide_chroma)
    flat_light = wide_light.reshape(-1)
    flat_dither = dither.reshape(-1)
    plane = wide_light.shape[2]
    for pair in range(rows // 2):
        y = top + 2 * pair
        # Row j of the quarter picture is row j + 1 of the bordered one.
        j = y >> 2
        lower = (y >> 1) & 1
        if lower == 0:
            _load(codes, light, j + 2, wide_codes, wide_light, wide_chroma)
        above = (j + lower) & 3
        below = (j + lower + 1) & 3
        for k in range(2):
            _luma_row(
                wide_codes[above], wide_codes[below], _weight_above(y + k), dither[(y + k) & 63], out_y[y + k]
            )
        weight = 3 if lower else 1
        _chroma_row(wide_chroma[above, 0], wide_chroma[below, 0], weight, out_u[y >> 1])
        _chroma_row(wide_chroma[above, 1], wide_chroma[below, 1], weight, out_v[y >> 1])
        _lit_pair(
            acc_r,
            acc_g,
            acc_b,
            touched,
            stride,
            2 * pair,
            y,
            flat_light,
            above * 3 * plane,
            below * 3 * plane,
            plane,
            flat_dither,
            shift,
            blue_tile,
            red_tile,
            luma_tile,
            out_y,
            out_u,
            out_v,
        )


@njit(nogil=True, cache=True, error_model="numpy")
def _lit_pair(
    acc_r: Any,
    acc_g: Any,
    acc_b: Any,
    touched: Any,
    stride: int,
    row: int,
    y: int,
    wide_light: Any,
    above: int,
    below: int,
    plane: int,
    dither: Any,
    shift: Any,
    blue_tile: Any,
    red_tile: Any,
    luma_tile: Any,
    out_y: Any,
    out_u: Any,
    out_v: Any,
) -> None:
    """The touched blocks of rows y and y + 1 (rows `row` and `row` + 1 of the band); leaves zeros behind."""
    width = out_y.shape[1]
    blocks = stride // LANES
    for block in range(blocks):
        upper = np.uint64(row * blocks + block)
        lower = upper + np.uint64(blocks)
        if touched[upper] == 0 and touched[lower] == 0:
            continue
        touched[upper] = 0
        touched[lower] = 0
        x0 = (block - 1) * LANES
        start = row * stride + block * LANES
        if x0 >= 0 and x0 < width:
            _lit_block(
                acc_r,
                acc_g,
                acc_b,
                start,
                stride,
                wide_light,
                above + x0,
                below + x0,
                plane,
                6 if y & 2 else 2,
                dither,
                (y & 63) * plane + x0,
                shift,
                blue_tile,
                red_tile,
                luma_tile,
            )
            _store(blue_tile, red_tile, luma_tile, shift, y, x0, min(LANES, width - x0), out_y, out_u, out_v)
        for k in range(2):
            at = np.uint64(start + k * stride)
            for i in range(LANES):
                n = np.uint64(i)
                acc_r[at + n] = 0
                acc_g[at + n] = 0
                acc_b[at + n] = 0


@njit(inline="always", error_model="numpy")
def _chroma(tile: Any, i: Any, offset: Any, scale: Any) -> Any:
    code = offset + scale * (tile[2 * i] + tile[2 * i + 1])
    return np.uint8(np.int32(max(_F(16.0), min(_F(240.0), code))))


@njit(nogil=True, cache=True, error_model="numpy")
def _store(
    blue_tile: Any,
    red_tile: Any,
    luma_tile: Any,
    shift: Any,
    y: int,
    x0: int,
    columns: int,
    out_y: Any,
    out_u: Any,
    out_v: Any,
) -> None:
    """A block's luma, and its chroma as the mean of each two by two pixels; `columns` is even, 16 or fewer."""
    half_y = y >> 1
    half_x = x0 >> 1
    blue = _F(128.5) + shift[1]
    red = _F(128.5) + shift[2]
    if columns == LANES:
        for i in range(LANES):
            out_y[y, x0 + i] = luma_tile[i]
            out_y[y + 1, x0 + i] = luma_tile[LANES + i]
        for i in range(LANES // 2):
            out_u[half_y, half_x + i] = _chroma(blue_tile, i, blue, _F(56.0 / 1.8556))
            out_v[half_y, half_x + i] = _chroma(red_tile, i, red, _F(56.0 / 1.5748))
    else:
        for i in range(columns):
            out_y[y, x0 + i] = luma_tile[i]
            out_y[y + 1, x0 + i] = luma_tile[LANES + i]
        for i in range(columns // 2):
            out_u[half_y, half_x + i] = _chroma(blue_tile, i, blue, _F(56.0 / 1.8556))
            out_v[half_y, half_x + i] = _chroma(red_tile, i, red, _F(56.0 / 1.5748))
