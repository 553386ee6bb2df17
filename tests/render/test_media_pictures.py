"""Stills, thumbnails and waveforms."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from render.errors import DamagedMedia, MediaTooLarge, UnsupportedMedia
from render.media.peaks import peaks
from render.media.still import write_still
from render.media.thumbnail import thumbnail
from tests.render.media_files import png_bomb, tone, write_image, write_sound, write_video, write_wav


def decoded(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)


def bt709(red: int, green: int, blue: int) -> tuple[int, int, int]:
    """ITU-R BT.709, limited range, 8 bits."""
    luma = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255
    return (
        round(16 + 219 * luma),
        round(128 + 224 * (blue / 255 - luma) / 1.8556),
        round(128 + 224 * (red / 255 - luma) / 1.5748),
    )


def flat_planes(width: int, height: int, color: tuple[int, int, int]) -> np.ndarray:
    luma, blue, red = bt709(*color)
    planes = np.full((height * 3 // 2, width), luma, np.uint8)
    chroma = planes[height:].reshape(-1)
    chroma[: chroma.size // 2] = blue
    chroma[chroma.size // 2 :] = red
    return planes


COLORS = [(255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 160, 220)]


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize(("name", "tolerance"), [("a.png", 2), ("a.jpg", 4)])
def test_a_still_has_the_colours_of_the_film(
    color: tuple[int, int, int], name: str, tolerance: int, tmp_path: Path
) -> None:
    out = tmp_path / name
    write_still(flat_planes(64, 48, color), 64, 48, str(out), 32)
    pixels = decoded(out)
    assert pixels.shape == (24, 32, 3)
    assert np.abs(pixels - np.array(color)).max() <= tolerance


@pytest.mark.parametrize("out_width", [1, 7, 33, 64, 5000])
@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_any_width_keeps_the_shape_and_is_never_larger(out_width: int, name: str, tmp_path: Path) -> None:
    out = tmp_path / name
    write_still(flat_planes(64, 36, (9, 9, 9)), 64, 36, str(out), out_width)
    height, width, _ = decoded(out).shape
    assert width == min(out_width, 64)
    assert height == max(1, round(36 * width / 64))


def test_a_still_made_smaller_averages_areas(tmp_path: Path) -> None:
    """Four bright pixels of the 64 that become one: a sixteenth of their light is kept, not lost."""
    planes = flat_planes(64, 64, (0, 0, 0))
    planes[32:34, 32:34] = 235
    write_still(planes, 64, 64, str(tmp_path / "a.png"), 8)
    small = decoded(tmp_path / "a.png")
    assert small.max() == pytest.approx(255 * 4 / 64, abs=6)


def test_a_still_of_another_shape_or_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no picture of 64 x 64"):
        write_still(flat_planes(64, 36, (0, 0, 0)), 64, 64, str(tmp_path / "a.png"), 8)
    with pytest.raises(ValueError, match="neither"):
        write_still(flat_planes(64, 36, (0, 0, 0)), 64, 36, str(tmp_path / "a.gif"), 8)


@pytest.mark.parametrize("codec", ["png", "mjpeg", "libwebp"])
def test_the_thumbnail_of_an_image(codec: str, tmp_path: Path) -> None:
    path = write_image(tmp_path / "x", np.full((41, 61, 3), (10, 200, 30), np.uint8), codec)
    thumbnail(str(path), str(tmp_path / "t.png"), 30)
    pixels = decoded(tmp_path / "t.png")
    assert pixels.shape == (20, 30, 3)
    assert np.abs(pixels - (10, 200, 30)).max() <= 4


def test_the_thumbnail_of_a_video_lies_some_way_in(tmp_path: Path) -> None:
    """Frame n has luma 40 + 10 n, and is a key frame: a tenth of 30 frames in is frame 3."""
    path = write_video(tmp_path / "v", count=30, codec="libx264", gop=1)
    thumbnail(str(path), str(tmp_path / "t.jpg"))
    assert decoded(tmp_path / "t.jpg").shape == (36, 64, 3)
    assert decoded(tmp_path / "t.jpg").mean() == pytest.approx((70 - 16) * 255 / 219, abs=3)


def test_transparency_lies_over_white_and_a_held_camera_is_upright(tmp_path: Path) -> None:
    clear = write_image(tmp_path / "clear", np.zeros((8, 8, 4), np.uint8), "png")
    thumbnail(str(clear), str(tmp_path / "t.png"))
    assert decoded(tmp_path / "t.png").min() == 255

    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :20] = 255  # white on the left; turned 90 degrees clockwise that is the top
    plain = write_image(tmp_path / "x", pixels, "mjpeg").read_bytes()
    exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + plain[2:])
    thumbnail(str(photo), str(tmp_path / "u.png"))
    upright = decoded(tmp_path / "u.png")
    assert upright.shape == (40, 20, 3)
    assert upright[:15].min() > 200 and upright[25:].max() < 50


def test_what_has_no_picture_has_no_thumbnail(tmp_path: Path) -> None:
    out = tmp_path / "t.jpg"
    with pytest.raises(UnsupportedMedia, match="no picture"):
        thumbnail(str(write_wav(tmp_path / "x", tone(0.1))), str(out))
    bomb = tmp_path / "bomb"
    bomb.write_bytes(png_bomb(30_000, 30_000))
    with pytest.raises(MediaTooLarge):
        thumbnail(str(bomb), str(out))
    cut = write_image(tmp_path / "cut", np.zeros((50, 50, 3), np.uint8), "mjpeg")
    cut.write_bytes(cut.read_bytes()[:-40])
    with pytest.raises(DamagedMedia):
        thumbnail(str(cut), str(out))
    assert not out.exists()


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_peaks_follow_the_loudest_channel(channels: int, tmp_path: Path) -> None:
    samples = tone(3.0, channels=channels)
    third, margin = samples.shape[1] // 3, samples.shape[1] // 50
    samples[:, : third + margin] = 0
    samples[:, 2 * third - margin : 2 * third + margin] = 0
    samples[:-1, 2 * third :] = 0
    samples[-1, 2 * third :] *= 2
    found = peaks(str(write_wav(tmp_path / "x", samples)), 6)
    assert found == pytest.approx([0, 0, 0.25, 0.25, 0.5, 0.5], abs=0.001)


@pytest.mark.parametrize(
    ("codec", "muxer", "rate_hz"), [("flac", "flac", 44_100), ("libopus", "ogg", 48_000)]
)
def test_peaks_of_other_sample_formats(codec: str, muxer: str, rate_hz: int, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "x", tone(2.0, rate_hz), rate_hz, codec=codec, muxer=muxer)
    assert peaks(str(path), 20) == pytest.approx([0.25] * 20, abs=0.03)


def test_one_impulse_is_in_its_place_at_any_count(tmp_path: Path) -> None:
    samples = np.zeros((1, 100_003))
    samples[0, 70_001] = -0.75
    path = str(write_wav(tmp_path / "x", samples))
    for count in (1, 7, 100, 800, 10_000):
        found = np.array(peaks(path, count))
        assert found.size == count
        hit = np.flatnonzero(found > 0.7)
        assert 1 <= hit.size <= 2 and 70_001 * count // 100_003 in hit


def test_peaks_of_next_to_nothing(tmp_path: Path) -> None:
    assert peaks(str(write_wav(tmp_path / "one", np.full((2, 1), 0.5))), 4) == pytest.approx(
        [0.5] * 4, abs=0.01
    )
    with pytest.raises(DamagedMedia, match="no sound"):
        peaks(str(write_wav(tmp_path / "none", np.zeros((1, 0)))), 4)
