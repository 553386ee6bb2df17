"""Uploads through GraphQL: what is stored, what is refused, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from app.multipart import FormReader
from db.assets import Asset
from domain.ports import Services
from tests.support.graphql_http import PREFLIGHT, UPLOAD, Api, api, data_of
from tests.support.inprocess import served

OPERATIONS = orjson.dumps({"query": UPLOAD, "variables": {"file": None}})
MAP = '{"0": ["variables.file"]}'


def wav(seconds: float = 0.5, sample_rate_hz: int = 22_050) -> bytes:
    """Silence, which is a song too."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sample_rate_hz)
        out.writeframes(bytes(2 * round(seconds * sample_rate_hz)))
    return file.getvalue()


def staged(services: Services) -> list[Path]:
    """Files that lie in the scratch folder."""
    return [path for path in services.scratch.rglob("*") if path.is_file()]


async def refused(graphql: Api, services: Services, response: httpx.Response, status: int) -> dict[str, Any]:
    """The error of a refused upload, of which nothing is left."""
    assert response.status_code == status, response.text
    assert staged(services) == []
    assert await Asset.all().count() == 0
    error = response.json()["errors"][0]
    assert isinstance(error, dict)
    return error


async def test_a_song_is_stored_under_its_content(graphql: Api, services: Services) -> None:
    content = wav()
    asset = data_of(await graphql.upload("my song.wav", content))["uploadAsset"]
    assert (asset["kind"], asset["filename"], asset["size"]) == ("AUDIO", "my song.wav", len(content))
    assert asset["sha256"] == hashlib.sha256(content).hexdigest()
    assert asset["duration"] == pytest.approx(0.5, abs=0.05)
    assert asset["url"] == f"/assets/{asset['id']}/my%20song.wav"
    assert staged(services) == []
    peaks = (await graphql.run("query ($id: ID!) { asset(id: $id) { peaks(count: 8) } }", id=asset["id"]))[
        "asset"
    ]
    assert peaks == {"peaks": [0.0] * 8}


async def test_an_upload_that_cannot_be_discarded_is_answered_as_a_fault_of_ours(
    graphql: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stuck(reader: FormReader) -> None:
        raise PermissionError("the scratch folder is read-only")

    monkeypatch.setattr(FormReader, "discard", stuck)
    response = await graphql.upload("a.wav", wav())
    assert response.status_code == 500
    assert response.json()["errors"] == [{"message": "Internal error", "extensions": {"code": "INTERNAL"}}]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "a request failed"
    ]


async def test_addresses_are_absolute_where_the_public_one_is_known(services: Services) -> None:
    public = replace(services, public_url="https://starling.example")
    async with served(public) as url, api(url) as graphql:
        asset = data_of(await graphql.upload("a.wav", wav()))["uploadAsset"]
        assert asset["url"] == f"https://starling.example/assets/{asset['id']}/a.wav"
        frame = await graphql.run("{ particleFrameUrl(particleType: SNOW) }")
        assert frame["particleFrameUrl"].startswith("https://starling.example/frames/particles.png?")


async def test_a_deleted_asset_is_gone(graphql: Api) -> None:
    asset = data_of(await graphql.upload("a.wav", wav()))["uploadAsset"]
    delete = "mutation ($id: ID!) { deleteAsset(id: $id) }"
    assert await graphql.run(delete, id=asset["id"]) == {"deleteAsset": True}
    assert await graphql.run("query ($id: ID!) { asset(id: $id) { id } }", id=asset["id"]) == {"asset": None}
    assert (await graphql.refusal(delete, id=asset["id"])).code == "NOT_FOUND"


@pytest.mark.parametrize("name", PREFLIGHT | {"Apollo-Require-Preflight": "", "X-Requested-With": ""})
async def test_any_of_three_headers_shows_that_no_form_sent_it(name: str, graphql: Api) -> None:
    response = await graphql.upload("a.wav", wav(), headers={name: "yes"})
    assert data_of(response)["uploadAsset"]["kind"] == "AUDIO"


@pytest.mark.parametrize("headers", [{}, {"GraphQL-Require-Preflight": ""}])
async def test_a_form_of_another_site_is_refused(
    headers: dict[str, str], graphql: Api, services: Services
) -> None:
    response = await graphql.upload("a.wav", wav(), headers=headers)
    error = await refused(graphql, services, response, 400)
    assert "GraphQL-Require-Preflight" in error["message"]


FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no operations": ({"map": MAP}, {"0": b"x"}),
    "no map": ({"operations": OPERATIONS}, {"0": b"x"}),
    "operations that are no JSON": ({"operations": "{", "map": MAP}, {"0": b"x"}),
    "a map that is no JSON": ({"operations": OPERATIONS, "map": "{"}, {"0": b"x"}),
    "a map that is a list": ({"operations": OPERATIONS, "map": "[]"}, {"0": b"x"}),
    "a map of numbers": ({"operations": OPERATIONS, "map": '{"0": [1]}'}, {"0": b"x"}),
    "a batch": (
        {"operations": f"[{OPERATIONS.decode()}]", "map": '{"0": ["0.variables.file"]}'},
        {"0": b"x"},
    ),
    "a missing file": ({"operations": OPERATIONS, "map": MAP}, {"1": b"x"}),
    "a path beside the variables": ({"operations": OPERATIONS, "map": '{"0": ["query"]}'}, {"0": b"x"}),
    "a path to nowhere": ({"operations": OPERATIONS, "map": '{"0": ["variables.a.b"]}'}, {"0": b"x"}),
    "a path through text": ({"operations": OPERATIONS, "map": '{"0": ["variables.file.x"]}'}, {"0": b"x"}),
    "a path to a value": (
        {"operations": '{"query": "{ a }", "variables": {"file": 1}}', "map": MAP},
        {"0": b"x"},
    ),
    "operations that are a number": ({"operations": "5", "map": MAP}, {"0": b"x"}),
    "too many files": (
        {"operations": OPERATIONS, "map": MAP},
        {str(number): b"x" for number in range(11)},
    ),
}


