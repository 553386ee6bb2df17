"""The MP4: exact to the frame and the sample, tagged, the same bytes each time, whole or not there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from render.errors import DamagedMedia, UnsupportedMedia
from render.video.encode import QUALITIES, RING, AudioCut, VideoSpec, encode
from tests.render.media_files import tone, write_sound, write_video, write_wav

W, H = 64, 36


def ramp(count: int, width: int = W, height: int = H, ring: int = RING) -> Iterator[np.ndarray]:
    """Frame n has luma 30 + n % 180 all over, from a ring that is really used again."""
    places = [np.full((height * 3 // 2, width), 128, np.uint8) for _ in range(ring)]
    for number in range(count):
        planes = places[number % ring]
        planes[:height] = 30 + number % 180
        yield planes


def noise(count: int, width: int, height: int) -> Iterator[np.ndarray]:
    random = np.random.default_rng(0)
    for _ in range(count):
        yield random.integers(16, 236, (height * 3 // 2, width), np.uint8)


def lumas(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.to_ndarray()[:H].mean()) for frame in container.decode(video=0)]


def sound(path: Path) -> np.ndarray:
    """The first channel as a player hears it: cut by the file's edit list."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert stream.duration is not None and stream.time_base is not None
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])
        return samples[: round(stream.duration * stream.time_base * stream.rate)]


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize(
    ("fps", "count"), [(30, 1), (30, 2), (24, 7), (30, 95), (60, 200), (1, 3), (120, 13)]
)
def test_frames_and_length_are_exact(quality: str, fps: int, count: int, tmp_path: Path) -> None:
    out, song = tmp_path / "film.mp4", write_wav(tmp_path / "song.wav", tone(0.5))
    heard: list[int] = []
    encode(
        ramp(count),
        out,
        VideoSpec(W, H, fps, count, quality),
        AudioCut(str(song), 0.0, count / fps),
        heard.append,
    )
    assert heard == list(range(1, count + 1))
    with av.open(str(out)) as container:
        picture, track = container.streams.video[0], container.streams.audio[0]
        assert picture.duration and picture.time_base and track.duration and container.duration
        assert picture.frames == count
        assert picture.duration * picture.time_base == Fraction(count, fps)
        assert picture.average_rate == fps
        assert track.duration / track.rate == pytest.approx(count / fps, abs=1.1 / track.rate)
        assert container.duration / av.time_base == pytest.approx(count / fps, abs=3e-5)
        times = [(frame.pts or 0) * picture.time_base for frame in container.decode(picture)]
    assert times == [Fraction(number, fps) for number in range(count)]
    assert np.abs(np.array(lumas(out)) - [30 + n % 180 for n in range(count)]).max() < 3


