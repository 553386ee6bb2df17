"""POST /assets over real sockets: what arrives is stored; what is refused, cut or stalls leaves nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import numpy as np
import psutil
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from app import uploads
from app.guards import OriginGuard
from app.rest import errors
from app.rest.assets import asset_routes
from db.assets import Asset
from domain.assets.removal import STAGED_UPLOADS
from domain.ports import Limits, Services
from tests.render.media_files import tone, write_image, write_video, write_wav
from tests.support.full_disk import small_disk
from tests.support.local_services import local_services
from tests.support.serving import serving

pytestmark = pytest.mark.usefixtures("database")
BOUNDARY = "edge"
MORE_THAN_WAITS = 400_000_000  # bytes: more than fits between a client and a server that does not read


@dataclass
class World:
    url: str
    services: Services
    client: httpx.AsyncClient

    async def upload(self, path: Path, name: str = "a.wav", **headers: str) -> httpx.Response:
        files = {"file": (name, path.read_bytes(), "application/x-lie")}
        return await self.client.post("/assets", files=files, headers=headers)

    async def is_empty(self) -> bool:
        """No row, no stored bytes, nothing staged; the server may need a moment to see a client go."""
        for _ in range(100):
            staged = list((self.services.scratch / STAGED_UPLOADS).glob("*"))
            if not staged:
                break
            await asyncio.sleep(0.02)
        stored = [key async for key, _ in self.services.files.keys("assets")]
        return not staged and not stored and not await Asset.all().exists()


@asynccontextmanager
async def opened(folder: Path, limits: Limits | None = None) -> AsyncIterator[World]:
    services = local_services(folder, limits=limits)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Services]]:
        yield {"services": services}

    app = Starlette(routes=asset_routes(), lifespan=lifespan, middleware=[Middleware(OriginGuard)])
    errors.install(app)
    async with serving(app) as url, httpx.AsyncClient(base_url=url, verify=False) as client:
        yield World(url, services, client)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path / "home") as world:
        yield world


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "song", tone(0.1, 8000, 1), 8000)


async def test_an_upload_is_answered_with_all_that_is_known(world: World, song: Path) -> None:
    answer = await world.upload(song, "My Song.wav")
    assert answer.status_code == 201
    body = answer.json()
    UUID(body.pop("id"))
    assert body.pop("url").endswith("/My%20Song.wav")
    assert len(body.pop("sha256")) == 64
    assert body == {
        "kind": "AUDIO",
        "filename": "My Song.wav",
        "content_type": "audio/wav",
        "size": song.stat().st_size,
        "duration": 0.1,
        "width": None,
        "height": None,
    }
    assert not list((world.services.scratch / STAGED_UPLOADS).iterdir())


async def test_pictures_and_films(world: World, tmp_path: Path) -> None:
    image = write_image(tmp_path / "i", np.zeros((18, 32, 3), np.uint8), "libwebp")
    film = write_video(tmp_path / "v")
    shown, moving = (await world.upload(image, "i")).json(), (await world.upload(film, "v")).json()
    assert (shown["kind"], shown["content_type"], shown["width"]) == ("IMAGE", "image/webp", 32)
    assert (moving["kind"], moving["content_type"], moving["height"]) == ("VIDEO", "video/mp4", 36)


async def test_the_name_is_data(world: World, song: Path) -> None:
    for said, kept in (("../../x.wav", "x.wav"), ("x.wav", "x.wav"), ("été %41.wav", "été %41.wav")):
        assert (await world.upload(song, said)).json()["filename"] == kept


NO_MEDIA: list[tuple[bytes, str, int, str]] = [
    (b"just text\n" * 50, "song.mp3", 415, "none of the supported formats"),
    (b"ffconcat version 1.0\nfile /etc/passwd\n", "film.mp4", 415, "none of the supported formats"),
    (b"#EXTM3U\nhttp://127.0.0.1/x.ts\n", "film.mp4", 415, "none of the supported formats"),
    (b"", "song.wav", 400, "empty"),
    (b"RIFF\x24\x00\x00\x00WAVEfmt ", "song.wav", 400, "damaged|cut|broken|sound"),
]


async def test_what_is_no_media(world: World) -> None:
    for content, name, status, says in NO_MEDIA:
        answer = await world.client.post("/assets", files={"file": (name, content, "audio/mpeg")})
        assert answer.status_code == status, content[:80]
        assert any(word in answer.json()["detail"] for word in says.split("|"))
        assert await world.is_empty()


async def test_limits_hold_while_the_body_comes_in(tmp_path: Path, song: Path) -> None:
    limits = Limits(max_audio_bytes=100_000, max_image_bytes=1000, max_video_bytes=10_000_000)
    async with opened(tmp_path / "home", limits) as world:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            yield head("song.wav")
            yield song.read_bytes()
            while sent < MORE_THAN_WAITS:
                sent += 50_000
                yield b"\0" * 50_000
                await asyncio.sleep(0)

        answer = await post_raw(world, endless())
        assert answer[0] == 413
        assert "audio may have at most 100,000 bytes" in answer[1]["detail"]
        assert sent < MORE_THAN_WAITS
        big = {"file": ("x.wav", b"\0" * 12_000_000, "audio/wav")}
        announced = await world.client.post("/assets", files=big)
        assert announced.status_code == 413
        assert "at most" in announced.json()["detail"]
        assert await world.is_empty()


def head(name: str) -> bytes:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()


async def post_raw(
    world: World, body: AsyncIterator[bytes], content_type: str = f"multipart/form-data; boundary={BOUNDARY}"
) -> tuple[int, dict[str, str]]:
    """A client that writes in chunks and stops as soon as it is answered."""
    parts = urlsplit(world.url)
    async with connection(world) as (reader, writer):
        writer.write(
            f"POST /assets HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {content_type}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        answering = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        async for piece in body:
            if answering.done():
                break
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        else:
            writer.write(b"0\r\n\r\n")
        lines = (await answering).decode().split("\r\n")
        length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length"))
        return int(lines[0].split()[1]), json.loads(await reader.readexactly(length))


@asynccontextmanager
async def connection(world: World) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    parts = urlsplit(world.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _once(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


FORM = f"multipart/form-data; boundary={BOUNDARY}"
NO_FORMS: list[tuple[bytes, str, str]] = [
    (b"", FORM, "ends in the middle"),
    (head("a.wav") + b"RIFF", FORM, "ends in the middle"),
    (b"nonsense", FORM, "broken"),
    (b"{}", "application/json", "multipart/form-data"),
    (b"a=b", "application/x-www-form-urlencoded", "multipart/form-data"),
    (b"x", "multipart/form-data", "boundary"),
    (b"x", "multipart/form-data; boundary=" + "b" * 5000, "boundary"),
    (b"--edge\r\nContent-Disposition: form-data\r\n\r\nx\r\n--edge--\r\n", FORM, "has no name"),
    (
        b'--edge\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n--edge--\r\n',
        FORM,
        "file is required",
    ),
    (
        b'--edge\r\nContent-Disposition: form-data; name="file"\r\n\r\ny\r\n--edge--\r\n',
        FORM,
        "file is required",
    ),
    (
        (head("a.wav") + b"x\r\n") * 2 + b"--edge--\r\n",
        FORM,
        "at most 1 file",
    ),
    (
        b'--edge\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n' * 100 + b"--edge--\r\n",
        FORM,
        "more than 64 parts",
    ),
]


async def test_forms_that_are_none(world: World) -> None:
    for body, content_type, says in NO_FORMS:
        status, told = await post_raw(world, _once(body), content_type)
        assert (status, says in told["detail"]) == (400, True), (body[:80], told)
        assert await world.is_empty()


async def test_too_much_text(world: World) -> None:
    answer = await world.client.post("/assets", files={"x": (None, b"y" * 1_200_000)})
    assert answer.status_code == 413
    assert await world.is_empty()


async def test_an_upload_that_is_cut_leaves_nothing(world: World, song: Path) -> None:
    parts = urlsplit(world.url)
    staged = world.services.scratch / STAGED_UPLOADS
    for is_reset in (False, True):
        async with connection(world) as (_, writer):
            writer.write(
                f"POST /assets HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 9000000\r\n"
                f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n".encode()
                + head("a.wav")
                + song.read_bytes()
            )
            while not list(staged.glob("*")):
                await asyncio.sleep(0.005)
            if is_reset:
                writer.transport.abort()
        assert await world.is_empty()


async def test_an_upload_that_stalls_is_told_and_leaves_nothing(
    world: World, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "STALL_SECONDS", 0.2)

    async def stalling() -> AsyncIterator[bytes]:
        yield head("a.wav") + song.read_bytes()
        await asyncio.sleep(0.6)
        yield b"late"

    status, told = await post_raw(world, stalling())
    assert (status, told) == (408, {"detail": "The upload stalled"})
    assert await world.is_empty()


async def test_an_upload_that_trickles_is_told_and_leaves_nothing(
    world: World, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(uploads, "MIN_BYTES_PER_SECOND", 10_000_000)

    async def trickling() -> AsyncIterator[bytes]:
        yield head("a.wav") + song.read_bytes()
        while True:
            await asyncio.sleep(0.02)
            yield b"x"

    assert (await post_raw(world, trickling()))[0] == 408
    assert await world.is_empty()


async def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song", tone(4.0, 44_100, 2), 44_100)
    with small_disk(tmp_path / "small", 400) as small:
        async with opened(small / "home") as world:
            answer = await world.upload(song)
            assert (answer.status_code, answer.json()) == (507, {"detail": "The disk of the server is full"})
            assert await world.is_empty()


async def test_memory_stays_while_a_large_file_comes_in(world: World, tmp_path: Path) -> None:
    """60 MB of WAV; what the process holds grows by far less."""
    song = write_wav(tmp_path / "long", tone(0.1, 8000, 1), 8000)
    header = bytearray(song.read_bytes()[:44])
    size = 60 * 1024**2
    header[4:8], header[40:44] = (size + 36).to_bytes(4, "little"), size.to_bytes(4, "little")
    await world.upload(song)
    process = psutil.Process()
    before = most = process.memory_info().rss

    async def body() -> AsyncIterator[bytes]:
        nonlocal most
        yield head("long.wav") + bytes(header)
        for number in range(60):
            yield b"\0" * 1024**2
            if number % 6 == 0:
                most = max(most, process.memory_info().rss)
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    status, told = await post_raw(world, body())
    assert status == 201, told
    assert int(told["size"]) == size + 44
    assert most - before < 25 * 1024**2


async def test_a_form_of_another_site_changes_nothing(world: World, song: Path) -> None:
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert (await world.upload(song, **headers)).status_code == 403
        assert await world.is_empty()
    assert (await world.upload(song, Origin=world.url)).status_code == 201
    assert (await world.upload(song, Origin="http://localhost:3000")).status_code == 201


async def test_wrong_methods(world: World) -> None:
    assert (await world.client.get("/assets")).status_code == 405
    assert (await world.client.put("/assets")).status_code == 405


async def test_many_at_once(world: World, song: Path) -> None:
    answers = await asyncio.gather(*(world.upload(song, f"{number % 4}.wav") for number in range(12)))
    assert [answer.status_code for answer in answers] == [201] * 12
    assert len({answer.json()["id"] for answer in answers}) == 4
