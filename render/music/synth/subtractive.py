"""The analogue way: detuned band-limited oscillators through a 24 dB filter with envelopes.

Oscillators: PolyBLEP (Valimaki and Huovilainen, 2007). Filter: two state variable filters in series,
trapezoidal (Simper, "Solving the continuous SVF equations using trapezoidal integration", 2013); the second
one resonates.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from render.music.synth.clock import SAMPLE_RATE_HZ
from render.music.synth.curves import saturated, sine
from render.music.synth.noise import white
from render.music.synth.svf import passed, tuned

SAW, PULSE, TRIANGLE = 0.0, 1.0, 2.0
_CONTROL_SAMPLES = 16  # the filter's cutoff and the vibrato move in steps of 0.36 ms
_SILENCE = 1e-4
_PHASE, _RATIO, _LEFT, _RIGHT, _STEP = range(5)


class Patch(NamedTuple):
    """One sound. All floats, so that a kernel is compiled once; times in seconds, levels 0..1."""

    wave: float = SAW
    pulse_width: float = 0.5
    voices: float = 2.0
    detune_cents: float = 8.0
    spread: float = 0.5
    sub: float = 0.0
    breath: float = 0.0
    cutoff_hz: float = 2000.0
    key_track: float = 0.5
    envelope_octaves: float = 1.0
    velocity_octaves: float = 0.7
    resonance: float = 0.2
    air: float = 0.0  # how much falls by 12 dB an octave instead of 24
    filter_attack: float = 0.002
    filter_decay: float = 0.3
    filter_sustain: float = 0.3
    attack: float = 0.004
    decay: float = 0.3
    sustain: float = 0.7
    release: float = 0.12
    vibrato_hz: float = 5.2
    vibrato_cents: float = 0.0
    vibrato_delay: float = 0.25
    drive: float = 0.0
    glide_cents: float = 0.0
    glide_seconds: float = 0.03


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _residual(place: Any, step: Any) -> Any:
    """What PolyBLEP takes off a falling edge at 0."""
    if place < step:
        x = place / step
        return x + x - x * x - 1.0
    if place > 1.0 - step:
        x = (place - 1.0) / step
        return x * x + x + x + 1.0
    return 0.0


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _oscillator(place: Any, step: Any, wave: Any, width: Any) -> Any:
    if wave == SAW:
        return 2.0 * place - 1.0 - _residual(place, step)
    if wave == PULSE:
        other = place + 1.0 - width
        other -= math.floor(other)
        value = 1.0 if place < width else -1.0
        return value + _residual(place, step) - _residual(other, step) - (2.0 * width - 1.0)
    return 1.0 - 4.0 * abs(place - 0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def _unison(patch: Any, count: int, seed: int) -> Any:
    """For each oscillator its phase, its ratio to the pitch, how loud it is left and right, and room for
    its step.
    """
    voices = np.zeros((5, count))
    for v in range(count):
        side = 0.0 if count == 1 else 2.0 * v / (count - 1) - 1.0
        place = side * patch.spread * (1.0 if v % 2 == 0 else -1.0)
        voices[_PHASE, v] = 0.5 + 0.5 * white(seed, v)
        voices[_RATIO, v] = 2.0 ** (side * patch.detune_cents / 1200.0)
        voices[_LEFT, v] = math.sqrt(0.5 * (1.0 - place) / count)
        voices[_RIGHT, v] = math.sqrt(0.5 * (1.0 + place) / count)
    return voices


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _cents(patch: Any, time: Any) -> Any:
    """How far the pitch is bent: it glides in, and vibrato comes late."""
    cents = patch.glide_cents * math.exp(-time / patch.glide_seconds)
    if patch.vibrato_cents > 0.0 and time > patch.vibrato_delay:
        depth = min(1.0, (time - patch.vibrato_delay) / 0.3)
        cents += depth * patch.vibrato_cents * sine(patch.vibrato_hz * time)
    return cents


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _cutoff_hz(patch: Any, hertz: Any, velocity: Any, opened: Any) -> Any:
    octaves = patch.envelope_octaves * opened + patch.velocity_octaves * (velocity - 0.7)
    wanted = patch.cutoff_hz * 2.0**octaves * (hertz / 261.63) ** patch.key_track
    return min(18_000.0, max(30.0, wanted))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _stepped(level: Any, rising: Any, up: Any, fall: Any, sustain: Any) -> Any:
    """An envelope's next value and whether it still rises: straight up to 1, then towards its sustain."""
    if rising:
        level += up
        return min(1.0, level), level < 1.0
    return sustain + (level - sustain) * fall, False


