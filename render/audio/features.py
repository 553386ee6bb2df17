"""What a track sounds like, once for the whole track, on a grid of 120 Hz: what moves the pictures.

Levels are normalised by the track's own percentiles, attack and release are in seconds, and all curves are
centred: nothing lags. Values are rounded to 16 bits, so that other machines' mathematics libraries give the
same picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.audio import beats, spectrum
from render.audio.decode import mono_blocks
from render.audio.spectrum import FINE_BANDS, SAMPLE_RATE_HZ, TICK_RATE_HZ, Spectrum

__all__ = ["BANDS", "TICK_RATE_HZ", "AudioFeatures", "analyse", "features_of"]

BANDS = 8
_BASS_PERCENTILE = 99.5
_QUIET_BASS = 0.01  # mean magnitude: that of a tone of -76 dB; less than it is never made 1
_SILENCE = 1e-7  # mean square: about -70 dB, below which nothing is made louder

Array = NDArray[np.float32]


@dataclass(frozen=True)
class AudioFeatures:
    """Arrays over ticks of 1/120 s from time 0 to the track's end, float32.

    bass 0..1: mean magnitude up to 250 Hz, relative to the track's 99.5th percentile, cut at 1; bands (n, 8)
    0..1: 40 Hz to 11 kHz in log bands, attack 10 ms, release 200 ms; loudness 0..1: the slow curve over
    seconds; onset 0..1: strength of low onsets (kicks), one tick each; sparkle 0..1: the same of high ones
    (hats); beat_phase 0..1: from one beat to the next (all 0 where there is no beat); beats: seconds.
    """

    duration_seconds: float
    bass: Array
    bands: Array
    loudness: Array
    onset: Array
    sparkle: Array
    beat_phase: Array
    beats: Array

    def save(self, path: str | Path) -> None:
        """Writes a compressed npz."""
        with Path(path).open("wb") as file:
            np.savez_compressed(file, **{item.name: getattr(self, item.name) for item in fields(self)})

    @classmethod
    def load(cls, path: str | Path) -> AudioFeatures:
        """Reads what `save` wrote; raises ValueError or KeyError for anything else. Never unpickles."""
        with np.load(Path(path), allow_pickle=False) as stored:
            values = {item.name: stored[item.name] for item in fields(cls)}
        values["duration_seconds"] = float(values["duration_seconds"])
        return cls(**values)


def analyse(path: str | Path, on_progress: Callable[[float], None] | None = None) -> AudioFeatures:
    """The features of the first audio stream of a file; `on_progress` hears 0..1 of what is read.

    Raises what `mono_blocks` raises.
    """
    expected = max(1, _expected_samples(path))

    def heard(samples: int) -> None:
        if on_progress is not None:
            on_progress(min(0.95, 0.95 * samples / expected))

    features = features_of(spectrum.measure(mono_blocks(path, SAMPLE_RATE_HZ), heard))
    if on_progress is not None:
        on_progress(1.0)
    return features


def _expected_samples(path: str | Path) -> int:
    from render.media.container import open_media

    with open_media(path) as container:
        return int((container.duration or 0) / 1_000_000 * SAMPLE_RATE_HZ)


def features_of(measured: Spectrum) -> AudioFeatures:
    """Normalised features of a measured track."""
    audible = _audible(measured.power)
    low, high = _flux(measured.fine)
    onset = _peaks(low * audible)
    sparkle = _peaks(high * audible)
    curve = (low + 0.5 * high) * audible
    found = beats.beat_ticks(_scaled(curve, 99.0).astype(np.float64))
    ticks = len(measured.bass)
    return AudioFeatures(
        duration_seconds=measured.samples / SAMPLE_RATE_HZ,
        bass=_rounded(_bass(measured.bass)),
        bands=_rounded(_bands(measured.fine, audible)),
        loudness=_rounded(_loudness(measured.power)),
        onset=_rounded(onset),
        sparkle=_rounded(sparkle),
        beat_phase=beats.phase(found, ticks),
        beats=(found / TICK_RATE_HZ).astype(np.float32),
    )


def _rounded(values: NDArray[np.floating]) -> Array:
    return np.asarray(np.round(np.clip(values, 0.0, 1.0) * 65535.0) / 65535.0, np.float32)


def _audible(power: Array) -> Array:
    return (power > _SILENCE).astype(np.float32)


def _bass(level: Array) -> Array:
    top = float(np.percentile(level, _BASS_PERCENTILE))
    if top <= 0.0:
        # A click shorter than half a per cent of the track: its own peak is the measure.
        top = float(level.max())
    return np.asarray(level / max(top, _QUIET_BASS), np.float32)


def _scaled(values: Array, percentile: float) -> Array:
    top = float(np.percentile(values, percentile))
    if top <= 0.0:
        top = float(values.max(initial=0.0))
    return np.clip(values / top, 0.0, 1.0) if top > 0.0 else np.zeros_like(values)


def _flux(fine: Array) -> tuple[Array, Array]:
    """Rises of the log bands over 25 ms: of the bands below 200 Hz, and of those above 4 kHz. Both (n)."""
    level = np.log1p(fine * 1e3, dtype=np.float32)
    rise = np.zeros_like(level)
    rise[3:] = np.clip(level[3:] - level[:-3], 0.0, None)
    edges = spectrum.band_edges()
    low = int(np.searchsorted(edges, 200.0))
    high = int(np.searchsorted(edges, 4000.0))
    return rise[:, :low].mean(axis=1), rise[:, high:].mean(axis=1)


def _peaks(flux: Array) -> Array:
    """Local maxima above the surroundings, 0..1 by the track's strong ones; everything else 0."""
    if len(flux) < 8:
        return np.zeros_like(flux)
    strength = _scaled(flux, 99.3)
    around = _smooth(strength, int(0.5 * TICK_RATE_HZ))
    reach = 6  # 50 ms to both sides
    padded = np.pad(strength, reach)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    peak = (strength >= highest) & (strength > 1.5 * around + 0.12)
    # Equal neighbours are one peak: the first.
    peak[1:] &= ~peak[:-1]
    return np.where(peak, strength, 0.0).astype(np.float32)


