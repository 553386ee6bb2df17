"""What is heard: levels, beats and onsets of sounds that are known exactly."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from render.audio import spectrum
from render.audio.features import TICK_RATE_HZ, AudioFeatures, features_of
from tests.render.particle_scenes import RATE, kick_features, kick_track


def of(sound: NDArray[np.floating]) -> AudioFeatures:
    return features_of(spectrum.measure([sound.astype(np.float32)]))


def tone(hertz: float, seconds: float) -> NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)


def test_the_bass_level_is_the_documented_one() -> None:
    """Hann of 46 ms around the tick, mean magnitude up to 250 Hz, over the 99.5th percentile, cut at 1."""
    sound = kick_track(4.0)
    levels = []
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(1104) + 0.5) / 1104)
    padded = np.pad(sound, 552)
    for tick in range(480):
        piece = padded[tick * 200 : tick * 200 + 1104] * window
        levels.append(np.abs(np.fft.rfft(piece, 1200))[:13].mean())
    expected = np.minimum(1.0, np.array(levels) / np.percentile(levels, 99.5))
    assert np.abs(of(sound).bass[:480] - expected).max() < 0.02


def test_a_kick_lifts_the_bass_at_its_own_time() -> None:
    bass = kick_features().bass
    for beat in range(1, 15):
        at = beat * 60
        assert bass[at + 2 : at + 8].max() > 0.8
        assert bass[at - 6] < 0.35


def test_high_tones_are_no_bass() -> None:
    low = of(np.concatenate([tone(100, 2), tone(1000, 2)]))
    assert low.bass[60:180].mean() > 0.8
    assert low.bass[300:420].max() < 0.05


def test_each_band_hears_its_own_octaves() -> None:
    edges = spectrum.band_edges()[:: spectrum.FINE_BANDS // 8]
    for band in range(8):
        hertz = float(np.sqrt(edges[band] * edges[band + 1]))
        bands = of(np.concatenate([tone(hertz, 1.0), np.zeros(RATE)])).bands
        assert bands[30:100].mean(axis=0).argmax() == band
        # Released in 200 ms.
        assert bands[200:, band].max() < 0.1


def test_kicks_are_onsets_and_hats_are_sparkles() -> None:
    features = kick_features()
    onsets = np.flatnonzero(features.onset) / TICK_RATE_HZ
    sparkles = np.flatnonzero(features.sparkle) / TICK_RATE_HZ
    assert len(onsets) in (15, 16)
    assert np.abs(onsets * 2 - np.round(onsets * 2)).max() < 0.06
    assert len(sparkles) >= 15
    halves = [at for at in sparkles if abs(at * 2 % 1 - 0.5) < 0.08]
    assert len(halves) >= 15


@pytest.mark.parametrize("bpm", [84.0, 120.0, 133.3, 172.0])
def test_beats_are_where_the_kicks_are(bpm: float) -> None:
    found = of(kick_track(24.0, bpm, hats=False)).beats
    beats = np.arange(0.0, 24.0, 60.0 / bpm)
    hits = [beat for beat in beats[2:-2] if np.abs(found - beat).min() < 0.07]
    assert len(hits) >= 0.9 * len(beats[2:-2])
    assert len(found) <= 1.15 * len(beats)


def test_the_phase_runs_from_beat_to_beat() -> None:
    features = kick_features()
    first, second = (round(float(at) * TICK_RATE_HZ) for at in features.beats[4:6])
    assert features.beat_phase[first] == pytest.approx(0.0, abs=0.02)
    assert features.beat_phase[(first + second) // 2] == pytest.approx(0.5, abs=0.05)
    assert features.beat_phase.max() < 1.0


def test_loudness_tells_quiet_passages_from_loud_ones() -> None:
    sound = np.concatenate([0.02 * kick_track(8.0), kick_track(8.0), 0.02 * kick_track(8.0)])
    loudness = of(sound).loudness
    assert loudness[12 * TICK_RATE_HZ] > 0.9
    assert loudness[3 * TICK_RATE_HZ] < 0.2
    # Slow: no jump between neighbours.
    assert np.abs(np.diff(loudness)).max() < 0.02


@pytest.mark.parametrize("samples", [1, 50, 551, 553, 5000])
def test_the_shortest_sounds(samples: int) -> None:
    features = of(np.full(samples, 0.3))
    assert features.duration_seconds == samples / RATE
    assert all(
        np.isfinite(getattr(features, name)).all() for name in ("bass", "bands", "loudness", "beat_phase")
    )
    assert features.bass.max() <= 1.0


def test_silence_moves_nothing() -> None:
    features = of(np.zeros(5 * RATE))
    for name in ("bass", "bands", "loudness", "onset", "sparkle", "beat_phase"):
        assert not getattr(features, name).any(), name
    assert len(features.beats) == 0


def test_noise_far_below_hearing_is_not_made_loud() -> None:
    features = of(1e-5 * np.random.default_rng(1).standard_normal(5 * RATE))
    assert features.bass.max() < 0.1
    assert not features.onset.any()


def test_one_click() -> None:
    sound = np.zeros(20 * RATE)
    sound[10 * RATE : 10 * RATE + 50] = 0.9
    features = of(sound)
    assert features.bass.max() == 1.0
    assert 10 * TICK_RATE_HZ - 4 <= features.bass.argmax() <= 10 * TICK_RATE_HZ + 4
    assert len(features.beats) == 0


def test_blocks_of_any_size_give_the_same() -> None:
    sound = kick_track(3.0)
    whole = spectrum.measure([sound])
    for size in (1000, 1024, 77_777):
        pieces = spectrum.measure(sound[start : start + size] for start in range(0, len(sound), size))
        assert np.array_equal(pieces.bass, whole.bass)
        assert np.array_equal(pieces.fine, whole.fine)
        assert pieces.samples == whole.samples


def test_saved_and_loaded_are_equal(tmp_path: Path) -> None:
    features = kick_features()
    features.save(tmp_path / "features.npz")
    loaded = AudioFeatures.load(tmp_path / "features.npz")
    assert loaded.duration_seconds == features.duration_seconds
    for name in ("bass", "bands", "loudness", "onset", "sparkle", "beat_phase", "beats"):
        assert np.array_equal(getattr(loaded, name), getattr(features, name))
        assert getattr(loaded, name).dtype == np.float32


@pytest.mark.parametrize("content", [b"", b"not an archive at all", b"PK\x05\x06" + bytes(18)])
def test_loading_something_else_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "features.npz"
    path.write_bytes(content)
    with pytest.raises((ValueError, KeyError, EOFError, OSError)):
        AudioFeatures.load(path)


def test_memory_grows_with_the_features_not_with_the_sound() -> None:
    """Four minutes are 23 MB of samples; they pass through in blocks."""

    def blocks() -> Iterator[NDArray[np.float32]]:
        block = kick_track(1.0)
        for _ in range(240):
            yield block

    tracemalloc.start()
    measured = spectrum.measure(blocks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert measured.samples == 240 * RATE
    assert peak < 16_000_000
