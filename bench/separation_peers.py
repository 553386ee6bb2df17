"""What separation is measured beside: librosa's HPSS with a low-pass, and masks of who knows the answer."""

from __future__ import annotations

from collections.abc import Mapping

import librosa
import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from bench.known_stems import STEMS
from bench.known_tones import RATE_HZ
from render.audio.separation.spectrum import Grid

Sound = NDArray[np.float32]

BASS_HZ = 150.0


def hpss_and_low_pass(mix: Sound) -> dict[str, Sound]:
    """The percussive part is the drums, the harmonic one below 150 Hz the bass.

    The rest is shared evenly, since HPSS knows nothing of voices.
    """
    harmonic, percussive = (part.T for part in librosa.effects.hpss(mix.T))
    bass = low_pass(harmonic)
    rest = (harmonic - bass) / 2
    return {"drums": percussive, "bass": bass, "vocals": rest, "other": rest}


def low_pass(sound: Sound) -> Sound:
    low = butter(4, BASS_HZ, "lowpass", fs=RATE_HZ, output="sos")
    return np.asarray(sosfiltfilt(low, sound, axis=0), np.float32)


def ideal_masks(mix: Sound, stems: Mapping[str, Sound]) -> dict[str, Sound]:
    """The ratio masks of the true stems, on our own grid: what no mask of this kind can pass."""
    grid = Grid(RATE_HZ)
    found = {stem: np.empty_like(mix) for stem in STEMS}
    for side in range(mix.shape[1]):
        powers = {stem: np.square(np.abs(grid.analyse(stems[stem][:, side]))) for stem in STEMS}
        whole = sum(powers.values()) + np.float32(1e-12)
        spectrum = grid.analyse(mix[:, side])
        for stem in STEMS:
            found[stem][:, side] = grid.synthesise(spectrum * (powers[stem] / whole), len(mix))
    return found


def sdr_db(true: NDArray[np.floating], found: NDArray[np.floating]) -> float:
    """Signal to distortion over the whole length: 10 log10(|s|^2 / |s - e|^2), as in the MDX challenge."""
    wrong = np.square(np.subtract(true, found, dtype=np.float64)).sum()
    return float(10 * np.log10(np.square(true, dtype=np.float64).sum() / max(wrong, 1e-20)))


def second_by_second_db(true: Sound, found: Sound) -> float:
    """The median of `sdr_db` over seconds in which the stem sounds (museval's frames, without its filter)."""
    count = len(true) // RATE_HZ
    pieces = [slice(number * RATE_HZ, (number + 1) * RATE_HZ) for number in range(count)]
    heard = [piece for piece in pieces if np.square(true[piece]).mean() > 1e-6]
    return float(np.median([sdr_db(true[piece], found[piece]) for piece in heard])) if heard else float("nan")
