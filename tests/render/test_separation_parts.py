"""The parts that separation is made of: medians, spectrum, kicks, pitch, windows, files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from bench.known_stems import known_song
from bench.known_tones import RATE_HZ
from bench.separation_peers import sdr_db
from render.audio.separation.flac import StemFiles, with_room
from render.audio.separation.kicks import HIGHEST_HZ, kicks
from render.audio.separation.medians import over_frequency, over_time
from render.audio.separation.pitch import Search, comb, followed
from render.audio.separation.spectrum import Grid
from render.audio.separation.version import STEMS
from render.audio.separation.window import stereo_pair
from render.audio.separation.windows import windows
from tests.support.stem_files import decoded

Sound = NDArray[np.float32]


def noise(*shape: int, seed: int = 1) -> Sound:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("size", [1, 3, 9, 31])
def test_running_medians_are_those_of_scipy(size: int) -> None:
    values = np.round(noise(40, 23), 1)  # with ties
    for found, shape in ((over_time(values, size), (size, 1)), (over_frequency(values, size), (1, size))):
        assert np.array_equal(found, median_filter(values, shape, mode="nearest"))


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_a_spectrum_comes_back_as_the_sound_that_it_was(rate_hz: int) -> None:
    grid, sound = Grid(rate_hz), noise(rate_hz // 2 + 17)
    assert 0.06 < grid.size / rate_hz < 0.135
    assert np.allclose(grid.synthesise(grid.analyse(sound), sound.size), sound, atol=1e-5)


def test_kicks_are_found_under_a_bass_that_plays_on() -> None:
    song = known_song(7, 12.0)
    found = kicks(song.mix, RATE_HZ)
    low = low_part(song.stems["drums"])
    assert sdr_db(low, found) > 5
    assert sdr_db(low, low_part(song.mix)) < 4


def test_a_song_without_strokes_loses_nothing() -> None:
    time = np.arange(6 * RATE_HZ) / RATE_HZ
    tone = (0.3 * np.sin(2 * np.pi * 55 * time)).astype(np.float32)[:, None]
    assert not kicks(tone, RATE_HZ).any()
    assert not kicks(known_song(7, 8.0).stems["other"], RATE_HZ).any()


def low_part(sound: Sound) -> Sound:
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    wanted = np.fft.rfft(sound, axis=0) * (frequencies < HIGHEST_HZ)[:, None]
    return np.fft.irfft(wanted, axis=0, n=len(sound)).astype(np.float32)


SEARCH = Search(
    lowest_hz=90.0, octaves=3.2, partials=10, decay=0.75, top_hz=3500.0, silence=0.4, jump=0.03, turn=1.0
)


def test_a_gliding_voice_is_followed_and_silence_is_none() -> None:
    pitch = np.concatenate([np.linspace(200, 300, 60), np.zeros(20)]).astype(np.float32)
    found = followed(comb(pitch, 1025, 10.0, 4000.0, 20.0, 0.0), 10.0, SEARCH)
    assert np.abs(np.log2(found[:60] / pitch[:60])).max() < 1 / 24
    assert not found[62:].any()
    assert not followed(np.zeros((10, 1025), np.float32), 10.0, SEARCH).any()


@pytest.mark.parametrize("samples", [1, 99, 100, 149, 151, 1234])
def test_windows_cover_all_and_overlap_as_they_should(samples: int) -> None:
    sound = np.arange(samples, dtype=np.float32)[:, None]
    blocks = [sound[begin : begin + 7] for begin in range(0, samples, 7)]
    found = list(windows(blocks, 100, 20))
    assert [is_last for _, is_last in found] == [False] * (len(found) - 1) + [True]
    for (one, _), (following, _) in itertools.pairwise(found):
        assert len(one) == 100
        assert np.array_equal(one[-20:], following[:20])
    whole = [window[:-20] if not is_last else window for window, is_last in found]
    assert np.array_equal(np.concatenate(whole), sound)
    assert len(found[-1][0]) <= 157


def test_windows_hold_no_more_than_one_and_a_half() -> None:
    given_out = 0

    def blocks() -> Iterator[Sound]:
        nonlocal given_out
        for _ in range(1000):
            given_out += 10
            yield np.zeros((10, 1), np.float32)

    for number, _ in enumerate(windows(blocks(), 100, 20)):
        assert given_out <= (number + 1) * 80 + 100


def test_a_pair_is_what_a_listener_hears_on_each_side() -> None:
    mono, stereo = noise(5, 1), noise(5, 2)
    assert np.array_equal(stereo_pair(mono, ("FC",)), mono.repeat(2, axis=1))
    assert np.array_equal(stereo_pair(stereo, ("FL", "FR")), stereo)
    names = ("FL", "FR", "FC", "LFE", "BL", "BR")
    around = stereo_pair(np.eye(6, dtype=np.float32), names)
    assert np.allclose(around[:, 0], [1, 0, 0.5**0.5, 0.5**0.5, 1, 0])
    assert np.allclose(around[:, 1], [0, 1, 0.5**0.5, 0.5**0.5, 0, 1])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-3.5, 3.5, width=32), min_size=1, max_size=8), st.integers(0, 10**6))
def test_what_is_over_full_scale_goes_where_there_is_room(mix: list[float], seed: int) -> None:
    whole = np.array(mix)[:, None]
    stems = 2 * np.random.default_rng(seed).standard_normal((4, *whole.shape))
    stems[3] = whole - stems[:3].sum(axis=0)
    fitted = with_room(stems)
    assert np.abs(fitted).max() <= 1.0
    assert np.allclose(fitted.sum(axis=0), whole, atol=1e-6)


def test_files_of_a_block_that_fails_are_removed(tmp_path: Path) -> None:
    paths = {stem: tmp_path / f"{stem}.flac" for stem in STEMS}
    with pytest.raises(RuntimeError, match="in the middle"), StemFiles(paths, RATE_HZ, "stereo") as files:
        files.add({stem: noise(9000, 2) * np.float32(0.1) for stem in STEMS})
        raise RuntimeError("in the middle")
    assert list(tmp_path.iterdir()) == []


def test_files_hold_24_bits_of_each_sample(tmp_path: Path) -> None:
    paths = {stem: tmp_path / f"{stem}.flac" for stem in STEMS}
    sounds = {stem: noise(9000, 2, seed=number) * np.float32(0.1) for number, stem in enumerate(STEMS)}
    with StemFiles(paths, RATE_HZ, "stereo") as files:
        files.add({stem: sound[:5000] for stem, sound in sounds.items()})
        files.add({stem: sound[5000:] for stem, sound in sounds.items()})
    for stem in STEMS:
        assert np.abs(decoded(paths[stem]) - sounds[stem]).max() <= 2.0**-24
