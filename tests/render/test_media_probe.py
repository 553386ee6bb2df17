"""Kind, length and size as counted from the content; every damaged file has a sentence."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from render import limits
from render.errors import DamagedMedia, MediaTooLarge, RenderError, UnsupportedMedia
from render.media import length
from render.media.facts import Probe
from render.media.probe import probe
from tests.render.media_files import png_bomb, tone, write_image, write_sound, write_video, write_wav

FORMATS = {
    "flac": ("flac", "flac", 44_100, "audio/flac", ".flac"),
    "mp3": ("libmp3lame", "mp3", 44_100, "audio/mpeg", ".mp3"),
    "opus": ("libopus", "ogg", 48_000, "audio/ogg", ".ogg"),
    "m4a": ("aac", "mp4", 44_100, "audio/mp4", ".m4a"),
    "aiff": ("pcm_s16be", "aiff", 44_100, "audio/aiff", ".aiff"),
    "webm": ("libopus", "webm", 48_000, "audio/webm", ".webm"),
    "mka": ("flac", "matroska", 44_100, "audio/x-matroska", ".mka"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_length_of_a_track_is_exact(name: str, tmp_path: Path) -> None:
    codec, muxer, rate_hz, content_type, extension = FORMATS[name]
    path = write_sound(tmp_path / "x", tone(1.7, rate_hz), rate_hz, codec=codec, muxer=muxer)
    found = probe(str(path))
    assert (found.kind, found.content_type, found.extension) == ("AUDIO", content_type, extension)
    assert found.duration == pytest.approx(1.7, abs=1e-6)
    assert (found.sample_rate, found.channels) == (rate_hz, 2)
    assert pickle.loads(pickle.dumps(found)) == found


def test_adts_has_no_header_and_is_counted_by_frames(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "x", tone(1.7), codec="aac", muxer="adts")
    assert probe(str(path)).duration == pytest.approx(1.7, abs=2 * 1024 / 44_100)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_rates_and_channels_within_the_limits(rate_hz: int, channels: int, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x", tone(0.25, rate_hz, channels), rate_hz)
    found = probe(str(path))
    assert found == Probe(
        "AUDIO",
        "audio/wav",
        ".wav",
        duration=round(0.25 * rate_hz) / rate_hz,
        sample_rate=rate_hz,
        channels=channels,
    )


@pytest.mark.parametrize("rate_hz", [4_000, 384_000])
def test_rates_outside_name_the_limits(rate_hz: int, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x", tone(0.25, rate_hz), rate_hz)
    with pytest.raises(UnsupportedMedia, match=f"{rate_hz} Hz; 8000 to 192000 Hz"):
        probe(str(path))


def test_too_many_channels_name_the_limit(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x", tone(0.1, channels=9))
    with pytest.raises(MediaTooLarge, match="9 channels; the limit is 8"):
        probe(str(path))


def test_one_sample_is_sound_and_none_is_not(tmp_path: Path) -> None:
    one = probe(str(write_wav(tmp_path / "one", np.full((1, 1), 0.5))))
    assert one.kind == "AUDIO" and one.duration == 1 / 44_100
    with pytest.raises(DamagedMedia, match="no sound"):
        probe(str(write_wav(tmp_path / "none", np.zeros((1, 0)))))


def test_an_mp4_without_pictures_is_audio_and_one_with_sound_too_is_video(tmp_path: Path) -> None:
    assert probe(str(write_sound(tmp_path / "a", tone(0.5), codec="aac", muxer="mp4"))).kind == "AUDIO"
    film = probe(str(write_video(tmp_path / "v", count=25, fps=10)))
    assert film == Probe("VIDEO", "video/mp4", ".mp4", duration=2.5, width=64, height=36)


def test_a_wav_that_promises_ten_hours_and_holds_a_second(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x", tone(1.0, 8_000, 1), 8_000)
    data = bytearray(path.read_bytes())
    data[40:44] = (36_000 * 16_000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(DamagedMedia, match=r"promises 36000\.0 s, it holds 1\.0 s"):
        probe(str(path))


@pytest.mark.parametrize("size", [0, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_wav_of_a_writer_that_could_not_seek_is_whole(size: int, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x", tone(1.0))
    data = bytearray(path.read_bytes())
    data[40:44] = size.to_bytes(4, "little")
    path.write_bytes(data)
    assert probe(str(path)).duration == pytest.approx(1.0)


def test_ten_hours_are_refused_without_reading_on(tmp_path: Path) -> None:
    """A real, sparse ten-hour WAV: what is refused is counted up to the limit and no further."""
    path = write_wav(tmp_path / "x", tone(0.1, 8_000, 1), 8_000)
    size = 36_000 * 16_000
    with path.open("r+b") as file:
        file.seek(40)
        file.write(size.to_bytes(4, "little"))
        file.truncate(44 + size)
    with pytest.raises(MediaTooLarge, match="longer than 2 hours"):
        probe(str(path))


@pytest.mark.parametrize("name", ["wav", "flac", "aiff"])
def test_a_track_that_is_cut_is_damaged(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    if name == "wav":
        write_wav(path, tone(2.0))
    else:
        codec, muxer, *_ = FORMATS[name]
        write_sound(path, tone(2.0), codec=codec, muxer=muxer)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DamagedMedia, match=r"cut off: its header promises 2\.0 s"):
        probe(str(path))


@pytest.mark.parametrize("name", ["mp3", "opus", "mka"])
def test_a_stream_that_is_cut_is_as_long_as_what_is_there(name: str, tmp_path: Path) -> None:
    """These formats are playable up to the cut, and do not say how long they meant to be."""
    codec, muxer, rate_hz, *_ = FORMATS[name]
    path = write_sound(tmp_path / "x", tone(2.0, rate_hz), rate_hz, codec=codec, muxer=muxer)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert probe(str(path)).duration == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("keep", [12, 40, 100])
def test_a_header_alone_is_damaged_or_unknown(name: str, keep: int, tmp_path: Path) -> None:
    codec, muxer, rate_hz, *_ = FORMATS[name]
    path = write_sound(tmp_path / "x", tone(0.5, rate_hz), rate_hz, codec=codec, muxer=muxer)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises((DamagedMedia, UnsupportedMedia)) as caught:
        probe(str(path))
    assert caught.value.sentence.endswith(".")


@pytest.mark.parametrize(("codec", "muxer"), [("libx264", "mp4"), ("libvpx", "webm"), ("mpeg4", "avi")])
def test_a_video_that_is_cut_is_damaged(codec: str, muxer: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / "x", codec=codec, muxer=muxer)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DamagedMedia):
        probe(str(path))


def test_a_fast_start_video_that_is_cut_behind_its_index_is_damaged(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "x", size=(320, 180), count=60, container_options={"movflags": "+faststart"}
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size - 100])
    with pytest.raises(DamagedMedia, match="cut off"):
        probe(str(path))


@pytest.mark.parametrize("codec", ["png", "mjpeg", "libwebp"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (53, 37), (640, 3)])
def test_images_of_odd_sizes_whole_and_cut(codec: str, width: int, height: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 255, (height, width, 3), np.uint8)
    path = write_image(tmp_path / "x", pixels, codec)
    found = probe(str(path))
    assert (found.kind, found.width, found.height, found.duration) == ("IMAGE", width, height, None)
    path.write_bytes(path.read_bytes()[: -max(12, path.stat().st_size // 3)])
    with pytest.raises(DamagedMedia):
        probe(str(path))


def test_an_upright_photo_is_measured_as_it_is_shown(tmp_path: Path) -> None:
    """EXIF orientation 6: the camera was held sideways."""
    plain = write_image(tmp_path / "x", np.zeros((20, 40, 3), np.uint8), "mjpeg").read_bytes()
    entry = b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
    exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"
    path = tmp_path / "photo.jpg"
    path.write_bytes(plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + plain[2:])
    found = probe(str(path))
    assert (found.width, found.height) == (20, 40)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(png_bomb(30_000, 30_000))
    with pytest.raises(MediaTooLarge, match=r"30000 x 30000 pixels; the limit is 50 million"):
        probe(str(path))


def test_long_tracks_are_counted_by_packets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_sound(tmp_path / "x", tone(3.0), codec="libmp3lame", muxer="mp3")
    exact = probe(str(path)).duration
    monkeypatch.setattr(length, "DECODED_SECONDS", 1.0)
    quick = probe(str(path)).duration
    assert exact == pytest.approx(3.0, abs=1e-6)
    assert quick == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("ticks_a_second", [1, 0xFFFFFFFF, 1_587_600_000])
def test_an_mp4_whose_clock_lies_is_as_long_as_its_samples(ticks_a_second: int, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "x", tone(2.0), codec="aac", muxer="mp4")
    data = bytearray(path.read_bytes())
    at = data.index(b"mdhd") + 16
    data[at : at + 4] = ticks_a_second.to_bytes(4, "big")
    path.write_bytes(data)
    try:
        assert probe(str(path)).duration == pytest.approx(2.0, abs=0.05)
    except DamagedMedia as error:
        assert "promises" in error.sentence


@pytest.mark.parametrize(("width", "height"), [(limits.MAX_SIDE + 2, 16), (16, limits.MAX_SIDE + 2)])
def test_a_video_with_too_long_a_side_names_the_limit(width: int, height: int, tmp_path: Path) -> None:
    path = write_video(tmp_path / "x", size=(width, height), count=2)
    with pytest.raises(MediaTooLarge, match=f"{width} x {height} pixels; the limit is 7680 on a side"):
        probe(str(path))


def test_the_limit_is_told_in_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_AUDIO_SECONDS", 1.0)
    with pytest.raises(MediaTooLarge, match="hours"):
        probe(str(write_wav(tmp_path / "x", tone(1.5))))


def test_flipped_bytes_never_crash(tmp_path: Path) -> None:
    """Damage anywhere ends in a result or a RenderError, nothing else."""
    random = np.random.default_rng(3)
    for name in ("mp3", "m4a", "opus", "flac"):
        codec, muxer, rate_hz, *_ = FORMATS[name]
        path = write_sound(tmp_path / name, tone(0.3, rate_hz), rate_hz, codec=codec, muxer=muxer)
        whole = path.read_bytes()
        for _ in range(25):
            damaged = bytearray(whole)
            for at in random.integers(0, len(whole), 8):
                damaged[at] = int(random.integers(0, 256))
            path.write_bytes(damaged)
            try:
                assert probe(str(path)).kind in ("AUDIO", "VIDEO")
            except RenderError as error:
                assert error.sentence
