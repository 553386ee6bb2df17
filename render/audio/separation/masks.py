"""Who owns which bin: masks from the spectrum of a stereo pair, which with what they leave sum to 1.

Struck sounds are upright in the spectrum and tones lie flat: medians over frequency and time tell them apart
(Fitzgerald, 2010). Of the tones the bass is the comb of the lowest voice, and the vocals are the comb of the
voice that is in the middle, moves, and stands out from what merely goes on. What is left is `other`.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from render.audio.separation.medians import over_frequency, over_time
from render.audio.separation.pitch import Search, comb, followed
from render.audio.separation.spectrum import Array, Complex, Grid

TONE_SECONDS, STROKE_HZ = 0.35, 226.0  # what is longer than half of it is a tone; what is wider, a stroke
VOICE_SECONDS, VOICE_WIDTH_HZ = 0.16, 334.0  # the same for the voice, whose tones glide
GOING_ON_SECONDS = 0.4
BRIGHT_HZ = (3000.0, 6000.0)  # from here to there what is in doubt becomes a stroke's: cymbals
BRIGHT_FAVOUR = 4.0
SUBSONIC_HZ = 25.0  # below it, DC included, nobody plays
LOWEST_TONE_HZ = 110.0  # harmonic sound below it is the bass's, comb or not
BASS_CORNER_HZ = 150.0
VOICE_TOP_HZ = 9000.0
DOUBT = np.float32(0.25)  # the voice's share of tones in the middle where none is followed: it may be missed
LEAST_SHARE = 0.001

VOICE = Search(
    lowest_hz=90.0, octaves=3.2, partials=10, decay=0.75, top_hz=3500.0, silence=0.4, jump=0.03, turn=1.0
)
BASS = Search(
    lowest_hz=32.0, octaves=2.6, partials=6, decay=0.88, top_hz=900.0, silence=0.35, jump=0.05, turn=0.4
)


def shares(left: Complex, right: Complex, grid: Grid) -> dict[str, Array]:
    """The shares 0..1 of drums, bass and vocals in a pair of spectra, all (frames, bins); what they leave is
    `other`'s. A mono mix is the same spectrum twice.
    """
    power = ((np.square(np.abs(left)) + np.square(np.abs(right))) / 2).astype(np.float32) + np.float32(1e-10)
    middle = np.clip((left * right.conj()).real / power, 0, 1).astype(np.float32)
    level = np.sqrt(power)
    tonal = _tonal(level, grid.frames(TONE_SECONDS), grid.bins(STROKE_HZ))
    gliding = _tonal(level, grid.frames(VOICE_SECONDS), grid.bins(VOICE_WIDTH_HZ))
    voice = _voice_comb(level, gliding, middle, grid)
    bass = _bass_comb(level, tonal, middle, grid)
    tonal = _brightened(tonal, grid)
    tonal += voice * middle * np.maximum(gliding - tonal, 0)
    unheard = DOUBT * np.square(middle)
    return _shared_out(tonal, bass, unheard + (1 - unheard) * voice * middle ** np.float32(0.6), grid)


def _tonal(level: Array, frames: int, bins: int) -> Array:
    """0..1: how much of each bin lies flat (Wiener's mask of the two medians)."""
    flat, upright = np.square(over_time(level, frames)), np.square(over_frequency(level, bins))
    flat /= flat + upright + np.float32(1e-12)
    return flat


def _brightened(tonal: Array, grid: Grid) -> Array:
    low, high = BRIGHT_HZ
    favour = 1 + (BRIGHT_FAVOUR**2 - 1) * np.clip((grid.frequencies - low) / (high - low), 0, 1)
    return np.asarray(tonal / (tonal + (1 - tonal) * favour + 1e-9), np.float32)


def _voice_comb(level: Array, gliding: Array, middle: Array, grid: Grid) -> Array:
    """Partials of the voice: of what glides or holds, in the middle, and more than merely goes on."""
    going_on = over_time(level, grid.frames(GOING_ON_SECONDS))
    strength = np.maximum(level * gliding - np.float32(1.1) * going_on, 0) * middle**6
    colour = uniform_filter1d(np.sqrt(np.square(strength).mean(axis=0)), grid.bins(640.0), mode="constant")
    strength = (strength / (colour + 1e-6)) ** np.float32(0.4)
    strength[:, grid.frequencies < 240.0] *= 0.2
    pitch = followed(strength, grid.bin_hz, VOICE)
    top = min(VOICE_TOP_HZ, grid.rate_hz / 2)
    return np.asarray(comb(pitch, level.shape[1], grid.bin_hz, top, 25.0, 0.025), np.float32)


def _bass_comb(level: Array, tonal: Array, middle: Array, grid: Grid) -> Array:
    count = int(1000.0 / grid.bin_hz)
    frequencies = grid.frequencies[:count]
    lowest = np.ascontiguousarray(level[:, :count])
    strength = np.sqrt(lowest * tonal[:, :count]) * middle[:, :count]
    strength = np.minimum(strength, 1.5 * np.sqrt(over_time(lowest, grid.frames(0.4))))
    strength[:, frequencies > 400.0] *= 0.5
    pitch = followed(strength, grid.bin_hz, BASS)
    lines = comb(pitch, level.shape[1], grid.bin_hz, 2 * BASS_CORNER_HZ, 14.0, 0.03)
    return np.asarray(lines / (1 + (grid.frequencies / BASS_CORNER_HZ) ** 4), np.float32)


def _shared_out(tonal: Array, bass: Array, voice: Array, grid: Grid) -> dict[str, Array]:
    frequencies = grid.frequencies
    struck = 1 - tonal
    struck[:, frequencies < 140.0] *= 1 - bass[:, frequencies < 140.0]
    tones = 1 - struck
    voice[:, frequencies < 100.0] = 0.0
    low = tones * bass
    sung = (tones - low) * voice
    deep = frequencies < LOWEST_TONE_HZ
    low[:, deep] = (tones - sung)[:, deep]
    for share in (struck, low, sung):
        share *= 1 - 4 * LEAST_SHARE
        share += LEAST_SHARE
        share[:, frequencies < SUBSONIC_HZ] = 0.0
    return {"drums": struck, "bass": low, "vocals": sung}
