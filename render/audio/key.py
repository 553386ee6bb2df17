"""The key of a track: 24 keys, by how well the tones that sound fit each, tuning and bass considered.

Tones become twelve pitch classes, overtones counting little; the classes are correlated with what is usual
in each key. The profiles are those of Temperley (Kostka and Payne's corpus, 1999), of Albrecht and Shanahan
(2013) and of Faraldo (`bgate`, 2017: electronic music, whose minor has a low seventh). Which class the bass
rests on, and which ones are there at the beginning and at the end, decide between keys that share tones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from render.audio.tones import FRAME_RATE_HZ, Tones

NAMES = {  # with the fewest accidentals, as musicians write them
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
}
_MAJOR = (
    (1.00, 0.00, 0.42, 0.00, 0.53, 0.37, 0.00, 0.77, 0.00, 0.38, 0.21, 0.30),
    (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
    (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
)
_MINOR = (
    (1.00, 0.00, 0.36, 0.39, 0.00, 0.38, 0.00, 0.74, 0.27, 0.00, 0.42, 0.23),
    (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
    (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
)
_OVERTONES = np.array([19.02, 27.86, 31.02, 33.69])  # semitones: the third, fifth, sixth, seventh
_OVERTONE_SHARE = 0.2
_BASS_WEIGHT = 5.0  # beside other tones
_FAINTER = 1.4  # how much louder an overtone may be than its tone, as a natural logarithm of power: 6 dB
_BASS_BELOW = 31.0  # semitones above A0: 165 Hz
_FROM_A_TO_C = 3
_BASS_SHARE, _OPENING_SHARE, _ENDING_SHARE = 0.25, 0.5, 0.15
_END_FRAMES = int(2 * FRAME_RATE_HZ)
_FEWEST_CLASSES = 3
_HEARD = 0.15  # of the strongest class
_SURE = 0.08  # a margin of that over the next best key gives a confidence of 0.63
_FIT = 0.55  # a correlation below that is no key's
_SHORTEST_SECONDS = 1.0  # of tones

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Key:
    """`name` such as "C# minor" or "Eb major"; None where there is none. `confidence` is 0..1."""

    name: str | None
    confidence: float


NONE = Key(None, 0.0)


def key_of(chroma: Array, bass: Array) -> Key:
    """The key of what `chromas` made of a whole track."""
    whole = chroma.sum(axis=0)
    sounding = np.count_nonzero(chroma.max(axis=1) > 0.0) / FRAME_RATE_HZ
    if sounding < _SHORTEST_SECONDS or np.count_nonzero(whole > _HEARD * whole.max()) < _FEWEST_CLASSES:
        return NONE
    sounds = np.flatnonzero(chroma.max(axis=1) > 0.05)
    opening, ending = sounds[:_END_FRAMES], sounds[-_END_FRAMES:]
    fits = correlations(whole)
    if fits.max() < _FIT:
        return NONE
    scores = fits.copy()
    for share, frames in ((_BASS_SHARE, sounds), (_OPENING_SHARE, opening), (_ENDING_SHARE, ending)):
        scores += share * np.tile(_rest(chroma[frames], bass[frames]), 2)
    number = int(scores.argmax())
    margin = float(scores[number] - np.delete(scores, number).max())
    mode = "major" if number < 12 else "minor"
    name = f"{NAMES[mode][number % 12]} {mode}"
    return Key(name, 1.0 - math.exp(-margin / _SURE))


def chromas(tones: Tones, off: float) -> tuple[Array, Array]:
    """(frames, 12) from C: of all tones and of the bass, each frame 0..1 by its own strongest tone."""
    strength = np.zeros(tones.frames)
    np.maximum.at(strength, tones.frame, np.exp(0.25 * tones.level))
    chroma, bass = np.zeros((tones.frames, 12)), np.zeros((tones.frames, 12))
    if not len(tones.pitch):
        return chroma, bass
    weight = np.exp(0.25 * tones.level) / strength[tones.frame]
    weight *= _own_shares(tones.frame, tones.pitch, tones.level, _OVERTONES, _OVERTONE_SHARE)
    pitch = tones.pitch - off - _FROM_A_TO_C
    _add(chroma, tones.frame, pitch, weight)
    is_low = tones.pitch < _BASS_BELOW
    _add(bass, tones.frame[is_low], pitch[is_low], weight[is_low])
    loud = (strength / strength.max())[:, None]
    return chroma * loud, bass * loud


def _add(chroma: Array, frame: NDArray[np.int64], pitch: Array, weight: Array) -> None:
    """A tone between two classes is not counted: its share falls with its distance from the middle."""
    nearest = np.round(pitch)
    near = np.cos(np.pi * (pitch - nearest)) ** 2
    np.add.at(chroma, (frame, nearest.astype(np.int64) % 12), weight * near)


@njit(nogil=True, cache=True, error_model="numpy")
def _own_shares(frame: Any, pitch: Any, level: Any, overtones: Any, share: float) -> Any:
    """1 for a tone of its own, `share` for what may be an overtone of a lower one of the same frame."""
    out = np.ones(frame.shape[0])
    first = 0
    for k in range(frame.shape[0]):
        if frame[k] != frame[first]:
            first = k
        for lower in range(first, k):
            if level[lower] < level[k] - _FAINTER:
                continue
            for overtone in overtones:
                if abs(pitch[k] - pitch[lower] - overtone) < 0.25:
                    out[k] = share
    return out


def correlations(chroma: Array) -> Array:
    """(24): major keys from C, then minor ones; the mean correlation with the profiles."""
    classes = _standard(chroma)
    turned = (np.arange(12)[None, :] - np.arange(12)[:, None]) % 12  # by tonic and class
    fits = [_standard(np.array(profiles))[:, turned] @ classes for profiles in (_MAJOR, _MINOR)]
    return np.concatenate([fit.mean(axis=0) for fit in fits])


def _standard(values: Array) -> Array:
    """Of mean 0 and length 1 along the last axis, so that a product of two is their correlation."""
    values = values - values.mean(axis=-1, keepdims=True)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-12))


def _rest(chroma: Array, bass: Array) -> Array:
    """(12), of sum 1: what these frames rest on, the bass above all."""
    classes = chroma.sum(axis=0) + _BASS_WEIGHT * bass.sum(axis=0)
    return np.asarray(classes / max(classes.sum(), 1e-12))
