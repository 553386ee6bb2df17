"""Struck, plucked and modulated sounds: partials, strings, and frequency modulation.

FM: Chowning, "The synthesis of complex audio spectra by means of frequency modulation", 1973. String: Karplus
and Strong, 1983, tuned with an all-pass as in Jaffe and Smith, 1983, and begun as a string that is pulled
aside. Partials: sines of f n sqrt(1 + B n^2), the stiff string of Fletcher, 1964; each is a rotating phasor.
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
_ATTACK_SAMPLES = 30.0
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
    """`spacing` 1 is harmonic; bars and tines have wider ones."""

    partials: float = 10.0
    stiffness: float = 0.0003
    tilt: float = 1.2  # partial n is n to the power of -tilt
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
def _pulled(size: int, pick: float, bright: float, seed: int) -> Any:
    """The line of a string that is pulled aside at `pick` of its length: two steps, rounded off, and some
    noise.
    """
    line = np.zeros(size)
    reach = max(1, int(size * pick))
    low = -reach / (size - reach)
    soft = 0.0
    for _ in range(2):  # the second turn, so that the end of the line meets its beginning
        for n in range(size):
            shape = 1.0 if n < reach else low
            soft += bright * (shape + _SCRATCH * white(seed, n) - soft)
            line[n] = soft
    line -= line.mean()
    line *= 0.35 / (math.sqrt(np.mean(line * line)) + 1e-9)
    return line


@njit(cache=True, nogil=True, error_model="numpy")
def add_string(out: Any, start: int, gate: int, hertz: float, velocity: float, patch: Any, seed: int) -> None:
    rate = float(SAMPLE_RATE_HZ)
    blend = 0.5 * patch.damping  # of the sample before: the loop's low-pass
    length = rate / hertz - blend
    size = int(length - 0.1)
    tune = length - size
    allpass = (1.0 - tune) / (1.0 + tune)
    line = _pulled(size, patch.pick, min(0.98, patch.brightness * (0.5 + 0.6 * velocity)), seed)
    keep = 10.0 ** (-3.0 / (patch.decay * hertz * (220.0 / hertz) ** 0.5))
    end = math.exp(-4.6 / (patch.release * rate))
    hum = patch.body
    hum_fall = math.exp(-4.0 / (patch.decay * rate))
    gain = velocity
    before = last = x1 = 0.0
    at = 0
    side = patch.width * white(seed, 9_999)
    left = math.sqrt(0.5 * (1.0 - side))
    right = math.sqrt(0.5 * (1.0 + side))
    for n in range(min(gate + int(8.0 * rate), out.shape[0] - start)):
        sample = line[at]
        filtered = (1.0 - blend) * sample + blend * before
        before = sample
        last = allpass * (filtered - last) + x1
        x1 = filtered
        line[at] = keep * last
        at = at + 1 if at + 1 < size else 0
        if n >= gate:
            gain *= end
            if gain < 1e-4:
                break
        if patch.body > 0.0:
            hum *= hum_fall
            sample += hum * sine(hertz * n / rate)
        sample *= gain * min(1.0, n / _ATTACK_SAMPLES)
        out[start + n, 0] += left * sample
        out[start + n, 1] += right * sample


@njit(cache=True, nogil=True, error_model="numpy")
def add_partials(
    out: Any, start: int, gate: int, hertz: float, velocity: float, patch: Any, seed: int
) -> None:
    rate = float(SAMPLE_RATE_HZ)
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
        fall = math.exp(-(k**patch.decay_tilt) / (patch.decay * slow * rate))
        _add_partial(out[start : start + longest], gate, f, strength, fall, patch, seed + 31 * k)
    if patch.knock > 0.0:
        _add_knock(out[start : start + longest], patch.knock * velocity, seed + 5)


@njit(cache=True, nogil=True, error_model="numpy")
def _add_partial(
    out: Any, gate: int, hertz: float, strength: float, fall: float, patch: Any, seed: int
) -> None:
    rate = float(SAMPLE_RATE_HZ)
    end = math.exp(-4.6 / (patch.release * rate))
    up = 1.0 / max(1.0, patch.attack * rate)
    angle = 2.0 * math.pi * hertz / rate
    cos, sin = math.cos(angle), math.sin(angle)
    turn = math.pi * white(seed, 1)
    re, im = math.cos(turn), math.sin(turn)
    side = patch.width * white(seed, 2)
    left = strength * math.sqrt(0.5 * (1.0 - side))
    right = strength * math.sqrt(0.5 * (1.0 + side))
    body = gain = sway = 1.0
    level = 0.0
    for n in range(out.shape[0]):
        level = min(1.0, level + up)
        body = patch.sustain + (body - patch.sustain) * fall
        if n >= gate:
            gain *= end
        turned = re * cos - im * sin
        im = re * sin + im * cos
        re = turned
        if n % _CONTROL_SAMPLES == 0:
            sway = 1.0 + patch.tremolo_depth * sine(patch.tremolo_hz * n / rate)
        value = im * level * body * gain * sway
        out[n, 0] += left * value
        out[n, 1] += right * value


@njit(cache=True, nogil=True, error_model="numpy")
def _add_knock(out: Any, strength: float, seed: int) -> None:
    """The hammer on the wood: 30 ms of dull noise."""
    soft = 0.0
    for n in range(min(out.shape[0], 1323)):
        soft += 0.25 * (white(seed, n) - soft)
        value = strength * soft * math.exp(-n / 265.0) * min(1.0, n / 20.0)
        out[n, 0] += value
        out[n, 1] += value
