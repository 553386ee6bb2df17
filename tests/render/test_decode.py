"""Sound of every rate, layout and codec becomes one mono stream; what cannot be heard is a clear error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from render import limits
from render.audio.decode import Channels, channel_blocks, heard_blocks, mono_blocks, sound_shape
from render.audio.features import analyse
from render.errors import DamagedMedia, MediaTooLarge, UnsupportedMedia
from tests.render.media_files import tone, write_sound, write_video, write_wav

RATE = 24_000


def decoded(path: Path) -> NDArray[np.float32]:
    return np.concatenate(list(mono_blocks(path, RATE)))


def strongest_hertz(sound: NDArray[np.float32]) -> float:
    middle = sound[len(sound) // 4 : 3 * len(sound) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return float(spectrum.argmax() * RATE / len(middle))


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_rates_and_channels(tmp_path: Path, rate_hz: int, channels: int) -> None:
    sound = decoded(write_wav(tmp_path / "sound.wav", tone(1.0, rate_hz, channels), rate_hz))
    assert len(sound) == pytest.approx(RATE, abs=0.01 * RATE)
    assert sound.dtype == np.float32
    assert strongest_hertz(sound) == pytest.approx(440, abs=3)
    assert 0.05 < np.abs(sound[2000:-2000]).max() < 0.9


@pytest.mark.parametrize(
    ("codec", "muxer"),
    [("libmp3lame", "mp3"), ("aac", "mp4"), ("flac", "flac"), ("libopus", "ogg")],
)
def test_codecs(tmp_path: Path, codec: str, muxer: str) -> None:
    path = write_sound(tmp_path / "sound", tone(1.5, 48_000), 48_000, codec=codec, muxer=muxer)
    sound = decoded(path)
    assert len(sound) == pytest.approx(1.5 * RATE, abs=0.06 * RATE)
    assert strongest_hertz(sound) == pytest.approx(440, abs=3)


def test_one_sample(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "one.wav", np.full((1, 1), 0.5, np.float32), 24_000)
    assert len(decoded(path)) == 1
    assert analyse(path).bass.max() <= 1.0


def test_the_sum_of_opposite_channels_is_silence(tmp_path: Path) -> None:
    stereo = tone(1.0)
    stereo[1] *= -1
    path = write_wav(tmp_path / "opposite.wav", stereo)
    assert np.abs(decoded(path)).max() < 1e-3
    assert not analyse(path).onset.any()


def test_cut_in_the_middle_gives_what_is_there(tmp_path: Path) -> None:
    whole = write_sound(tmp_path / "whole.mp3", tone(4.0), codec="libmp3lame", muxer="mp3")
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert 1.0 * RATE < len(decoded(cut)) < 3.0 * RATE


def test_garbage_in_the_middle_is_skipped(tmp_path: Path) -> None:
    whole = write_sound(tmp_path / "whole.mp3", tone(4.0), codec="libmp3lame", muxer="mp3")
    content = bytearray(whole.read_bytes())
    half = len(content) // 2
    content[half : half + 2000] = np.random.default_rng(3).bytes(2000)
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(bytes(content))
    sound = decoded(broken)
    assert len(sound) > 3.0 * RATE
    assert np.isfinite(sound).all()


def test_a_video_without_sound_has_none(tmp_path: Path) -> None:
    path = write_video(tmp_path / "mute.mp4")
    with pytest.raises(UnsupportedMedia):
        decoded(path)


def test_text_is_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.write_text("This is not a song.\n" * 50)
    with pytest.raises((UnsupportedMedia, DamagedMedia)):
        decoded(path)


def test_two_hours_are_the_limit_whatever_the_header_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_AUDIO_SECONDS", 2.0)
    path = write_wav(tmp_path / "long.wav", tone(4.0, 8_000, 1), 8_000)
    with pytest.raises(MediaTooLarge):
        decoded(path)


def test_analysis_reports_its_progress(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "sound.wav", tone(5.0, 44_100, 2))
    heard: list[float] = []
    features = analyse(path, heard.append)
    assert features.duration_seconds == pytest.approx(5.0, abs=0.01)
    assert heard == sorted(heard) and heard[-1] == 1.0 and len(heard) > 5


@pytest.mark.parametrize(("codec", "muxer"), [("libmp3lame", "mp3"), ("aac", "adts")])
def test_a_rate_that_changes_in_the_middle_is_followed(tmp_path: Path, codec: str, muxer: str) -> None:
    first = write_sound(tmp_path / "first", tone(3.0, 44_100), codec=codec, muxer=muxer)
    second = write_sound(
        tmp_path / "second", tone(3.0, 22_050, 1), 22_050, codec=codec, muxer=muxer, layout="mono"
    )
    both = tmp_path / "both"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    shape = sound_shape(both)
    heard: list[Channels] = []
    for sound in (
        decoded(both),
        np.concatenate(list(heard_blocks(both, RATE, heard.append))),
    ):
        assert len(sound) == pytest.approx(6.0 * RATE, abs=0.3 * RATE)
        for half in (sound[: 2 * RATE], sound[4 * RATE :]):
            assert strongest_hertz(half) == pytest.approx(440, abs=3)
    assert [(block.sample_rate_hz, len(block.names)) for block in (heard[0], heard[-1])] == [
        (44_100, 2),
        (22_050, 1),
    ]
    stored = np.concatenate(list(channel_blocks(both, shape)))
    assert stored.shape == (pytest.approx(6.0 * 44_100, abs=0.3 * 44_100), 2)


def test_what_needs_no_resampling_ends_as_well(tmp_path: Path) -> None:
    path = write_sound(
        tmp_path / "same", tone(1.0, RATE, 1), RATE, codec="pcm_f32le", muxer="wav", layout="mono"
    )
    assert len(decoded(path)) == RATE
    assert len(np.concatenate(list(channel_blocks(path, sound_shape(path))))) == RATE


@pytest.mark.parametrize(("codec", "muxer"), [("aac", "mp4"), ("flac", "flac"), ("pcm_s16le", "wav")])
def test_eight_channels(tmp_path: Path, codec: str, muxer: str) -> None:
    path = write_sound(
        tmp_path / "cinema", tone(1.0, 48_000, 8), 48_000, codec=codec, muxer=muxer, layout="7.1"
    )
    heard: list[Channels] = []
    sound = np.concatenate(list(heard_blocks(path, RATE, heard.append)))
    assert len(sound) == pytest.approx(RATE, abs=0.06 * RATE)
    assert strongest_hertz(sound) == pytest.approx(440, abs=3)
    assert heard[0].names == ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR")


def test_a_rate_below_the_limits_is_refused_whatever_reads_it(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "low.wav", tone(1.0, 3_000, 1), 3_000)
    shape = sound_shape(path)
    for blocks in (
        mono_blocks(path, RATE),
        heard_blocks(path, RATE, lambda block: None),
        channel_blocks(path, shape),
    ):
        with pytest.raises(UnsupportedMedia, match="3000 Hz; 8000 to 192000"):
            next(blocks)
