"""GET /assets: ranges, conditions, names and headers, and thumbnails beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote
from uuid import uuid4

import av
import httpx
import numpy as np
import pytest
from starlette.applications import Starlette
from tortoise.context import TortoiseContext

from app.rest import errors
from app.rest.assets import asset_routes
from app.rest.stored import disposition
from db.assets import Asset
from domain import assets
from domain.accounts import Viewer, local_owner
from domain.ports import Services
from tests.render.media_files import tone, write_image, write_video, write_wav
from tests.support.local_services import MediaInThread, local_services
from tests.support.serving import serving

pytestmark = pytest.mark.usefixtures("database")


@dataclass
class World:
    services: Services
    client: httpx.AsyncClient
    viewer: Viewer
    song: Asset
    bytes: bytes
    media: MediaInThread


@pytest.fixture
async def world(tmp_path: Path, database: TortoiseContext) -> AsyncIterator[World]:
    media = MediaInThread()
    services = local_services(tmp_path / "home", media=media)
    path = write_wav(tmp_path / "song", tone(1.0, 8000, 1), 8000)
    viewer = await local_owner()
    song = await assets.store(viewer, path, 'Mein "Lied" é.wav', services=services)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Services]]:
        yield {"services": services}

    app = Starlette(routes=asset_routes(), lifespan=lifespan)
    errors.install(app)
    async with serving(app) as url, httpx.AsyncClient(base_url=url, verify=False) as client:
        yield World(services, client, viewer, song, path.read_bytes(), media)


async def test_the_whole_file(world: World) -> None:
    answer = await world.client.get(assets.url(world.song))
    assert answer.status_code == 200
    assert answer.content == world.bytes
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["content-length"] == str(len(world.bytes))
    assert answer.headers["etag"] == f'"{world.song.sha256}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert "immutable" in answer.headers["cache-control"]
    said = answer.headers["content-disposition"]
    assert said.startswith("inline; ")
    assert unquote(said.partition("filename*=UTF-8''")[2]) == world.song.filename


@pytest.mark.parametrize(
    ("said", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-50", -50, None),
        ("bytes=5-99999999", 5, None),
    ],
)
async def test_a_part(world: World, said: str, start: int, end: int | None) -> None:
    answer = await world.client.get(assets.url(world.song), headers={"Range": said})
    wanted = world.bytes[start:end]
    first = start % len(world.bytes)
    assert answer.status_code == 206
    assert answer.content == wanted
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(wanted) - 1}/{len(world.bytes)}"
    assert answer.headers["content-length"] == str(len(wanted))


async def test_parts_that_cannot_be(world: World) -> None:
    behind = await world.client.get(assets.url(world.song), headers={"Range": "bytes=999999-"})
    assert behind.status_code == 416
    assert behind.headers["content-range"] == f"bytes */{len(world.bytes)}"
    several = await world.client.get(assets.url(world.song), headers={"Range": "bytes=0-1,4-5"})
    assert (several.status_code, several.content) == (200, world.bytes)


async def test_conditions(world: World) -> None:
    url, tag = assets.url(world.song), f'"{world.song.sha256}"'
    for said in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        known = await world.client.get(url, headers={"If-None-Match": said})
        assert (known.status_code, known.content) == (304, b"")
        assert known.headers["etag"] == tag
    assert (await world.client.get(url, headers={"If-None-Match": '"x"'})).status_code == 200
    same = await world.client.get(url, headers={"Range": "bytes=0-1", "If-Range": tag})
    other = await world.client.get(url, headers={"Range": "bytes=0-1", "If-Range": '"x"'})
    assert (same.status_code, other.status_code) == (206, 200)


async def test_head(world: World) -> None:
    answer = await world.client.head(assets.url(world.song), headers={"Range": "bytes=0-1"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(world.bytes))


async def test_download_saves(world: World) -> None:
    answer = await world.client.get(assets.url(world.song), params={"download": "1"})
    assert answer.headers["content-disposition"].startswith("attachment; ")


async def test_the_id_is_what_counts(world: World) -> None:
    assert (await world.client.get(f"/assets/{world.song.id}/any.name")).content == world.bytes
    for path in (f"/assets/{uuid4()}/x", "/assets/nonsense/x", f"/assets/{uuid4()}/thumbnail.jpg"):
        answer = await world.client.get(path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Asset not found"})
    assert (await world.client.get(f"/assets/{world.song.id}/..%2f..%2fetc%2fpasswd")).status_code in (
        200,
        404,
    )
    assert (await world.client.post(assets.url(world.song))).status_code == 405


async def test_deleted_and_lost(world: World) -> None:
    url = assets.url(world.song)
    await world.services.files.delete(world.song.key)
    lost = await world.client.get(url)
    assert (lost.status_code, lost.json()) == (404, {"detail": "The stored file is gone"})
    await assets.delete(world.viewer, world.song.id, services=world.services)
    assert (await world.client.get(url)).json() == {"detail": "Asset not found"}


async def test_nothing_of_another_owner(world: World) -> None:
    await Asset.filter(id=world.song.id).update(owner_id=uuid4())
    assert (await world.client.get(assets.url(world.song))).status_code == 404


@pytest.mark.parametrize("make", ["video", "image"])
async def test_thumbnails_are_made_once(world: World, tmp_path: Path, make: str) -> None:
    path = tmp_path / "pictured"
    if make == "video":
        write_video(path, size=(1280, 720), count=3)
    else:
        write_image(path, np.full((720, 1280, 3), 200, np.uint8), "png")
    asset = await assets.store(world.viewer, path, "x", services=world.services)
    url = assets.thumbnail_url(asset)
    assert url is not None
    first, second = await world.client.get(url), await world.client.get(url)
    assert first.status_code == 200
    assert first.headers["content-type"] == "image/jpeg"
    assert first.content == second.content
    assert world.media.calls.count("render.media.thumbnail:thumbnail") == 1
    picture = tmp_path / "thumbnail.jpg"
    picture.write_bytes(first.content)
    with av.open(str(picture)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (640, 360)


async def test_sound_has_no_thumbnail(world: World) -> None:
    assert assets.thumbnail_url(world.song) is None
    answer = await world.client.get(f"/assets/{world.song.id}/thumbnail.jpg")
    assert (answer.status_code, answer.json()) == (404, {"detail": "This asset has no thumbnail"})


async def test_an_image_called_like_its_thumbnail(world: World, tmp_path: Path) -> None:
    path = write_image(tmp_path / "i", np.full((720, 1280, 3), 200, np.uint8), "mjpeg")
    asset = await assets.store(world.viewer, path, "thumbnail.jpg", services=world.services)
    answer = await world.client.get(assets.url(asset))
    assert answer.content == path.read_bytes()
    assert 'filename="thumbnail.jpg"' in answer.headers["content-disposition"]


def test_names_in_headers() -> None:
    said = disposition("attachment", 'a"b\\c;é%.wav')
    assert said == "attachment; filename=\"a_b_c;__.wav\"; filename*=UTF-8''a%22b%5Cc%3B%C3%A9%25.wav"
    assert disposition("inline", "x").isascii()
