"""From a file to four files: any rate, any channels, any length, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import resample_poly

from bench.known_stems import STEMS, known_song
from bench.known_tones import RATE_HZ
from render.audio.separation.stems import separate
from render.errors import DamagedMedia, StorageFull, UnsupportedMedia
from tests.rest.songs import pixel_png
from tests.support.full_disk import small_disk
from tests.support.stem_files import decoded, missing_db, wav_of

Sound = NDArray[np.float32]


def song(seconds: float = 3.0, *, rate_hz: int = RATE_HZ, seed: int = 5) -> Sound:
    mix = known_song(seed, seconds).mix
    if rate_hz == RATE_HZ:
        return mix
    return np.asarray(resample_poly(mix, rate_hz // 100, RATE_HZ // 100, axis=0), np.float32)


def parted_file(folder: Path, content: bytes) -> tuple[dict[str, NDArray[np.float64]], list[float]]:
    """The stems as they were written, and the progress that was told."""
    path = folder / "mix"
    path.write_bytes(content)
    outs = {stem: str(folder / f"{stem}.flac") for stem in STEMS}
    told: list[float] = []
    facts = separate(str(path), outs, lambda percent, message: told.append(percent))
    stems = {stem: decoded(Path(out)) for stem, out in outs.items()}
    whole = decoded(content)
    assert {stem.shape for stem in stems.values()} == {whole.shape}
    assert facts.channels == whole.shape[1]
    assert facts.duration == pytest.approx(len(whole) / facts.sample_rate)
    assert facts.size == sum(Path(out).stat().st_size for out in outs.values())
    assert missing_db(whole, stems.values()) < -60
    return stems, told


def test_three_seconds_are_enough(tmp_path: Path) -> None:
    stems, told = parted_file(tmp_path, wav_of(song(3.0), RATE_HZ))
    assert all(np.abs(stem).max() > 0.01 for stem in stems.values())
    assert told == sorted(told)
    assert told[-1] == 100


def test_a_long_song_goes_in_windows_and_progress_by_windows(tmp_path: Path) -> None:
    mix = np.tile(song(10.0, rate_hz=8000), (7, 1))
    _, told = parted_file(tmp_path, wav_of(mix, 8000))
    assert len(told) == 6  # five windows and the end
    assert told == sorted(told)


def test_where_windows_meet_nothing_is_heard_of_it(tmp_path: Path) -> None:
    """A steady song is parted the same on both sides: no stem jumps where one window ends."""
    time = np.arange(40 * 8000) / 8000
    tone = 0.2 * np.sin(2 * np.pi * 330 * time)[:, None]
    stems, _ = parted_file(tmp_path, wav_of(tone, 8000))
    steps = np.abs(np.diff(stems["other"][8000:-8000], axis=0))
    assert steps.max() < 1.05 * np.abs(np.diff(tone, axis=0)).max()


@pytest.mark.parametrize("rate_hz", [8_000, 11_000, 22_000, 48_000, 96_000])
def test_the_stems_have_the_rate_of_the_mix(tmp_path: Path, rate_hz: int) -> None:
    parted_file(tmp_path, wav_of(song(2.0, rate_hz=rate_hz), rate_hz))


@pytest.mark.parametrize("channels", [1, 3, 4, 6, 8])
def test_the_stems_have_the_channels_of_the_mix(tmp_path: Path, channels: int) -> None:
    sides = song(2.0, rate_hz=16_000)
    mix = np.stack([sides[:, number % 2] * 0.8**number for number in range(channels)], axis=1)
    stems, _ = parted_file(tmp_path, wav_of(mix, 16_000))
    assert all(np.abs(stems["drums"][:, number]).max() > 0.01 for number in range(channels))


def test_silence_gives_four_files_of_silence(tmp_path: Path) -> None:
    stems, _ = parted_file(tmp_path, wav_of(np.zeros((RATE_HZ, 2)), RATE_HZ))
    assert not any(stem.any() for stem in stems.values())


def test_a_single_sample_gives_four_files_of_one(tmp_path: Path) -> None:
    parted_file(tmp_path, wav_of(np.full((1, 1), 0.5), 8000))


@pytest.mark.parametrize("gain", [0.001, 4.0])
def test_a_quiet_mix_and_a_clipped_one_sum_as_well(tmp_path: Path, gain: float) -> None:
    stems, _ = parted_file(tmp_path, wav_of(song(3.0) * np.float32(gain), RATE_HZ))
    assert max(np.abs(stem).max() for stem in stems.values()) <= 1.0


def test_dc_offset_is_no_instrument(tmp_path: Path) -> None:
    stems, _ = parted_file(tmp_path, wav_of(0.5 * song(3.0) + 0.4, RATE_HZ))
    assert stems["other"].mean() == pytest.approx(0.4, abs=0.02)
    assert all(abs(stems[stem].mean()) < 0.005 for stem in ("drums", "bass", "vocals"))


def test_a_picture_and_a_broken_file_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    for content, refusal in (
        (pixel_png(), UnsupportedMedia),
        (b"", DamagedMedia),
        (b"x" * 99, UnsupportedMedia),
    ):
        with pytest.raises(refusal):
            parted_file(tmp_path, content)
        assert [path.name for path in tmp_path.iterdir()] == ["mix"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mix"
    path.write_bytes(wav_of(song(3.0), RATE_HZ))
    with small_disk(tmp_path / "disk", 200) as disk:
        outs = {stem: str(disk / f"{stem}.flac") for stem in STEMS}
        with pytest.raises(StorageFull):
            separate(str(path), outs)
        assert list(disk.iterdir()) == []
