"""Storing: by content, once, under a name of its own, and nothing left of what is refused."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from tortoise.context import TortoiseContext

from app.storage import open_files
from db.assets import Asset
from domain import assets
from domain.accounts import Viewer, local_owner
from domain.assets import NewAsset, record
from domain.errors import InvalidInput, MediaCrashed, StarlingError, TimedOut, TooLarge, UnsupportedMedia
from domain.ports import Limits, Services
from tests.render.media_files import png_bomb, tone, write_image, write_sound, write_video, write_wav
from tests.support.bucket_server import bucket_environment, bucket_server
from tests.support.local_services import local_services

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return local_services(tmp_path / "home")


@pytest.fixture
async def viewer(database: TortoiseContext) -> Viewer:
    return await local_owner()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "song", tone(0.2, 8000, 1), 8000)


def other_song(folder: Path, number: int) -> Path:
    return write_wav(folder / f"song{number}", tone(0.1, 8000, 1, hz=100.0 + number), 8000)


async def stored_keys(services: Services) -> list[str]:
    return [key async for key, _ in services.files.keys("assets")]


async def test_a_song(viewer: Viewer, services: Services, song: Path) -> None:
    asset = await assets.store(viewer, song, "../My Song.wav", services=services)
    content = hashlib.sha256(song.read_bytes()).hexdigest()
    assert (asset.kind, asset.filename, asset.content_type) == ("AUDIO", "My Song.wav", "audio/wav")
    assert (asset.size, asset.sha256) == (song.stat().st_size, content)
    assert (asset.duration, asset.sample_rate, asset.channels) == (0.2, 8000, 1)
    assert asset.key == f"assets/{content[:2]}/{content}"
    assert assets.url(asset) == f"/assets/{asset.id}/My%20Song.wav"
    assert assets.url(asset, "https://a.example/") == f"https://a.example/assets/{asset.id}/My%20Song.wav"
    assert assets.thumbnail_url(asset) is None
    async with services.files.local(asset.key) as path:
        assert path.read_bytes() == song.read_bytes()


async def test_the_same_again_is_the_same_asset(viewer: Viewer, services: Services, song: Path) -> None:
    first = await assets.store(viewer, song, "a.wav", services=services)
    again = await assets.store(viewer, song, "a.wav", services=services)
    renamed = await assets.store(viewer, song, "b.wav", services=services)
    assert again.id == first.id
    assert renamed.id != first.id
    assert renamed.key == first.key
    assert await stored_keys(services) == [first.key]


async def test_equal_names_are_numbered(
    viewer: Viewer, services: Services, song: Path, tmp_path: Path
) -> None:
    await assets.store(viewer, song, "a.wav", services=services)
    second = await assets.store(viewer, other_song(tmp_path, 1), "a.wav", services=services)
    third = await assets.store(viewer, other_song(tmp_path, 2), "a.wav", services=services)
    again = await assets.store(viewer, other_song(tmp_path, 1), "a.wav", services=services)
    assert [second.filename, third.filename] == ["a-2.wav", "a-3.wav"]
    assert again.id == second.id


async def test_a_free_name_is_taken_rather_than_a_numbered_one(
    viewer: Viewer, services: Services, song: Path
) -> None:
    await assets.store(viewer, song, "a-2.wav", services=services)
    plain = await assets.store(viewer, song, "a.wav", services=services)
    assert plain.filename == "a.wav"


async def test_names_are_unique_however_many_come_at_once(
    viewer: Viewer, services: Services, tmp_path: Path
) -> None:
    songs = [other_song(tmp_path, number) for number in range(12)]
    made = await asyncio.gather(
        *(assets.store(viewer, song, "same.wav", services=services) for song in songs)
    )
    wanted = {"same.wav"} | {f"same-{number}.wav" for number in range(2, 13)}
    assert {asset.filename for asset in made} == wanted


async def test_one_upload_repeated_at_once_is_one_asset(
    viewer: Viewer, services: Services, song: Path
) -> None:
    made = await asyncio.gather(
        *(assets.store(viewer, song, "same.wav", services=services) for _ in range(8))
    )
    assert len({asset.id for asset in made}) == 1
    assert await Asset.all().count() == 1


async def test_owners_share_bytes_and_nothing_else(viewer: Viewer, services: Services, song: Path) -> None:
    stranger = replace(viewer, id=uuid4())
    mine = await assets.store(viewer, song, "a.wav", services=services)
    theirs = await assets.store(stranger, song, "a.wav", services=services)
    assert mine.id != theirs.id
    assert mine.key == theirs.key
    assert theirs.filename == "a.wav"
    assert await assets.find(stranger, mine.id) is None
    assert await assets.by_ids(stranger, [mine.id, theirs.id]) == {theirs.id: theirs}


async def test_pictures_and_films(viewer: Viewer, services: Services, tmp_path: Path) -> None:
    image = write_image(tmp_path / "i", np.zeros((18, 32, 3), np.uint8), "png")
    film = write_video(tmp_path / "v")
    shown = await assets.store(viewer, image, "", services=services)
    moving = await assets.store(viewer, film, "no ending", services=services)
    assert (shown.kind, shown.filename, shown.width, shown.height) == ("IMAGE", "image.png", 32, 18)
    assert (moving.kind, moving.filename, moving.width, moving.height) == ("VIDEO", "no ending", 64, 36)
    assert moving.duration == pytest.approx(1.0)
    assert assets.thumbnail_url(moving) == f"/assets/{moving.id}/thumbnail.jpg"


async def test_an_image_that_is_called_like_its_thumbnail(
    viewer: Viewer, services: Services, tmp_path: Path
) -> None:
    image = write_image(tmp_path / "i", np.zeros((18, 32, 3), np.uint8), "mjpeg")
    asset = await assets.store(viewer, image, "thumbnail.jpg", services=services)
    assert asset.filename == "thumbnail.jpg"
    assert assets.url(asset) != assets.thumbnail_url(asset)


async def test_an_object_store_holds_them_as_well(
    viewer: Viewer, tmp_path: Path, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bucket_server() as endpoint:
        for name, value in bucket_environment(endpoint).items():
            monkeypatch.setenv(name, value)
        bucket = open_files("s3://films/prefix", tmp_path / "unused", tmp_path / "scratch")
        services = local_services(tmp_path / "home", files=bucket)
        asset = await assets.store(viewer, song, "a.wav", services=services)
        assert await services.files.size(asset.key) == song.stat().st_size
        assert await assets.peaks(asset, 4, services=services) == pytest.approx([0.25] * 4, abs=0.01)
        await assets.delete(viewer, asset.id, services=services)
        assert [key async for key, _ in services.files.keys("assets")] == []
        assert [key async for key, _ in services.files.keys("peaks")] == []
        assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (96_000, 2), (192_000, 2)])
async def test_rates_and_channels(
    viewer: Viewer, services: Services, tmp_path: Path, rate_hz: int, channels: int
) -> None:
    song = write_wav(tmp_path / "s", tone(0.05, rate_hz, channels), rate_hz)
    asset = await assets.store(viewer, song, "a.wav", services=services)
    assert (asset.sample_rate, asset.channels) == (rate_hz, channels)


async def test_surround_sound(viewer: Viewer, services: Services, tmp_path: Path) -> None:
    song = write_sound(tmp_path / "s", tone(0.1, 48_000, 6), 48_000, codec="flac", muxer="flac", layout="5.1")
    asset = await assets.store(viewer, song, "a.flac", services=services)
    assert (asset.kind, asset.channels) == ("AUDIO", 6)


def _text(folder: Path) -> Path:
    path = folder / "text"
    path.write_text("this is no music, whatever it is called\n" * 100)
    return path


def _concat(folder: Path) -> Path:
    path = folder / "concat"
    path.write_text(f"ffconcat version 1.0\nfile {write_wav(folder / 'x.wav', tone(0.1, 8000, 1), 8000)}\n")
    return path


def _playlist(folder: Path) -> Path:
    path = folder / "playlist"
    path.write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n")
    return path


def _svg(folder: Path) -> Path:
    path = folder / "svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    return path


def _empty(folder: Path) -> Path:
    path = folder / "empty"
    path.touch()
    return path


def _cut_film(folder: Path) -> Path:
    path = write_video(folder / "cut")
    path.write_bytes(path.read_bytes()[:300])
    return path


def _cut_image(folder: Path) -> Path:
    path = write_image(folder / "cut", np.zeros((64, 64, 3), np.uint8), "png")
    path.write_bytes(path.read_bytes()[:60])
    return path


def _bomb(folder: Path) -> Path:
    path = folder / "bomb"
    path.write_bytes(png_bomb(30_000, 30_000))
    return path


def _ten_hours(folder: Path) -> Path:
    """A sparse file: ten hours of silence at 8 kHz, 8 bits."""
    path = write_wav(folder / "long", tone(0.1, 8000, 1), 8000)
    head = bytearray(path.read_bytes()[:44])
    size = 10 * 3600 * 8000 * 2
    head[4:8], head[40:44] = (size + 36).to_bytes(4, "little"), size.to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(head)
        file.truncate(44 + size)
    return path


@pytest.mark.parametrize(
    ("make", "name", "kinds", "says"),
    [
        (_text, "song.mp3", UnsupportedMedia, "none of the supported formats"),
        (_concat, "film.mp4", UnsupportedMedia, "none of the supported formats"),
        (_playlist, "film.mp4", UnsupportedMedia, "none of the supported formats"),
        (_svg, "image.png", UnsupportedMedia, "none of the supported formats"),
        (_empty, "song.wav", InvalidInput, "empty"),
        (_cut_film, "film.mp4", (InvalidInput, UnsupportedMedia), "cut|damaged|no picture|broken"),
        (_cut_image, "image.png", InvalidInput, "cut|damaged|broken"),
        (_bomb, "image.png", TooLarge, "pixels"),
        (_ten_hours, "song.wav", TooLarge, "2 hours|2 h|7200|limit"),
    ],
)
async def test_what_is_refused_leaves_nothing(
    viewer: Viewer,
    tmp_path: Path,
    make: object,
    name: str,
    kinds: type[StarlingError] | tuple[type[StarlingError], ...],
    says: str,
) -> None:
    services = local_services(tmp_path / "home", limits=Limits(max_audio_bytes=2 * 1024**3))
    staged = make(tmp_path)  # type: ignore[operator]
    with pytest.raises(kinds, match=says) as refused:
        await assets.store(viewer, staged, name, services=services)
    assert refused.value.field == "file"
    assert await stored_keys(services) == []
    assert await Asset.all().count() == 0


async def test_the_limit_is_that_of_the_kind(viewer: Viewer, tmp_path: Path, song: Path) -> None:
    services = local_services(tmp_path / "home", limits=Limits(max_audio_bytes=1000))
    with pytest.raises(TooLarge, match="audio may have at most 1,000 bytes"):
        await assets.store(viewer, song, "a.wav", services=services)
    image = write_image(tmp_path / "i", np.zeros((64, 64, 3), np.uint8), "png")
    await assets.store(viewer, image, "i.png", services=services)


@pytest.mark.parametrize(
    ("error", "told"), [(MediaCrashed("died"), UnsupportedMedia), (TimedOut("10 s"), InvalidInput)]
)
async def test_a_file_that_breaks_its_reader(
    viewer: Viewer, tmp_path: Path, song: Path, error: StarlingError, told: type[StarlingError]
) -> None:
    class Broken:
        async def run(self, function: str, *args: object, timeout: float = 10.0) -> object:
            raise error

    services = local_services(tmp_path / "home", media=Broken())
    with pytest.raises(told, match="refused"):
        await assets.store(viewer, song, "a.wav", services=services)


async def test_outputs_of_a_job_get_names_of_their_own(viewer: Viewer) -> None:
    new = NewAsset("VIDEO", "a/film.mp4", "video/mp4", 5, "0" * 64, "renders/x/1/film.mp4", duration=2.0)
    rows = [await record(viewer.id, new) for _ in range(3)]
    assert [row.filename for row in rows] == ["film.mp4", "film-2.mp4", "film-3.mp4"]
    assert rows[0].duration == 2.0
