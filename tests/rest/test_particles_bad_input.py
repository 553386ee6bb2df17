"""What REST family 1 refuses: always `{"detail": str}` with the field and its limit, and nothing stays."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from domain.assets.removal import STAGED_UPLOADS
from tests.rest.songs import kick_wav, pixel_png, ten_hours_in_the_header
from tests.rest.test_particles_systems import create
from tests.support.server import Server

SMALL: dict[str, Any] = {"width": 64, "height": 36, "fps": 10, "duration": 0.5, "particle_count": 10}


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def renders_of(client: httpx.Client, system: str) -> list[Any]:
    return [job for job in client.get("/particles/jobs").json() if job["system_id"] == system]


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ('{"width": 641}', "width must be even, got 641"),
        ('{"width": 1, "height": 1}', "width must be 16 to 7680, got 1"),
        ('{"width": 15360, "height": 8640}', "width must be 16 to 7680, got 15360"),
        ('{"fps": 0}', "fps must be 1 to 120, got 0"),
        ('{"fps": 1000}', "fps must be 1 to 120, got 1000"),
        ('{"duration": NaN}', "duration must be 0.1 to 3600, got nan"),
        ('{"glow": Infinity}', "glow must be 0 to 1, got inf"),
        ('{"duration": -5}', "duration must be 0.1 to 3600, got -5"),
        ('{"particle_count": 1000000000}', "particle_count must be 1 to 100000, got 1000000000"),
        (
            '{"particle_colors": [[256, 0, 0]]}',
            "particle_colors[0] must hold whole numbers 0 to 255, got 256",
        ),
        ('{"particle_colors": [[1, 2, 3], [1, 2]]}', "particle_colors[1] must be [red, green, blue]"),
        ('{"enhanced_mode": {"factor": 99}}', "enhanced_mode.factor must be 0 to 10, got 99"),
        ('{"base_particle_count": 5}', "unknown config field 'base_particle_count'; allowed: width, height"),
        ('{"\\ud800": 1}', "unknown config field"),
        ('{"fps": "\\ud800"}', "fps must be a number"),
    ],
)
def test_a_wrong_config_is_refused_by_field_and_limit(client: httpx.Client, config: str, says: str) -> None:
    systems = client.get("/particles/metrics").json()["active_systems"]
    headers = {"Content-Type": "application/json"}
    body = f'{{"particle_type": "snow", "config": {config}}}'
    answer = client.post("/particles/create", content=body, headers=headers)
    assert answer.status_code == 400
    assert list(answer.json()) == ["detail"]
    assert says in answer.json()["detail"]
    assert client.get("/particles/metrics").json()["active_systems"] == systems
    system = create(client)
    before = client.get(f"/particles/systems/{system}").json()
    body = f'{{"config": {config}}}'
    answer = client.put(f"/particles/systems/{system}/config", content=body, headers=headers)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]
    assert client.get(f"/particles/systems/{system}").json() == before


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "body: Field required"),
        (b"{", "body: JSON decode error"),
        (b"[]", "body: "),
        (b"null", "body: "),
        (b"{}", "particle_type: Field required"),
        (b'{"particle_type": 5}', "particle_type: Input should be a valid string"),
        (b'{"particle_type": "snow", "config": []}', "config: Input should be a valid dictionary"),
        (b'{"particle_type": "SNOW"}', "Invalid particle type: SNOW. Available types: ['snow', 'zen'"),
        (b'{"particle_type": "\\ud800"}', "Invalid particle type: ?"),
        (b"\xff\xfe", "body"),
        (b'{"particle_type": "snow", "config": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body"),
    ],
)
def test_a_malformed_body_is_400_and_names_the_field(client: httpx.Client, body: bytes, says: str) -> None:
    answer = client.post("/particles/create", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert list(answer.json()) == ["detail"]
    assert says in answer.json()["detail"]


def test_what_is_no_json_is_refused_so_that_a_form_of_a_page_cannot_create(client: httpx.Client) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = client.post("/particles/create", content=b'{"particle_type": "snow"}', headers=headers)
    assert answer.status_code == 400
    assert answer.json() == {"detail": "body: a JSON object is needed, sent as application/json"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/particles/create"),
        ("POST", "/particles/types"),
        ("POST", "/particles/systems"),
        ("DELETE", "/particles/systems"),
        ("PATCH", "/particles/systems/x/config"),
        ("POST", "/particles/jobs"),
        ("POST", "/particles/metrics"),
        ("PUT", "/api/particles/health"),
    ],
)
def test_a_wrong_method_is_405(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})
    assert answer.headers["Allow"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_413(client: httpx.Client, chunked: bool) -> None:
    body = b'{"particle_type": "' + b"x" * 1_100_000 + b'"}'
    content: Any = iter([body[:600_000], body[600_000:]]) if chunked else body
    answer = client.post("/particles/create", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert "at most 1048576 bytes" in answer.json()["detail"]


@pytest.mark.parametrize(
    "said",
    [
        "nothing-of-that-name.wav",
        "../../../etc/passwd",
        "/etc/passwd",
        "file:///etc/passwd",
        "a\0.wav",
        "",
        "\ud7ff",
    ],
)
def test_audio_that_is_not_stored_is_404(client: httpx.Client, said: str) -> None:
    system = create(client)
    answer = client.post(f"/particles/systems/{system}/load-audio", params={"audio_path": said})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Audio file not found"})
    answer = client.post(f"/particles/systems/{system}/render", json={"audio_path": said})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Audio file not found"})
    assert not renders_of(client, system)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("refused.mp3", b"this is no music at all, only text\n" * 50),
        ("refused.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("refused.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/\n"),
        ("refused.wav", b""),
        ("refused.wav", kick_wav(1.0)[:30]),
        ("refused.wav", ten_hours_in_the_header()),
    ],
)
def test_what_is_no_audio_is_refused_and_not_kept(client: httpx.Client, name: str, content: bytes) -> None:
    system = create(client)
    answer = client.post(f"/particles/systems/{system}/load-audio", files={"file": (name, content)})
    assert answer.status_code == 400
    assert list(answer.json()) == ["detail"]
    assert client.get(f"/particles/systems/{system}").json()["status"]["audio_loaded"] is False
    missing = client.post(f"/particles/systems/{system}/load-audio", params={"audio_path": name})
    assert missing.status_code == 404


def test_a_song_that_is_cut_in_the_middle_is_no_fault_of_the_server(
    client: httpx.Client, server: Server
) -> None:
    path = f"/particles/systems/{create(client)}/load-audio"
    url, staged = httpx.URL(server.base_url), server.home / "scratch" / STAGED_UPLOADS
    logged = len(server.log("api"))
    with socket.create_connection((url.host, url.port)) as link:
        link.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n"
            "Content-Type: multipart/form-data; boundary=edge\r\n\r\n--edge\r\n"
            'Content-Disposition: form-data; name="file"; filename="cut.wav"\r\n\r\n'.encode()
            + kick_wav(0.5)
        )
        wait_for(lambda: any(staged.glob("*")))
    wait_for(lambda: not any(staged.glob("*")))
    missing = client.post(path, params={"audio_path": "cut.wav"})
    assert missing.status_code == 404
    assert "Traceback" not in server.log("api")[logged:]


def test_a_picture_is_no_audio_and_is_not_kept(client: httpx.Client) -> None:
    system = create(client)
    picture = ("cover.png", pixel_png())
    answer = client.post(f"/particles/systems/{system}/load-audio", files={"file": picture})
    assert (answer.status_code, answer.json()) == (400, {"detail": "file: there is no audio in cover.png"})
    stored = client.post("/assets", files={"file": ("cover.png", pixel_png())})
    assert stored.json()["filename"] == "cover.png"  # so nothing of that name was there
    named = client.post(f"/particles/systems/{system}/load-audio", params={"audio_path": "cover.png"})
    assert (named.status_code, named.json()["detail"]) == (400, "audio_path: there is no audio in cover.png")


def test_load_audio_without_any_audio_says_what_is_missing(client: httpx.Client) -> None:
    system = create(client)
    answer = client.post(f"/particles/systems/{system}/load-audio")
    assert answer.status_code == 400
    assert "audio_path is required" in answer.json()["detail"]
    answer = client.post(f"/particles/systems/{system}/load-audio", files={"other": ("a.wav", kick_wav(0.5))})
    assert (answer.status_code, answer.json()["detail"][:16]) == (400, "file is required")


def test_a_render_of_another_system_is_refused(client: httpx.Client) -> None:
    system, other = create(client, **SMALL), create(client, **SMALL)
    answer = client.post(f"/particles/systems/{system}/render", json={"system_id": other})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("system_id must be")
    assert not renders_of(client, system)


@pytest.mark.parametrize("duration", ["0", "-1", "nan", "inf", "11", "1e9"])
def test_a_preview_has_a_limited_length(client: httpx.Client, duration: str) -> None:
    answer = client.get(f"/particles/systems/{create(client)}/preview", params={"duration": duration})
    assert answer.status_code == 400
    assert "duration must be 0.1 to 10 s, got" in answer.json()["detail"]


def test_a_preview_of_no_number_names_the_field(client: httpx.Client) -> None:
    answer = client.get(f"/particles/systems/{create(client)}/preview", params={"duration": "long"})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("duration: ")
