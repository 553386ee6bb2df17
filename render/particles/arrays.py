"""The arrays that the kernels share, bundled by what they are: a kernel takes a few bundles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
UInt8 = NDArray[np.uint8]
UInt16 = NDArray[np.uint16]


class Particles(NamedTuple):
    """One column a particle. `past` notes positions for trails; without trails it has no slots."""

    state: Float64  # (motion.STATE_ROWS, n)
    traits: Float64  # (motion.TRAIT_ROWS, n)
    looks: Float64  # (lights.LOOK_ROWS, n)
    born: Int32  # (n) tick
    alive: UInt8  # (n)
    free: Int32  # (n) stack of free slots
    counters: Int64  # (3) alive, free, born so far
    owed: Float64  # (1) births not yet made, below 1
    past: Float32  # (slots, 2, n)


class Items(NamedTuple):
    """What is to be drawn: rows of equal samples, each a sprite at a place."""

    place: Float32  # (4, n): x, y of the first sample in pixels, step to the next
    classes: Int32  # (n) row of the sprite sheet
    counts: Int32  # (n) samples
    gains: UInt16  # (3, n) light of a sample, canvas.UNIT is 1


class Order(NamedTuple):
    """The items of each band: order[starts[band]:starts[band + 1]]."""

    starts: Int64
    order: Int32


class Sprites(NamedTuple):
    weights: UInt16  # flat
    table: Int64  # (5, classes): offset, chunks of sixteen columns, side, reach, phases


class Field(NamedTuple):
    """Stage and haze at a quarter of the size, with borders of one: light, and codes times FIELD_SCALE."""

    light: Float32  # (3, qh + 2, qw + 2)
    codes: Int32  # (3, qh + 2, qw + 2)
    shift: Float32  # (3) added to code values
    dither: Int32  # (64, 4 * qw) 0..4095


class Band(NamedTuple):
    """Scratch of one thread: a band's sums of light, flat, with sixteen columns to spare at each side."""

    red: UInt16
    green: UInt16
    blue: UInt16
    touched: UInt8  # a flag for each eight columns of a row


class Rows(NamedTuple):
    """Scratch of one thread: four rows of the field at full width, and a run of lit pixels."""

    codes: Int32  # (4, width)
    light: Float32  # (4, 3, width)
    chroma: Int32  # (4, 2, width / 2)
    cb: Float32  # (width)
    cr: Float32  # (width)
    luma: UInt8  # (2 * width)


class Planes(NamedTuple):
    y: UInt8
    u: UInt8
    v: UInt8
