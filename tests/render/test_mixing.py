"""Mixes against plain numpy: gains, rates, lengths and layouts, and sums beyond full scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from render.audio.mixing import mixing
from render.audio.mixing.facts import Mixed, Part
from render.audio.mixing.mixing import FULL_SCALE, mix
from render.audio.mixing.sources import matrix
from render.errors import DamagedMedia, StorageFull, UnsupportedMedia
from tests.render.media_files import tone, write_sound
from tests.rest.songs import pixel_png
from tests.support.full_disk import small_disk
from tests.support.stem_files import decoded, wav_of

Sound = NDArray[np.float64]
STEP = 2.0**-15


def noise(seconds: float, channels: int = 2, rate_hz: int = 44_100, seed: int = 1, top: float = 0.2) -> Sound:
    """(samples, channels) on the steps of 16 bits."""
    drawn = np.random.default_rng(seed).uniform(-top, top, (round(seconds * rate_hz), channels))
    return np.rint(drawn * 32768) / 32768


def part(folder: Path, sound: Sound, gain: float = 1.0, rate_hz: int = 44_100) -> Part:
    path = folder / f"{len(list(folder.iterdir()))}.wav"
    path.write_bytes(wav_of(sound, rate_hz))
    return Part(str(path), gain)


def mixed(folder: Path, *parts: Part) -> tuple[Sound, Mixed]:
    out = folder / "mix.flac"
    facts = mix(parts, str(out))
    sound = decoded(out)
    assert facts.size == out.stat().st_size
    assert sound.shape == (round(facts.duration * facts.sample_rate), facts.channels)
    return sound, facts


def padded(sound: Sound, length: int) -> Sound:
    return np.pad(sound, ((0, length - len(sound)), (0, 0)))


def test_stems_are_summed_at_their_gains_and_end_with_the_longest(tmp_path: Path) -> None:
    sounds = [noise(1.0, seed=1), noise(2.5, seed=2), noise(0.3, seed=3)]
    gains = [1.0, 0.5, 1.7]
    sound, facts = mixed(tmp_path, *[part(tmp_path, s, g) for s, g in zip(sounds, gains, strict=True)])
    length = len(sounds[1])
    wanted = sum(padded(s, length) * g for s, g in zip(sounds, gains, strict=True))
    assert np.abs(sound - wanted).max() < 2.0**-22
    assert (facts.sample_rate, facts.channels, facts.duration, facts.gain_db) == (44_100, 2, 2.5, 0.0)
    assert facts.true_peak_dbtp is not None
    assert facts.true_peak_dbtp >= 20 * np.log10(np.abs(wanted).max()) - 0.02


def test_a_long_mix_is_the_same_in_every_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixing, "BLOCK_SAMPLES", 1000)
    one, other = noise(1.0, seed=4), noise(1.01, seed=5)
    sound, _ = mixed(tmp_path, part(tmp_path, one), part(tmp_path, other))
    assert np.abs(sound - padded(one, len(other)) - other).max() < 2.0**-22


def test_mono_stays_mono_and_is_on_both_sides_of_what_is_stereo(tmp_path: Path) -> None:
    low, high = noise(0.5, 1, seed=6), noise(0.5, 1, seed=7)
    sound, facts = mixed(tmp_path, part(tmp_path, low), part(tmp_path, high))
    assert facts.channels == 1
    assert np.abs(sound - low - high).max() < 2.0**-22
    wide = noise(0.5, 2, seed=8)
    sound, facts = mixed(tmp_path, part(tmp_path, low, 0.5), part(tmp_path, wide))
    assert facts.channels == 2
    assert np.abs(sound - wide - 0.5 * low).max() < 2.0**-22


@pytest.mark.parametrize("rates", [(22_050, 48_000), (48_000, 8_000), (192_000, 44_100)])
def test_parts_of_other_rates_are_heard_at_the_highest_up_to_96_khz(
    rates: tuple[int, int], tmp_path: Path
) -> None:
    common = min(96_000, max(rates))
    heights = (440.0, 1000.0)
    parts = [
        part(tmp_path, tone(1.0, rate, 1, hz).T.astype(np.float64), 1.0, rate)
        for rate, hz in zip(rates, heights, strict=True)
    ]
    sound, facts = mixed(tmp_path, *parts)
    assert (facts.sample_rate, len(sound)) == (common, common)
    time = np.arange(common) / common
    wanted = 0.25 * np.sin(2 * np.pi * np.outer(heights, time)).sum(axis=0)
    middle = slice(common // 10, -common // 10)
    assert np.abs(sound[middle, 0] - wanted[middle]).max() < 0.004


def test_what_passes_full_scale_is_turned_down_as_a_whole(tmp_path: Path) -> None:
    loud = noise(1.0, seed=9, top=0.9)
    sound, facts = mixed(tmp_path, part(tmp_path, loud, 2.0), part(tmp_path, loud, 1.0))
    peak = 3 * np.abs(loud).max()
    assert facts.gain_db == pytest.approx(20 * np.log10(FULL_SCALE / peak), abs=0.001)
    assert np.abs(sound - 3 * loud * FULL_SCALE / peak).max() < 1e-6
    assert np.abs(sound).max() <= FULL_SCALE
    plain, as_is = mixed(tmp_path, part(tmp_path, loud))
    assert as_is.gain_db == 0.0
    assert facts.loudness_lufs is not None
    assert as_is.loudness_lufs is not None
    level = 20 * np.log10(np.std(sound) / np.std(plain))
    assert facts.loudness_lufs - as_is.loudness_lufs == pytest.approx(level, abs=0.05)


def test_a_negative_gain_takes_away(tmp_path: Path) -> None:
    kept, gone = noise(0.6, seed=10), noise(0.4, seed=11)
    whole = part(tmp_path, kept + padded(gone, len(kept)))
    sound, _ = mixed(tmp_path, whole, part(tmp_path, gone, -1.0))
    assert np.abs(sound - kept).max() < 2.0**-22
    nothing, facts = mixed(tmp_path, whole, Part(whole.path, -1.0))
    assert not nothing.any()
    assert (facts.loudness_lufs, facts.true_peak_dbtp) == (None, None)


@pytest.mark.parametrize(("codec", "muxer"), [("libmp3lame", "mp3"), ("aac", "adts"), ("flac", "flac")])
def test_other_formats_are_mixed(codec: str, muxer: str, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a", tone(1.0), codec=codec, muxer=muxer)
    _, facts = mixed(tmp_path, Part(str(path), 1.0), part(tmp_path, noise(1.0)))
    assert facts.duration == pytest.approx(1.0, abs=0.1)


def test_surround_is_folded_down(tmp_path: Path) -> None:
    six = np.zeros((44_100, 6))
    six[:, :] = [0.1, 0.2, 0.1, 0.4, 0.05, 0.02]  # FL FR FC LFE BL BR
    path = write_sound(tmp_path / "a", six.T.astype(np.float32), codec="flac", muxer="flac", layout="5.1")
    sound, facts = mixed(tmp_path, Part(str(path), 1.0))
    assert facts.channels == 2
    shared = np.sqrt(0.5)
    assert sound[22_050] == pytest.approx([0.1 + shared * 0.15, 0.2 + shared * 0.12], abs=2 * STEP)
    assert matrix(("FC",), 2).tolist() == [[1.0, 1.0]]
    unnamed, _ = mixed(tmp_path, part(tmp_path, np.full((4410, 4), 0.1)))
    assert unnamed.shape == (4410, 2)


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_a_sound_of_a_few_samples(samples: int, tmp_path: Path) -> None:
    tiny = part(tmp_path, np.full((samples, 2), 0.1), rate_hz=48_000)
    sound, _ = mixed(tmp_path, tiny, part(tmp_path, noise(0.01, rate_hz=8_000), rate_hz=8_000))
    assert sound.shape[1] == 2
    mixed(tmp_path, part(tmp_path, np.full((samples, 2), 0.1), rate_hz=192_000), tiny)


def test_the_same_parts_give_the_same_bytes(tmp_path: Path) -> None:
    parts = [part(tmp_path, noise(0.5, seed=12), 0.3), part(tmp_path, noise(0.5, seed=13, top=0.9), 1.4)]
    outs = [tmp_path / "one.flac", tmp_path / "two.flac"]
    for out in outs:
        mix(parts, str(out))
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_progress_never_falls_and_ends_at_the_end(tmp_path: Path) -> None:
    told: list[float] = []
    loud = part(tmp_path, noise(5.0, top=0.9), 2.0)
    mix([loud], str(tmp_path / "mix.flac"), lambda percent, message: told.append(percent))
    assert told == sorted(told)
    assert told[-1] == 100.0
    assert len(told) > 6  # twice through


@pytest.mark.parametrize(
    ("content", "error"),
    [(pixel_png(), UnsupportedMedia), (b"", DamagedMedia), (b"noise" * 99, UnsupportedMedia)],
)
def test_what_is_no_sound_is_refused_and_leaves_no_file(
    content: bytes, error: type[Exception], tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(content)
    out = tmp_path / "mix.flac"
    with pytest.raises(error):
        mix([part(tmp_path, noise(0.2)), Part(str(bad), 1.0)], str(out))
    assert not out.exists()


def test_a_full_disk_is_said_and_leaves_no_file(tmp_path: Path) -> None:
    parts = [part(tmp_path, noise(20.0, top=0.4))]
    with small_disk(tmp_path / "disk", 1000) as disk:
        out = disk / "mix.flac"
        with pytest.raises(StorageFull):
            mix(parts, str(out))
        assert not out.exists()
