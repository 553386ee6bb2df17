"""Stems of a mix: they sum to it whatever it is, and are nearer to the truth than what is simple."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.known_stems import STEMS, KnownSong, known_song
from bench.known_tones import RATE_HZ
from bench.separation_peers import hpss_and_low_pass, low_pass, sdr_db
from render.audio.separation.spectrum import Grid
from render.audio.separation.window import parted
from tests.support.stem_files import missing_db

STEREO = ("FL", "FR")
SEEDS = (9, 14)
SECONDS = 12.0
Sound = NDArray[np.float32]


@cache
def song(seed: int) -> KnownSong:
    return known_song(seed, SECONDS)


@cache
def parts(seed: int) -> dict[str, Sound]:
    return parted(song(seed).mix, STEREO, Grid(RATE_HZ))


@cache
def simple(seed: int) -> dict[str, Sound]:
    return hpss_and_low_pass(song(seed).mix)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_stems_sum_to_the_mix(seed: int) -> None:
    assert missing_db(song(seed).mix, parts(seed).values()) < -100


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("seed", SEEDS)
def test_each_stem_is_nearer_to_the_truth_than_hpss_a_low_pass_and_the_mix(seed: int, stem: str) -> None:
    true = song(seed).stems[stem]
    found = sdr_db(true, parts(seed)[stem])
    others = (simple(seed)[stem], song(seed).mix, low_pass(song(seed).mix))
    assert found > max(sdr_db(true, other) for other in others) + 1.0


def test_a_mix_that_is_softer_gives_the_same_stems_softer() -> None:
    soft = parted(song(14).mix * np.float32(0.01), STEREO, Grid(RATE_HZ))
    for stem in STEMS:
        assert sdr_db(parts(14)[stem], soft[stem] * 100) > 30


def test_the_same_mix_gives_the_same_stems_to_the_bit() -> None:
    again = parted(song(14).mix, STEREO, Grid(RATE_HZ))
    assert all(np.array_equal(again[stem], parts(14)[stem]) for stem in STEMS)


def test_a_steady_component_belongs_to_nobody_who_plays() -> None:
    """DC goes to `other` and changes nothing else."""
    lifted = parted(song(14).mix + np.float32(0.3), STEREO, Grid(RATE_HZ))
    assert lifted["other"].mean() == pytest.approx(0.3, abs=0.01)
    for stem in ("drums", "bass", "vocals"):
        assert abs(lifted[stem].mean()) < 0.003
        assert sdr_db(parts(14)[stem], lifted[stem]) > 15


@pytest.mark.parametrize("samples", [0, 1, 100, 5000])
def test_a_mix_of_a_few_samples_is_parted_too(samples: int) -> None:
    mix = song(14).mix[:samples]
    found = parted(mix, STEREO, Grid(RATE_HZ))
    assert {stem.shape for stem in found.values()} == {(samples, 2)}
    assert np.allclose(sum(found.values()), mix, atol=1e-6)


def test_silence_gives_silence() -> None:
    found = parted(np.zeros((RATE_HZ, 2), np.float32), STEREO, Grid(RATE_HZ))
    assert not any(stem.any() for stem in found.values())


def test_drums_alone_stay_drums_and_a_held_chord_is_other() -> None:
    drums, chord = song(14).stems["drums"], held_chord()
    assert sdr_db(drums, parted(drums, STEREO, Grid(RATE_HZ))["drums"]) > 8
    assert sdr_db(chord, parted(chord, STEREO, Grid(RATE_HZ))["other"]) > 8


def held_chord() -> Sound:
    time = np.arange(4 * RATE_HZ) / RATE_HZ
    left, right = (
        sum(np.sin(2 * np.pi * hertz * time) for hertz in tones) for tones in ((220, 330), (277.2, 440))
    )
    return np.stack([0.1 * left, 0.1 * right], axis=1).astype(np.float32)