@pytest.mark.parametrize(
    ("width", "height"), [(16, 16), (18, 34), (66, 18), (160, 90), (90, 162), (854, 482)]
)
def test_any_even_size_keeps_every_pixel_in_its_place(width: int, height: int, tmp_path: Path) -> None:
    """A gradient down the picture, another across its chroma: a plane that begins elsewhere would show."""
    planes = np.empty((height * 3 // 2, width), np.uint8)
    planes[:height] = np.linspace(30, 200, height).astype(np.uint8)[:, None]
    chroma = np.linspace(80, 160, width // 2).astype(np.uint8)
    planes[height:] = np.broadcast_to(chroma, (height, width // 2)).reshape(height // 2, width)
    out = tmp_path / "film.mp4"
    encode([planes] * 3, out, VideoSpec(width, height, 30, 3, "HIGH"))
    with av.open(str(out)) as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == (width, height)
        assert np.abs(frame.to_ndarray().astype(int) - planes).max() < 12


@pytest.mark.parametrize("quality", QUALITIES)
def test_colours_are_tagged_and_the_index_is_in_front(quality: str, tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"
    encode(ramp(20), out, VideoSpec(W, H, 30, 20, quality))
    with av.open(str(out)) as container:
        context = container.streams.video[0].codec_context
        assert context.name == "h264" and context.pix_fmt == "yuv420p"
        tags = context.color_primaries, context.color_trc, context.colorspace, context.color_range
        assert tags == (1, 1, 1, 1)
        assert not container.streams.audio
    data = out.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_the_same_input_gives_the_same_bytes_by_frame_threads(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", tone(2.0))
    outs = [tmp_path / f"{n}.mp4" for n in range(3)]
    for out in outs:
        encode(noise(40, 160, 96), out, VideoSpec(160, 96, 30, 40), AudioCut(str(song), 0.1, 40 / 30))
    first, *others = [out.read_bytes() for out in outs]
    assert all(data == first for data in others)
    settings = first[first.index(b"x264 - core") :][:1500]
    assert b"threads=2" in settings and b"sliced_threads=0" in settings


def test_keyframes_come_every_four_seconds(tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"
    places = [np.full((H * 3 // 2, W), 100, np.uint8)] * 100
    encode(places, out, VideoSpec(W, H, 10, 100))
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        keys = [
            packet.pts * stream.time_base
            for packet in container.demux(stream)
            if packet.is_keyframe and packet.pts is not None and stream.time_base
        ]
    assert keys == [0, 4, 8]


def test_the_sound_is_the_cut_that_was_asked_for_then_silence(tmp_path: Path) -> None:
    """A second of low tone, a second of high tone; the film shows 0.75 s to 2.75 s of it."""
    track = np.concatenate((tone(1.0, hz=220), tone(1.0, hz=2200)), axis=1)
    song = write_wav(tmp_path / "song.wav", track)
    out = tmp_path / "film.mp4"
    encode(ramp(60), out, VideoSpec(W, H, 30, 60), AudioCut(str(song), 0.75, 2.0))
    heard = sound(out)
    assert heard.size == 88_200
    expected = np.concatenate((track[0, 33_075:], np.zeros(33_075, np.float32)))
    error = heard - expected
    assert np.sqrt(np.mean(error**2)) < 0.02
    assert np.abs(heard[-30_000:]).max() < 1e-3


@pytest.mark.parametrize(
    ("rate_hz", "channels", "expected"),
    [
        (8_000, 1, (48_000, 1)),
        (22_050, 2, (48_000, 2)),
        (44_100, 2, (44_100, 2)),
        (48_000, 1, (48_000, 1)),
        (48_000, 6, (48_000, 2)),
        (96_000, 2, (48_000, 2)),
        (192_000, 8, (48_000, 2)),
    ],
)
def test_any_rate_and_channels_become_what_players_take(
    rate_hz: int, channels: int, expected: tuple[int, int], tmp_path: Path
) -> None:
    song = write_wav(tmp_path / "song.wav", tone(1.0, rate_hz, channels), rate_hz)
    out = tmp_path / "film.mp4"
    encode(ramp(30), out, VideoSpec(W, H, 30, 30), AudioCut(str(song), 0.25, 1.0))
    with av.open(str(out)) as container:
        context = container.streams.audio[0].codec_context
        assert (context.sample_rate, context.channels) == expected
    heard = sound(out)
    loud = np.sqrt(np.mean(heard[: round(0.7 * expected[0])] ** 2))
    assert loud > 0.1 and heard.size == expected[0]
    spectrum = np.abs(np.fft.rfft(heard[: round(0.7 * expected[0])]))
    assert np.argmax(spectrum) / 0.7 == pytest.approx(440, abs=3)


@pytest.mark.parametrize(
    ("codec", "muxer", "rate_hz"),
    [
        ("libmp3lame", "mp3", 44_100),
        ("flac", "flac", 44_100),
        ("libopus", "ogg", 48_000),
        ("aac", "mp4", 44_100),
    ],
)
def test_compressed_songs_keep_their_time(codec: str, muxer: str, rate_hz: int, tmp_path: Path) -> None:
    """Silence, then a burst at 1 s: it is in its place in the film, whatever the codec's delay."""
    track = tone(2.0, rate_hz)
    track[:, :rate_hz] = 0
    song = write_sound(tmp_path / "song", track, rate_hz, codec=codec, muxer=muxer)
    out = tmp_path / "film.mp4"
    encode(ramp(30), out, VideoSpec(W, H, 30, 30), AudioCut(str(song), 0.5, 1.0))
    heard = np.abs(sound(out))
    assert np.argmax(heard > 0.1) / rate_hz == pytest.approx(0.5, abs=0.01)


def test_the_sound_of_a_video_serves_too_and_a_silent_file_is_refused(tmp_path: Path) -> None:
    silent, out = write_video(tmp_path / "silent.mp4"), tmp_path / "film.mp4"
    with pytest.raises(UnsupportedMedia, match="no audio stream"):
        encode(ramp(5), out, VideoSpec(W, H, 30, 5), AudioCut(str(silent), 0.0, 5 / 30))
    assert os.listdir(tmp_path) == ["silent.mp4"]


def test_sound_that_is_damaged_in_the_middle_leaves_a_whole_film(tmp_path: Path) -> None:
    song = write_sound(tmp_path / "song.mp3", tone(3.0), codec="libmp3lame", muxer="mp3")
    data = bytearray(song.read_bytes())
    data[20_000:26_000] = bytes(6000)
    song.write_bytes(data)
    out = tmp_path / "film.mp4"
    encode(ramp(90), out, VideoSpec(W, H, 30, 90), AudioCut(str(song), 0.0, 3.0))
    assert sound(out).size == 3 * 44_100
    song.write_bytes(data[:200])
    with pytest.raises(DamagedMedia):
        encode(ramp(90), tmp_path / "none.mp4", VideoSpec(W, H, 30, 90), AudioCut(str(song), 0.0, 3.0))


class Broken(Exception):
    pass


def test_an_error_while_drawing_leaves_nothing_and_no_thread(tmp_path: Path) -> None:
    def breaking() -> Iterator[np.ndarray]:
        yield from ramp(20)
        raise Broken

    with pytest.raises(Broken):
        encode(breaking(), tmp_path / "film.mp4", VideoSpec(W, H, 30, 60))
    assert os.listdir(tmp_path) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "encoder"]


def test_an_error_of_the_listener_stops_the_drawing(tmp_path: Path) -> None:
    drawn = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal drawn
        for planes in ramp(10_000):
            drawn += 1
            yield planes

    def listener(done: int) -> None:
        if done == 10:
            raise Broken

    with pytest.raises(Broken):
        encode(counted(), tmp_path / "film.mp4", VideoSpec(W, H, 30, 10_000), on_frame=listener)
    assert drawn <= 10 + 2 * RING
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("count", [4, 6])
def test_a_wrong_number_of_frames_is_an_error(count: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{count} frames were drawn, 5 were promised"):
        encode(ramp(count), tmp_path / "film.mp4", VideoSpec(W, H, 30, 5))
    with pytest.raises(ValueError, match="no picture"):
        encode(ramp(5, 32, 32), tmp_path / "film.mp4", VideoSpec(W, H, 30, 5))
    assert os.listdir(tmp_path) == []


def test_no_more_frames_are_in_use_than_the_ring_holds(tmp_path: Path) -> None:
    """The drawing is faster than the encoder here: it must wait, or a frame would be drawn over."""
    encoded, most = 0, 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal most
        for number, planes in enumerate(ramp(60, 640, 360)):
            most = max(most, number + 1 - encoded)
            yield planes

    def listener(done: int) -> None:
        nonlocal encoded
        encoded = done

    encode(counted(), tmp_path / "film.mp4", VideoSpec(640, 360, 30, 60, "HIGH"), on_frame=listener)
    assert 1 <= most <= RING


def test_the_final_path_shows_whole_films_only(tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"
    out.write_bytes(b"the film of before")
    seen: list[bytes] = []
    encode(ramp(30), out, VideoSpec(W, H, 30, 30), on_frame=lambda done: seen.append(out.read_bytes()[:18]))
    assert set(seen) == {b"the film of before"}
    assert len(lumas(out)) == 30
    assert os.listdir(tmp_path) == ["film.mp4"]


_FULL = """
import resource, sys
from pathlib import Path
from render.errors import StorageFull
from render.video.encode import AudioCut, VideoSpec, encode
from tests.render.test_video_encode import noise

out, limit, song, count = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    encode(noise(count, 320, 180), out, VideoSpec(320, 180, 30, count), AudioCut(song, 0.0, count / 30))
except StorageFull as error:
    print(error)
    sys.exit(7)
"""


def _encoded_into(out: Path, limit: int, song: Path, count: int) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, "-c", _FULL, str(out), str(limit), str(song), str(count)]
    return subprocess.run(script, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99, 0.9999])
def test_no_room_at_any_point_is_storage_full_and_leaves_nothing(share: float, tmp_path: Path) -> None:
    """In the header, among the frames, and while the index is written."""
    song = write_wav(tmp_path / "song.wav", tone(1.0))
    folder = tmp_path / "scratch"
    folder.mkdir()
    whole = _encoded_into(folder / "film.mp4", 0, song, 20)
    assert whole.returncode == 0, whole.stderr
    size = (folder / "film.mp4").stat().st_size
    (folder / "film.mp4").unlink()
    cut = _encoded_into(folder / "film.mp4", int(size * share), song, 20)
    assert (cut.returncode, cut.stdout) == (7, "There is no room left on the disk for the film.\n"), (
        cut.stderr
    )
    assert os.listdir(folder) == []


def test_a_real_full_disk(tmp_path: Path) -> None:
    """A tmpfs of 600 kB in a mount name space of its own."""
    song, folder = write_wav(tmp_path / "song.wav", tone(1.0)), tmp_path / "small"
    folder.mkdir()
    (tmp_path / "script.py").write_text(_FULL)
    command = (
        f"mount -t tmpfs -o size=600k none {folder} || exit 99;"
        f" {sys.executable} {tmp_path}/script.py {folder}/film.mp4 0 {song} 60;"
        f" code=$?; ls -A {folder}; exit $code"
    )
    ran = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", command],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
        check=False,
    )
    if ran.returncode in (1, 99):
        pytest.skip(f"this machine gives no mount name space: {ran.stderr}")
    assert (ran.returncode, ran.stdout) == (7, "There is no room left on the disk for the film.\n"), (
        ran.stderr
    )


_MEMORY = """
import resource, sys
from render.video.encode import VideoSpec, encode
from tests.render.test_video_encode import ramp
count = int(sys.argv[1])
encode(ramp(count, 320, 180), sys.argv[2], VideoSpec(320, 180, 30, count, "HIGH"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        command = [sys.executable, "-c", _MEMORY, str(count), str(tmp_path / "film.mp4")]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert peak(1500) - peak(150) < 10 * 1024  # kB; ten times the frames