def _smooth(values: NDArray[np.floating], ticks: int) -> Array:
    """Centred mean over 2 * ticks + 1 (fewer at the ends)."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    index = np.arange(len(values))
    low = np.maximum(0, index - ticks)
    high = np.minimum(len(values), index + ticks + 1)
    return np.asarray((total[high] - total[low]) / (high - low), np.float32)


def _loudness(power: Array) -> Array:
    """Level in dB over some seconds, 0 at the quiet end (or -60 dB), 1 at the loud end of the track."""
    mean = _smooth(_smooth(power, TICK_RATE_HZ), TICK_RATE_HZ // 2)
    level = _smooth(10.0 * np.log10(np.maximum(mean, 1e-7)), TICK_RATE_HZ)
    heard = level[level > -60.0]
    if len(heard) == 0:
        return np.zeros_like(power)
    loud = float(np.percentile(heard, 95))
    quiet = min(float(np.percentile(heard, 5)), loud - 12.0)
    return np.asarray(np.clip((level - quiet) / (loud - quiet), 0.0, 1.0), np.float32)


def _bands(fine: Array, audible: Array) -> Array:
    """(n, BANDS) 0..1: dB between each band's 10th and 99th percentile, attack 10 ms and release 200 ms."""
    grouped = fine.reshape(len(fine), BANDS, FINE_BANDS // BANDS).mean(axis=2)
    level = 10.0 * np.log10(np.maximum(grouped, 1e-6))
    top = np.percentile(level, 99, axis=0)
    bottom = np.maximum(np.percentile(level, 10, axis=0), top - 40.0)
    span = np.maximum(top - bottom, 6.0)
    shown = np.clip((level - (top - span)) / span, 0.0, 1.0) * audible[:, None]
    return np.stack([_released(shown[:, k]) for k in range(BANDS)], axis=1)


def _released(level: NDArray[np.floating]) -> Array:
    return np.asarray(beats.follow(np.ascontiguousarray(level, np.float64), 0.909, 0.56), np.float32)