@pytest.mark.parametrize("name", FORMS)
async def test_a_form_that_is_none_is_refused(name: str, graphql: Api, services: Services) -> None:
    data, files = FORMS[name]
    named = {key: ("a.wav", content) for key, content in files.items()}
    response = await graphql.client.post("/graphql", data=data, files=named, headers=PREFLIGHT)
    error = await refused(graphql, services, response, 400)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("name", "content", "codes"),
    [
        ("song.mp3", b"this is no song", {"UNSUPPORTED_MEDIA"}),
        ("song.wav", b"", {"BAD_USER_INPUT", "UNSUPPORTED_MEDIA"}),
        ("song.wav", wav()[:20], {"BAD_USER_INPUT", "UNSUPPORTED_MEDIA"}),
        ("film.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n", {"UNSUPPORTED_MEDIA"}),
        ("film.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", {"UNSUPPORTED_MEDIA"}),
        ("picture.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", {"UNSUPPORTED_MEDIA"}),
    ],
)
async def test_what_is_no_media_is_refused_by_its_content(
    name: str, content: bytes, codes: set[str], graphql: Api, services: Services
) -> None:
    error = await refused(graphql, services, await graphql.upload(name, content), 200)
    assert error["extensions"]["code"] in codes
    assert error["extensions"]["field"] == "file"


async def test_a_file_beyond_its_kinds_limit_is_refused_by_that_limit(services: Services) -> None:
    small = replace(services, limits=replace(services.limits, max_audio_bytes=100_000))
    async with served(small) as url, api(url) as graphql:
        response = await graphql.upload("a.wav", wav(10))
        assert response.status_code == 413
        error = await refused(graphql, small, response, 413)
        assert error["extensions"]["code"] == "TOO_LARGE"
        assert "100,000" in error["message"]
        within = data_of(await graphql.upload("a.wav", wav(0.1)))
        assert within["uploadAsset"]["kind"] == "AUDIO"


async def test_a_file_name_is_only_a_name(graphql: Api, services: Services) -> None:
    for name in ("../../etc/passwd", "/etc/passwd", "..", "a\tb.wav", "x" * 4000):
        asset = data_of(await graphql.upload(name, wav(0.1)))["uploadAsset"]
        assert "/" not in asset["filename"]
        assert 0 < len(asset["filename"]) <= 255
    assert staged(services) == []


def multipart_head(boundary: bytes) -> bytes:
    def field(name: bytes, text: bytes) -> bytes:
        return b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, name, text)

    file = b'--%b\r\nContent-Disposition: form-data; name="0"; filename="a.wav"\r\n\r\n' % boundary
    return field(b"operations", OPERATIONS) + field(b"map", MAP.encode()) + file


async def test_an_upload_that_is_cut_leaves_nothing_behind(graphql: Api, services: Services) -> None:
    url = httpx.URL(graphql.base_url)
    _, writer = await asyncio.open_connection(url.host, url.port)
    body = multipart_head(b"edge") + bytes(3 * 1024**2)
    head = (
        "POST /graphql HTTP/1.1\r\nHost: x\r\nX-Requested-With: x\r\n"
        f"Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: {2 * len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    async with asyncio.timeout(10):
        while not staged(services):
            await asyncio.sleep(0.01)
        writer.close()
        await writer.wait_closed()
        while staged(services):
            await asyncio.sleep(0.01)
    assert await Asset.all().count() == 0


async def test_a_body_without_its_last_boundary_is_refused(graphql: Api, services: Services) -> None:
    response = await graphql.client.post(
        "/graphql",
        content=multipart_head(b"edge") + wav(),
        headers={**PREFLIGHT, "content-type": "multipart/form-data; boundary=edge"},
    )
    await refused(graphql, services, response, 400)


def peak_megabytes() -> float:
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]


async def test_two_hundred_megabytes_are_never_in_memory(graphql: Api, services: Services) -> None:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = peak_megabytes()
    block = bytes(1024**2)

    async def body() -> AsyncIterator[bytes]:
        yield multipart_head(b"edge")
        for _ in range(200):
            yield block
        yield b"\r\n--edge--\r\n"

    response = await graphql.client.post(
        "/graphql",
        content=body(),
        headers={**PREFLIGHT, "content-type": "multipart/form-data; boundary=edge"},
        timeout=100,
    )
    grown = peak_megabytes() - before
    print(f"200 MB uploaded, memory grew by {grown:.0f} MB at most")
    error = await refused(graphql, services, response, 200)
    assert error["extensions"]["code"] in ("UNSUPPORTED_MEDIA", "BAD_USER_INPUT")
    assert grown < 50
