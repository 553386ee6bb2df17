"""Portraits: what two sounds have in common, and how much louder one is, told without decoding them again."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from bench.known_stems import STEMS, known_song
from bench.known_tones import RATE_HZ
from render.audio.portraits.likeness import (
    BANDS,
    CELL_SECONDS,
    Portrait,
    loudness_lufs,
    packed,
    similarity,
    unpacked,
)
from render.audio.portraits.portrait import portray
from render.errors import UnsupportedMedia
from tests.render.media_files import tone, write_sound
from tests.rest.songs import pixel_png
from tests.support.stem_files import wav_of

SONG, OTHER = known_song(3, 8.0), known_song(4, 8.0)


def portrait(folder: Path, sound: np.ndarray, rate_hz: int = RATE_HZ) -> Portrait:
    """Of (samples, channels)."""
    path = folder / "sound.wav"
    path.write_bytes(wav_of(sound, rate_hz))
    return portray(str(path))


def test_a_tone_lies_in_its_band_at_its_level_as_long_as_it_is(tmp_path: Path) -> None:
    sound = np.concatenate([tone(2.0, 44_100, 1, 1000.0).T, np.zeros((44_100, 1))])
    found = portrait(tmp_path, sound, 44_100)
    cells = unpacked(found.cells) * 0.5 - 100.0
    assert cells.shape == (round(3.0 / CELL_SECONDS), BANDS)
    band = int(np.log(1000 / 40) / np.log(11_000 / 40) * BANDS)
    assert np.abs(cells[1:7, band] - 20 * np.log10(0.25 / np.sqrt(2))).max() < 1.0
    assert np.delete(cells[1:7], [band - 1, band, band + 1], axis=1).max() < -55
    assert cells[9:].max() == -100.0
    assert found.loudness_lufs == pytest.approx(20 * np.log10(0.25), abs=1.0)


def test_one_channel_is_as_loud_as_the_same_on_two(tmp_path: Path) -> None:
    one = portrait(tmp_path, SONG.mix[:, :1])
    two = portrait(tmp_path, np.repeat(SONG.mix[:, :1], 2, axis=1))
    assert one.loudness_lufs is not None
    assert one.loudness_lufs == two.loudness_lufs
    assert similarity(one, 1.0, two, 1.0) == 1.0


def test_the_same_sound_is_alike_whatever_it_is_stored_as(tmp_path: Path) -> None:
    mix = portrait(tmp_path, SONG.mix)
    assert similarity(mix, 1.0, mix, 1.0) == 1.0
    path = write_sound(
        tmp_path / "a", np.ascontiguousarray(SONG.mix.T), RATE_HZ, codec="libmp3lame", muxer="mp3"
    )
    assert similarity(mix, 1.0, portray(str(path)), 1.0) > 0.9
    halved = portrait(tmp_path, SONG.mix / 2)
    assert similarity(mix, 0.5, halved, 1.0) > 0.98


def test_other_stems_and_other_songs_are_not_alike(tmp_path: Path) -> None:
    mix, other = portrait(tmp_path, SONG.mix), portrait(tmp_path, OTHER.mix)
    stems = [portrait(tmp_path, SONG.stems[stem]) for stem in STEMS]
    others = [portrait(tmp_path, OTHER.stems[stem]) for stem in STEMS]
    assert similarity(mix, 1.0, other, 1.0) < 0.75
    for one, another in zip(stems, others, strict=True):
        assert similarity(one, 1.0, another, 1.0) < 0.6
    for one, another in combinations(stems, 2):
        assert similarity(one, 1.0, another, 1.0) < 0.4


def test_a_gain_is_heard_as_the_level_that_it_makes(tmp_path: Path) -> None:
    mix = portrait(tmp_path, SONG.mix)
    by_gain = [similarity(mix, 1.0, mix, 10 ** (-db / 20)) for db in (0, 1, 6, 10, 40)]
    assert by_gain == sorted(by_gain, reverse=True)
    assert by_gain[1:4] == pytest.approx([0.93, 0.66, 0.5], abs=0.02)
    assert similarity(mix, 1.0, mix, 0.0) == 0.0
    assert similarity(mix, 0.0, mix, 0.0) == 1.0
    assert mix.loudness_lufs is not None
    assert loudness_lufs(mix, 0.5) == pytest.approx(mix.loudness_lufs - 6.02, abs=0.01)
    assert loudness_lufs(mix, 0.0) is None
    assert loudness_lufs(mix, 1e-5) is None


def test_what_is_longer_is_less_alike(tmp_path: Path) -> None:
    whole, half = portrait(tmp_path, SONG.mix), portrait(tmp_path, SONG.mix[: len(SONG.mix) // 2])
    assert similarity(whole, 1.0, half, 1.0) == similarity(half, 1.0, whole, 1.0)
    assert similarity(whole, 1.0, half, 1.0) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("samples", [1, 1000, 200_000])
def test_silence_has_a_portrait_without_loudness(samples: int, tmp_path: Path) -> None:
    found = portrait(tmp_path, np.zeros((samples, 2)), 22_050)
    assert found.loudness_lufs is None
    assert not unpacked(found.cells).any()
    assert similarity(found, 1.0, found, 2.0) == 1.0
    assert similarity(found, 1.0, portrait(tmp_path, SONG.mix), 1.0) == 0.0


def test_every_level_is_kept_to_a_quarter_of_a_decibel() -> None:
    levels = np.linspace(-99.0, 20.0, 24 * 40).reshape(-1, BANDS)
    assert np.abs(unpacked(packed(10 ** (levels / 10))) * 0.5 - 100.0 - levels).max() <= 0.2501


def test_an_hour_is_some_kilobytes() -> None:
    drawn = np.random.default_rng(1).uniform(1e-6, 1e-3, (round(3600 / CELL_SECONDS), BANDS))
    assert len(packed(drawn)) < 350_000


def test_a_picture_has_no_portrait(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(pixel_png())
    with pytest.raises(UnsupportedMedia):
        portray(str(path))
