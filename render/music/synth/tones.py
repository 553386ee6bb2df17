"""Struck, plucked and modulated sounds: partials, strings, and frequency modulation.

FM: Chowning, "The synthesis of complex audio spectra by means of frequency modulation", 1973. String:
Karplus and
Strong, 1983, tuned with an all-pass as in Jaffe and Smith, 1983, and begun as a string that is pulled aside.
Partials: sines of f n sqrt(1 + B n^2), the
stiff string of Fletcher, 1964; each is a rotating phasor.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from render.music.synth.clock import SAMPLE_RATE_HZ
from render.music.synth.curves import sine
from render.music.synth.noise import white

_TOP_HZ = 15_000.0
_SILENCE = 3e-4  # -70 dB
_RADIANS = 0.5 / math.pi  # one radian in turns
_CONTROL_SAMPLES = 16  # tremolo moves in steps of 0.36 ms
_SCRATCH = 0.35  # noise in the shape of a plucked string


class Modulated(NamedTuple):
    """Two carriers, each with a modulator: the body and the ting of its attack. Times in seconds."""

    ratio: float = 1.0
    depth: float = 1.5
    depth_decay: float = 0.4
    depth_floor: float = 0.2
    ting_ratio: float = 14.0
    ting_level: float = 0.15
    ting_depth: float = 0.6
    ting_decay: float = 0.08
    attack: float = 0.002
    decay: float = 1.2
    release: float = 0.12
    tremolo_hz: float = 0.0
    tremolo_depth: float = 0.0
    detune_cents: float = 3.0


class String(NamedTuple):
    decay: float = 2.0  # seconds to -60 dB at 220 Hz
    brightness: float = 0.6  # of the pluck, 0..1
    damping: float = 0.3  # of the loop, 0..1
    pick: float = 0.18  # where the string is plucked, of its length
    release: float = 0.08
    width: float = 0.2
    body: float = 0.0  # a sine under the string, for basses


class Partials(NamedTuple):
    """`spacing` 1 is harmonic; `odd` keeps that much of the even ones."""

    partials: float = 10.0
    stiffness: float = 0.0003
    tilt: float = 1.2  # partial n is n to the power of -tilt
    even: float = 1.0
    spacing: float = 1.0
    decay: float = 1.6  # of the first partial, at 261 Hz, to 1/e
    decay_tilt: float = 0.7  # partial n decays n to this power faster
    sustain: float = 0.0
    attack: float = 0.002
    release: float = 0.15
    knock: float = 0.0
    tremolo_hz: float = 0.0
    tremolo_depth: float = 0.0
    width: float = 0.3


@njit(cache=True, nogil=True, error_model="numpy")
def add_modulated(
    out: Any, start: int, gate: int, hertz: float, velocity: float, patch: Any, seed: int
) -> None:
    rate = float(SAMPLE_RATE_HZ)
    step = hertz / rate
    off = 2.0 ** (patch.detune_cents / 1200.0)
    level = 0.0
    body = 1.0
    up = 1.0 / max(1.0, patch.attack * rate)
    fall = math.exp(-1.0 / (patch.decay * rate * (261.63 / hertz) ** 0.4))
    end = math.exp(-4.6 / (patch.release * rate))
    depth = patch.depth * (0.4 + 0.8 * velocity)
    depth_fall = math.exp(-1.0 / (patch.depth_decay * rate))
    ting = patch.ting_level * (0.2 + velocity)
    if hertz * patch.ting_ratio > _TOP_HZ:
        ting = 0.0
    ting_fall = math.exp(-1.0 / (patch.ting_decay * rate))
    wobble = patch.tremolo_hz / rate
    sway = 0.0
    for n in range(out.shape[0] - start):
        level = min(1.0, level + up)
        body *= fall
        if n >= gate:
            body *= end
        if body < _SILENCE:
            break
        place = n * step
        bent = (patch.depth_floor + depth) * _RADIANS * sine(patch.ratio * place)
        depth *= depth_fall
        x = sine(place + bent)
        y = sine(place * off + bent)
        if ting > 1e-4:
            bell = ting * sine(place + _RADIANS * patch.ting_depth * sine(patch.ting_ratio * place))
            x += bell
            y += bell
            ting *= ting_fall
        if n % _CONTROL_SAMPLES == 0:
            sway = patch.tremolo_depth * sine(wobble * n)
        gain = level * body * velocity * 0.7
        out[start + n, 0] += gain * (1.0 + sway) * x
        out[start + n, 1] += gain * (1.0 - sway) * y


@njit(cache=True, nogil=True, error_model="numpy")
def add_string(out: Any, start: int, gate: int, hertz: float, velocity: float, patch: Any, seed: int) -> None:
    rate = float(SAMPLE_RATE_HZ)
    blend = 0.5 * patch.damping  # of the sample before: the loop's low-pass
    length = rate / hertz - blend
    size = int(length - 0.1)
    tune = length - size
    allpass = (1.0 - tune) / (1.0 + tune)
    line = np.zeros(size)
    soft = 0.0
    bright = min(0.98, patch.brightness * (0.5 + 0.6 * velocity))
    pick = max(1, int(size * patch.pick))
    low = -pick / (size - pick)
    for _ in range(2):  # the second turn, so that the end of the line meets its beginning
        for n in range(size):
            shape = 1.0 if n < pick else low
            soft += bright * (shape + _SCRATCH * white(seed, n) - soft)
            line[n] = soft
    line -= line.mean()
    strength = math.sqrt(np.mean(line * line)) + 1e-9
    line *= 0.35 / strength
    keep = 10.0 ** (-3.0 / (patch.decay * hertz * (220.0 / hertz) ** 0.5))
    end = math.exp(-4.6 / (patch.release * rate))
    up = 1.0 / 30.0
    level = 0.0
    gain = velocity
    before = 0.0
    last = 0.0
    x1 = 0.0
    at = 0
    block = 0.0
    hum = 1.0
    hum_step = hertz / rate
    hum_fall = math.exp(-4.0 / (patch.decay * rate))
    side = patch.width * white(seed, 9_999)
    left = math.sqrt(0.5 * (1.0 - side))
    right = math.sqrt(0.5 * (1.0 + side))
    longest = gate + int(8.0 * rate)
    for n in range(min(longest, out.shape[0] - start)):
        sample = line[at]
        filtered = (1.0 - blend) * sample + blend * before
        before = sample
        tuned = allpass * (filtered - last) + x1
        x1 = filtered
        last = tuned
        line[at] = keep * tuned
        at += 1
        if at == size:
            at = 0
        level = min(1.0, level + up)
        if n >= gate:
            gain *= end
            if gain < 1e-4:
                break
        block = sample * level
        if patch.body > 0.0:
            hum *= hum_fall
            block += patch.body * hum * level * sine(hum_step * n)
        block *= gain
        out[start + n, 0] += left * block
        out[start + n, 1] += right * block


@njit(cache=True, nogil=True, error_model="numpy")
def add_partials(
    out: Any, start: int, gate: int, hertz: float, velocity: float, patch: Any, seed: int
) -> None:
    rate = float(SAMPLE_RATE_HZ)
    end = math.exp(-4.6 / (patch.release * rate))
    up = 1.0 / max(1.0, patch.attack * rate)
    wobble = 2.0 * math.pi * patch.tremolo_hz / rate
    slow = (261.63 / hertz) ** 0.5
    longest = gate + int(1.5 * patch.release * rate)
    if patch.sustain <= 0.0:
        longest = min(longest, int(7.0 * patch.decay * slow * rate))
    longest = min(longest, out.shape[0] - start)
    total = 0.0
    for k in range(1, int(patch.partials) + 1):
        total += k ** (-2.0 * patch.tilt)
    scale = velocity * 0.8 / math.sqrt(total)
    for k in range(1, int(patch.partials) + 1):
        number = 1.0 + (k - 1) * patch.spacing
        f = hertz * number * math.sqrt(1.0 + patch.stiffness * number * number)
        if f > _TOP_HZ:
            break
        strength = scale * k ** (-patch.tilt - 0.8 * (1.0 - velocity))
        if k % 2 == 0:
            strength *= patch.even
        angle = 2.0 * math.pi * f / rate
        cos, sin = math.cos(angle), math.sin(angle)
        turn = math.pi * white(seed, k)
        re, im = math.cos(turn), math.sin(turn)
        side = patch.width * white(seed, 100 + k)
        left = strength * math.sqrt(0.5 * (1.0 - side))
        right = strength * math.sqrt(0.5 * (1.0 + side))
        fall = math.exp(-(k**patch.decay_tilt) / (patch.decay * slow * rate))
        body = 1.0
        level = 0.0
        gain = 1.0
        sway = 1.0
        for n in range(longest):
            level = min(1.0, level + up)
            body = patch.sustain + (body - patch.sustain) * fall
            if n >= gate:
                gain *= end
            nr = re * cos - im * sin
            im = re * sin + im * cos
            re = nr
            value = im * level * body * gain
            if n % _CONTROL_SAMPLES == 0:
                sway = 1.0 + patch.tremolo_depth * math.sin(wobble * n)
            value *= sway
            out[start + n, 0] += left * value
            out[start + n, 1] += right * value
    if patch.knock > 0.0:
        soft = 0.0
        for n in range(min(longest, int(0.03 * rate))):
            soft += 0.25 * (white(seed + 5, n) - soft)
            value = patch.knock * velocity * soft * math.exp(-n / (0.006 * rate)) * min(1.0, n / 20.0)
            out[start + n, 0] += value
            out[start + n, 1] += value
