"""What is opened, by which demuxer, and what is refused before any demuxer runs."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from render import limits
from render.errors import DamagedMedia, MediaTooLarge, UnsupportedMedia
from render.media.container import audio_stream, open_media, sniff, video_stream
from render.media.image_header import image_size
from render.media.magic import FORMATS, id3_bytes
from tests.render.media_files import png_bomb, tone, write_image, write_sound, write_video, write_wav

SOUNDS = {
    "WAV": ("pcm_s16le", "wav", 44_100),
    "FLAC": ("flac", "flac", 44_100),
    "MP3": ("libmp3lame", "mp3", 44_100),
    "AAC": ("aac", "adts", 44_100),
    "AIFF": ("pcm_s16be", "aiff", 44_100),
    "Ogg": ("libopus", "ogg", 48_000),
    "MP4": ("aac", "mp4", 44_100),
    "QuickTime": ("pcm_s16le", "mov", 44_100),
    "WebM": ("libopus", "webm", 48_000),
    "Matroska": ("flac", "matroska", 44_100),
}
VIDEOS = {
    "MP4": ("libx264", "mp4"),
    "QuickTime": ("libx264", "mov"),
    "WebM": ("libvpx", "webm"),
    "Matroska": ("libx264", "matroska"),
    "AVI": ("mpeg4", "avi"),
}
IMAGES = {"PNG": "png", "JPEG": "mjpeg", "WebP": "libwebp"}
TEXTS = {
    "ffconcat": b"ffconcat version 1.0\nfile secret.wav\n",
    "m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nsecret.wav\n",
    "m3u with BOM": b"\xef\xbb\xbf#EXTM3U\nsecret.wav\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "html": b"<!doctype html><script>alert(1)</script>",
    "plain": b"hello world, this is no music at all. " * 50,
    "looks like free atom": b"Say free software and free beer, and free speech." * 20,
    "subtitles": b"1\n00:00:01,000 --> 00:00:02,000\nhello\n",
    "pdf": b"%PDF-1.7\n",
    "zip": b"PK\x03\x04" + b"\0" * 100,
    "gif": b"GIF89a" + b"\0" * 100,
    "avif": struct.pack(">I", 24) + b"ftypavif" + b"\0" * 100,
    "zeros": b"\0" * 5000,
    "frame sync that leads nowhere": b"\xff\xfb\x90\x00" + b"x" * 5000,
    "riff of another form": b"RIFF\x00\x00\x00\x00CDXA" + b"\0" * 100,
    "one byte": b"\xff",
}


@pytest.mark.parametrize("name", SOUNDS)
def test_sound_is_known_by_content_under_a_false_name(name: str, tmp_path: Path) -> None:
    codec, muxer, rate_hz = SOUNDS[name]
    path = write_sound(tmp_path / "a:b.txt", tone(0.5, rate_hz), rate_hz, codec=codec, muxer=muxer)
    found = sniff(path)
    assert found is not None and found.name == name
    with open_media(path) as container:
        assert container.format.name == found.demuxer
        assert audio_stream(container).codec_context.sample_rate == rate_hz
        assert video_stream(container) is None


@pytest.mark.parametrize("name", VIDEOS)
def test_video_is_known_by_content(name: str, tmp_path: Path) -> None:
    codec, muxer = VIDEOS[name]
    path = write_video(tmp_path / "film.mp3", codec=codec, muxer=muxer)
    found = sniff(path)
    assert found is not None and found.name == name
    with open_media(path) as container:
        stream = video_stream(container)
        assert stream is not None and (stream.width, stream.height) == (64, 36)
        with pytest.raises(UnsupportedMedia, match="no audio stream"):
            audio_stream(container)


@pytest.mark.parametrize("name", IMAGES)
def test_images_state_their_size_before_they_are_decoded(name: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (37, 53, 3), np.uint8)
    path = write_image(tmp_path / "picture", pixels, IMAGES[name])
    found = sniff(path)
    assert found is not None and found.name == name and found.kind == "IMAGE"
    assert image_size(path, found) == (53, 37)
    path.write_bytes(path.read_bytes()[:15])
    with pytest.raises(DamagedMedia, match="states no size"):
        image_size(path, found)


@pytest.mark.parametrize("chunk", ["VP8L", "VP8X"])
def test_the_other_webp_headers_are_read_too(chunk: str, tmp_path: Path) -> None:
    bodies = {
        "VP8L": b"\x2f" + ((53 - 1) | (37 - 1) << 14).to_bytes(4, "little"),
        "VP8X": b"\0\0\0\0" + (52).to_bytes(3, "little") + (36).to_bytes(3, "little"),
    }
    path = tmp_path / "x"
    path.write_bytes(b"RIFF\x40\0\0\0WEBP" + chunk.encode() + b"\x20\0\0\0" + bodies[chunk] + b"\0" * 20)
    found = sniff(path)
    assert found is not None
    assert image_size(path, found) == (53, 37)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("suffix", [".mp3", ".mp4"])
def test_what_is_no_media_is_refused_whatever_its_name(name: str, suffix: str, tmp_path: Path) -> None:
    write_wav(tmp_path / "secret.wav", tone(0.1))
    path = tmp_path / f"upload{suffix}"
    path.write_bytes(TEXTS[name])
    assert sniff(path) is None
    with pytest.raises(UnsupportedMedia, match="none of the supported formats"):
        open_media(path)


def test_no_demuxer_but_the_sniffed_one_sees_the_file(tmp_path: Path) -> None:
    """A script behind a valid magic is handed to that demuxer alone, which finds it broken."""
    write_wav(tmp_path / "secret.wav", tone(0.1))
    path = tmp_path / "a.mp4"
    path.write_bytes(struct.pack(">I", 16) + b"ftypisom\0\0\0\0" + TEXTS["ffconcat"])
    with pytest.raises(DamagedMedia):
        open_media(path)


def test_empty_and_missing_files(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp3"
    empty.touch()
    with pytest.raises(DamagedMedia, match="empty"):
        open_media(empty)
    with pytest.raises(FileNotFoundError):
        open_media(tmp_path / "missing")


@pytest.mark.parametrize(
    ("width", "height"), [(20_000, 20_000), (2**31 - 1, 1), (limits.MAX_IMAGE_PIXELS + 1, 1)]
)
def test_a_picture_bomb_is_refused_by_its_header(width: int, height: int, tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_bomb(width, height))
    with pytest.raises(MediaTooLarge, match="the limit is 50 million"):
        open_media(path)


def test_mp3_with_and_without_a_tag(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "tagged", tone(0.5), codec="libmp3lame", muxer="mp3")
    tagged = path.read_bytes()
    skipped = id3_bytes(tagged[:4096])
    assert skipped
    bare = tmp_path / "bare"
    bare.write_bytes(tagged[skipped:])
    broad = tmp_path / "broad"  # a tag larger than what is read at first: cover art
    broad.write_bytes(b"ID3\x04\0\0\0\x0c\x00\x00" + b"\0" * (12 << 14) + tagged[skipped:])
    for file in (path, bare, broad):
        found = sniff(file)
        assert found is not None and found.name == "MP3"
        with open_media(file) as container:
            assert audio_stream(container).codec_context.sample_rate == 44_100


def test_a_song_with_cover_art_is_a_song(tmp_path: Path) -> None:
    picture = write_image(tmp_path / "cover.png", np.zeros((8, 8, 3), np.uint8), "png").read_bytes()
    song = write_sound(tmp_path / "song", tone(0.5), codec="libmp3lame", muxer="mp3").read_bytes()
    body = b"\0image/png\0\x03\0" + picture
    frame = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path = tmp_path / "covered.mp3"
    path.write_bytes(b"ID3\x03\0\0" + size + frame + song[id3_bytes(song[:4096]) or 0 :])
    with open_media(path) as container:
        assert len(container.streams.video) == 1
        assert video_stream(container) is None
        assert audio_stream(container).codec_context.sample_rate == 44_100


def test_too_many_streams_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.mka"
    with av.open(str(path), "w", format="matroska") as container:
        streams = [
            container.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(limits.MAX_STREAMS + 1)
        ]
        for stream in streams:
            frame = AudioFrame(format="s16", layout="mono", samples=80)
            frame.sample_rate, frame.pts = 8000, 0
            container.mux(stream.encode(frame))
    with pytest.raises(MediaTooLarge, match="33 streams; the limit is 32"):
        open_media(path)


def test_a_foreign_codec_is_not_decoded(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", tone(0.5), codec="adpcm_yamaha", muxer="wav")
    with open_media(path) as container, pytest.raises(UnsupportedMedia, match="supported codec"):
        audio_stream(container)


def test_every_format_is_tested_here() -> None:
    assert {found.name for found in FORMATS} == SOUNDS.keys() | VIDEOS.keys() | IMAGES.keys()
