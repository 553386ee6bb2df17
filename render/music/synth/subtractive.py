"""The analogue way: detuned band-limited oscillators through a 24 dB filter with envelopes.

Oscillators: PolyBLEP (Valimaki and Huovilainen, 2007). Filter: two state variable filters in series,
trapezoidal
(Simper, "Solving the continuous SVF equations using trapezoidal integration", 2013); the second one
resonates.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from numba import njit

from render.music.synth.clock import SAMPLE_RATE_HZ
from render.music.synth.curves import saturated, sine
from render.music.synth.noise import white

SAW, PULSE, TRIANGLE = 0.0, 1.0, 2.0
_CONTROL_SAMPLES = 16  # the filter's cutoff and the vibrato move in steps of 0.36 ms
_SILENCE = 1e-4


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
def add_note(out: Any, start: int, gate: int, hertz: float, velocity: float, patch: Any, seed: int) -> None:
    """Add a note of `gate` samples and its release to the bus."""
    rate = float(SAMPLE_RATE_HZ)
    count = int(patch.voices)
    phase = [0.5 + 0.5 * white(seed, v) for v in range(count)]
    ratio = [1.0] * count
    left = [0.0] * count
    right = [0.0] * count
    for v in range(count):
        side = 0.0 if count == 1 else 2.0 * v / (count - 1) - 1.0
        ratio[v] = 2.0 ** (side * patch.detune_cents / 1200.0)
        place = side * patch.spread * (1.0 if v % 2 == 0 else -1.0)
        left[v] = math.sqrt(0.5 * (1.0 - place)) / math.sqrt(count)
        right[v] = math.sqrt(0.5 * (1.0 + place)) / math.sqrt(count)
    steps = [0.0] * count
    l1 = l2 = l3 = l4 = r1 = r2 = r3 = r4 = 0.0
    sub_phase = 0.0
    sub_step = 0.0
    level = 0.0
    opened = 0.0
    rising = True
    filter_rising = True
    up = 1.0 / max(1.0, patch.attack * rate)
    fall = math.exp(-1.0 / max(1.0, patch.decay * rate))
    end = math.exp(-4.6 / max(1.0, patch.release * rate))
    filter_up = 1.0 / max(1.0, patch.filter_attack * rate)
    filter_fall = math.exp(-1.0 / max(1.0, patch.filter_decay * rate))
    k1 = 1.2
    k2 = 1.2 - 1.1 * patch.resonance
    g = a1 = a2 = a3 = b1 = b2 = b3 = 0.0
    drive = 1.0 + 4.0 * patch.drive
    softer = 1.0 / math.sqrt(drive)
    wide = count > 1
    for n in range(out.shape[0] - start):
        if n < gate:
            if rising:
                level += up
                if level >= 1.0:
                    level = 1.0
                    rising = False
            else:
                level = patch.sustain + (level - patch.sustain) * fall
        else:
            level *= end
            if level < _SILENCE:
                break
        if filter_rising:
            opened += filter_up
            if opened >= 1.0:
                filter_rising = False
        else:
            opened = patch.filter_sustain + (opened - patch.filter_sustain) * filter_fall
        if n % _CONTROL_SAMPLES == 0:
            time = n / rate
            cents = patch.glide_cents * math.exp(-time / patch.glide_seconds)
            if patch.vibrato_cents > 0.0 and time > patch.vibrato_delay:
                depth = min(1.0, (time - patch.vibrato_delay) / 0.3)
                cents += depth * patch.vibrato_cents * math.sin(2.0 * math.pi * patch.vibrato_hz * time)
            step = hertz * 2.0 ** (cents / 1200.0) / rate
            sub_step = 0.5 * step
            for v in range(count):
                steps[v] = min(0.45, step * ratio[v])
            octaves = patch.envelope_octaves * opened + patch.velocity_octaves * (velocity - 0.7)
            cutoff = patch.cutoff_hz * 2.0**octaves * (hertz / 261.63) ** patch.key_track
            g = math.tan(math.pi * min(18_000.0, max(30.0, cutoff)) / rate)
            a1 = 1.0 / (1.0 + g * (g + k1))
            a2 = g * a1
            a3 = g * a2
            b1 = 1.0 / (1.0 + g * (g + k2))
            b2 = g * b1
            b3 = g * b2
        x = 0.0
        y = 0.0
        for v in range(count):
            value = _oscillator(phase[v], steps[v], patch.wave, patch.pulse_width)
            phase[v] += steps[v]
            if phase[v] >= 1.0:
                phase[v] -= 1.0
            x += value * left[v]
            y += value * right[v]
        if patch.sub > 0.0:
            value = patch.sub * sine(sub_phase)
            sub_phase += sub_step
            x += value
            y += value
        if patch.breath > 0.0:
            value = patch.breath * white(seed + 77, n)
            x += value
            y += value
        v3 = x - l2
        v1 = a1 * l1 + a2 * v3
        v2 = l2 + a2 * l1 + a3 * v3
        l1 = 2.0 * v1 - l1
        l2 = 2.0 * v2 - l2
        bright = v2
        v3 = v2 - l4
        v1 = b1 * l3 + b2 * v3
        v2 = l4 + b2 * l3 + b3 * v3
        l3 = 2.0 * v1 - l3
        l4 = 2.0 * v2 - l4
        x = v2 + patch.air * (bright - v2)
        if wide:
            v3 = y - r2
            v1 = a1 * r1 + a2 * v3
            v2 = r2 + a2 * r1 + a3 * v3
            r1 = 2.0 * v1 - r1
            r2 = 2.0 * v2 - r2
            bright = v2
            v3 = v2 - r4
            v1 = b1 * r3 + b2 * v3
            v2 = r4 + b2 * r3 + b3 * v3
            r3 = 2.0 * v1 - r3
            r4 = 2.0 * v2 - r4
            y = v2 + patch.air * (bright - v2)
        else:
            y = x
        if patch.drive > 0.0:
            x = saturated(drive * x) * softer
            y = saturated(drive * y) * softer if wide else x
        gain = level * velocity
        out[start + n, 0] += gain * x
        out[start + n, 1] += gain * y