@njit(cache=True, nogil=True, error_model="numpy")
def add_note(out: Any, start: int, gate: int, hertz: float, velocity: float, patch: Any, seed: int) -> None:
    """Add a note of `gate` samples and its release to the bus."""
    rate = float(SAMPLE_RATE_HZ)
    count = int(patch.voices)
    wide = count > 1
    voices = _unison(patch, count, seed)
    up = 1.0 / max(1.0, patch.attack * rate)
    fall = math.exp(-1.0 / max(1.0, patch.decay * rate))
    end = math.exp(-4.6 / max(1.0, patch.release * rate))
    filter_up = 1.0 / max(1.0, patch.filter_attack * rate)
    filter_fall = math.exp(-1.0 / max(1.0, patch.filter_decay * rate))
    drive = 1.0 + 4.0 * patch.drive
    softer = 1.0 / math.sqrt(drive)
    l1 = l2 = l3 = l4 = r1 = r2 = r3 = r4 = 0.0
    a1 = a2 = a3 = b1 = b2 = b3 = 0.0
    sub_phase = sub_step = level = opened = 0.0
    rising = filter_rises = True
    for n in range(out.shape[0] - start):
        if n < gate:
            level, rising = _stepped(level, rising, up, fall, patch.sustain)
        else:
            level *= end
            if level < _SILENCE:
                break
        opened, filter_rises = _stepped(opened, filter_rises, filter_up, filter_fall, patch.filter_sustain)
        if n % _CONTROL_SAMPLES == 0:
            step = hertz * 2.0 ** (_cents(patch, n / rate) / 1200.0) / rate
            sub_step = 0.5 * step
            for v in range(count):
                voices[_STEP, v] = min(0.45, step * voices[_RATIO, v])
            corner = _cutoff_hz(patch, hertz, velocity, opened)
            a1, a2, a3 = tuned(corner, 1.2)
            b1, b2, b3 = tuned(corner, 1.2 - 1.1 * patch.resonance)
        x = patch.sub * sine(sub_phase) if patch.sub > 0.0 else 0.0
        sub_phase += sub_step
        if patch.breath > 0.0:
            x += patch.breath * white(seed + 77, n)
        y = x
        for v in range(count):
            phase = voices[_PHASE, v]
            value = _oscillator(phase, voices[_STEP, v], patch.wave, patch.pulse_width)
            phase += voices[_STEP, v]
            voices[_PHASE, v] = phase - 1.0 if phase >= 1.0 else phase
            x += value * voices[_LEFT, v]
            y += value * voices[_RIGHT, v]
        bright, _, l1, l2 = passed(x, l1, l2, a1, a2, a3)
        x, _, l3, l4 = passed(bright, l3, l4, b1, b2, b3)
        x += patch.air * (bright - x)
        if wide:
            bright, _, r1, r2 = passed(y, r1, r2, a1, a2, a3)
            y, _, r3, r4 = passed(bright, r3, r4, b1, b2, b3)
            y += patch.air * (bright - y)
        if patch.drive > 0.0:
            x = saturated(drive * x) * softer
            y = saturated(drive * y) * softer
        gain = level * velocity
        out[start + n, 0] += gain * x
        out[start + n, 1] += gain * (y if wide else x)
