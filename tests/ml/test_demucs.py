"""Demucs, loaded and run by the real code: four stems that sum to the mix, at any rate and layout."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.ml import REASON

pytest.importorskip("torch", reason=REASON)

from render.audio.decode import SoundShape
from render.audio.separation.version import STEMS
from render.errors import UnsupportedMedia
from render.ml import demucs
from render.ml.models import DEMUCS, choice
from tests.ml.tiny_demucs import save_bag
from tests.rest.songs import pixel_png
from tests.support.stem_files import decoded, missing_db, wav_of


def noise(seconds: float, rate_hz: int, channels: int) -> NDArray[np.float64]:
    """Louder and softer, other noise in each channel, and a constant offset."""
    rng = np.random.default_rng(3)
    swell = 0.2 + 0.1 * np.sin(np.arange(round(seconds * rate_hz)) / rate_hz)
    return np.asarray(swell[:, None] * rng.standard_normal((len(swell), channels)).clip(-3, 3) / 3 + 0.05)


def separated(model: Path, song: Path, folder: Path) -> list[NDArray[np.float64]]:
    outs = {stem: str(folder / f"{stem}.flac") for stem in STEMS}
    demucs.separate(choice(DEMUCS, str(model)), str(song), outs)
    return [decoded(Path(out)) for out in outs.values()]


@pytest.mark.parametrize(
    ("rate_hz", "channels", "seconds"),
    [(44_100, 2, 9.3), (48_000, 1, 3.0), (22_050, 2, 0.1), (44_100, 6, 2.0), (8_000, 1, 1.0)],
)
def test_four_stems_sum_to_any_mix(
    demucs_model: Path, tmp_path: Path, rate_hz: int, channels: int, seconds: float
) -> None:
    song = tmp_path / "song.wav"
    song.write_bytes(wav_of(noise(seconds, rate_hz, channels), rate_hz))
    mix, stems = decoded(song), separated(demucs_model, song, tmp_path)
    assert all(stem.shape == mix.shape for stem in stems)
    assert missing_db(mix, stems) < -80
    assert all(stem.any() for stem in stems)


def test_every_window_but_the_seams_is_what_the_model_says_of_it(demucs_model: Path, tmp_path: Path) -> None:
    """One long window and many short ones agree, but for what the model hears beyond their ends."""
    rate_hz = 44_100
    sound = noise(8.0, rate_hz, 2)
    song = tmp_path / "song.wav"
    song.write_bytes(wav_of(sound, rate_hz))
    windowed = separated(demucs_model, song, tmp_path)
    jumps = [float(np.abs(np.diff(stem, axis=0)).max()) for stem in windowed]
    model = demucs.Demucs.of(demucs_model)
    shape = SoundShape(rate_hz, "stereo", ("FL", "FR"), 8.0)
    whole = demucs.parted(model, decoded(song).astype(np.float32), shape)
    for stem, jump in zip(STEMS, jumps, strict=True):
        assert jump < 1.5 * float(np.abs(np.diff(whole[stem], axis=0)).max()) + 1e-4, stem


def test_the_same_song_gives_the_same_stems(demucs_model: Path, song: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    first, second = separated(demucs_model, song, tmp_path), separated(demucs_model, song, again)
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_several_models_are_weighed_and_further_sources_are_other(song: Path, tmp_path: Path) -> None:
    six = ("drums", "bass", "other", "vocals", "guitar", "piano")
    model = save_bag(tmp_path / "six", models=2, sources=six)
    loaded = demucs.Demucs.of(model)
    assert (loaded.sources, len(loaded.model.models)) == (six, 2)
    stems = separated(model, song, tmp_path)
    assert missing_db(decoded(song), stems) < -80


def test_silence_is_silent_and_no_song_is_refused(demucs_model: Path, tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    song.write_bytes(wav_of(np.zeros((44_100, 2)), 44_100))
    assert not any(stem.any() for stem in separated(demucs_model, song, tmp_path))
    song.write_bytes(pixel_png())
    with pytest.raises(UnsupportedMedia):
        separated(demucs_model, song, tmp_path)


def test_progress_never_falls_over_models_and_windows(song: Path, tmp_path: Path) -> None:
    model = choice(DEMUCS, str(save_bag(tmp_path / "two", models=2)))
    outs = {stem: str(tmp_path / f"{stem}.flac") for stem in STEMS}
    told: list[float] = []
    demucs.separate(model, str(song), outs, lambda percent, _: told.append(percent))
    assert told == sorted(told) and told[-1] == 100.0
    assert len({round(percent) for percent in told}) > 10


def test_memory_does_not_grow_with_the_song(demucs_model: Path, tmp_path: Path) -> None:
    peaks = []
    for seconds in (10.0, 40.0):
        song = tmp_path / "song.wav"
        song.write_bytes(wav_of(noise(seconds, 44_100, 2), 44_100))
        outs = {stem: str(tmp_path / f"{stem}.flac") for stem in STEMS}
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        demucs.separate(choice(DEMUCS, str(demucs_model)), str(song), outs)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert peaks[1] < 20 * 1024, "a song of 40 s is 56 MB, with its stems, and took more than a short one"


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (("FC",), [[0]]),
        (("FL", "FR"), [[0, 1]]),
        (("FL", "FR", "FC", "LFE", "BL", "BR"), [[0, 1], [2], [3], [4, 5]]),
        (("FL", "FR", "LFE"), [[0, 1], [2]]),
        (("FL", "FC", "FR"), [[0], [1], [2]]),
    ],
)
def test_left_and_right_belong_together(channels: tuple[str, ...], expected: Iterable[list[int]]) -> None:
    assert demucs.pairs(channels) == expected
