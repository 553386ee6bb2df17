"""Pictures behind URLs: the real film's frames, for stored systems and for configs that need not exist."""

from __future__ import annotations

import base64
import io
import json
from typing import Any
from uuid import uuid4

import av
import httpx
import numpy as np
import pytest

from tests.rest.songs import kick_wav
from tests.rest.test_particles_renders import start, wait_for
from tests.rest.test_particles_systems import create

CONFIG: dict[str, Any] = {"width": 320, "height": 180, "fps": 10, "duration": 2.0, "particle_count": 300}


def picture(content: bytes) -> np.ndarray:
    """RGB of one image, or of the film's last frame."""
    with av.open(io.BytesIO(content), "r") as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][-1]


def packed(config: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(config).encode()).decode().rstrip("=")


def of_system(system: str) -> str:
    return f"/frames/particle-systems/{system}.png"


def test_a_frame_is_the_frame_of_the_film(client: httpx.Client) -> None:
    song = client.post("/assets", files={"file": (f"{uuid4().hex}.wav", kick_wav(2.0))}).json()
    system = create(client, "bouncing", **CONFIG)
    client.post(f"/particles/systems/{system}/load-audio", params={"audio_path": song["id"]})
    answer = client.get(of_system(system), params={"time": 1.95, "width": 320})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    shown = picture(answer.content)
    assert shown.shape == (180, 320, 3)
    job = start(client, system)
    assert wait_for(client, job, "completed", "failed")["status"] == "completed"
    filmed = picture(client.get(f"/particles/download/{job}").content)
    assert shown.std() > 5
    assert np.abs(shown.astype(float) - filmed.astype(float)).mean() < 4.0


def test_the_same_request_is_the_same_picture_and_is_not_sent_twice(client: httpx.Client) -> None:
    system = create(client, **CONFIG)
    first = client.get(of_system(system), params={"time": 0.5, "width": 64})
    again = client.get(of_system(system), params={"time": 0.5, "width": 64})
    assert first.content == again.content
    tag = {"If-None-Match": first.headers["etag"]}
    assert client.get(of_system(system), params={"time": 0.5, "width": 64}, headers=tag).status_code == 304
    client.put(f"/particles/systems/{system}/config", json={"config": {"seed": 9}})
    changed = client.get(of_system(system), params={"time": 0.5, "width": 64}, headers=tag)
    assert changed.status_code == 200
    assert changed.content != first.content


def test_a_config_that_is_not_stored_gives_the_same_picture_as_one_that_is(client: httpx.Client) -> None:
    before = client.get("/particles/metrics").json()["active_systems"]
    query = {"type": "enhanced", "config": packed(CONFIG), "time": "1.0", "width": "160"}
    loose = client.get("/frames/particles.png", params=query)
    assert loose.status_code == 200, loose.text
    assert client.get("/particles/metrics").json()["active_systems"] == before
    assert picture(loose.content).shape == (90, 160, 3)
    stored = client.get(of_system(create(client, "enhanced", **CONFIG)), params={"time": 1.0, "width": 160})
    assert stored.content == loose.content


@pytest.mark.parametrize("kind", ["zen", "no_music"])
def test_a_deaf_type_is_drawn_without_its_song(client: httpx.Client, kind: str) -> None:
    song = client.post("/assets", files={"file": (f"{uuid4().hex}.wav", kick_wav(2.0))}).json()
    query = {"type": kind, "config": packed(CONFIG), "time": "1.0", "width": "64"}
    silent = client.get("/frames/particles.png", params=query)
    heard = client.get("/frames/particles.png", params=query | {"audio": song["id"]})
    assert silent.content == heard.content


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"time": "-1"}, "time must be 0 to 2 s, got -1"),
        ({"time": "2.5"}, "time must be 0 to 2 s, got 2.5"),
        ({"time": "nan"}, "time must be 0 to 2 s, got nan"),
        ({"width": "15"}, "width must be 16 to 1920, got 15"),
        ({"width": "100000"}, "width must be 16 to 1920, got 100000"),
        ({"type": "rain"}, "type must be one of snow, zen"),
        ({"config": "%%%"}, "config must be base64url of a JSON object"),
        ({"config": packed([1])}, "config must be base64url of a JSON object"),
        ({"config": packed({"fps": 0})}, "fps must be 1 to 120, got 0"),
        ({"config": packed({"width": 641})}, "width must be even, got 641"),
    ],
)
def test_a_wrong_request_for_a_frame_is_400(client: httpx.Client, query: dict[str, str], says: str) -> None:
    answer = client.get("/frames/particles.png", params={"type": "snow", "config": packed(CONFIG)} | query)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


def test_a_frame_of_nothing_is_404(client: httpx.Client) -> None:
    assert client.get(of_system(str(uuid4()))).status_code == 404
    assert client.get(of_system("nonsense")).status_code == 404
    lost = {"type": "snow", "config": packed(CONFIG), "audio": str(uuid4())}
    answer = client.get("/frames/particles.png", params=lost)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Audio file not found"})


def test_the_documentation_is_served_from_here(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/particles/create", "/particles/systems/{system_id}/render", "/particles/metrics"} <= set(paths)
    for page in ("/docs", "/redoc"):
        answer = client.get(page)
        assert answer.status_code == 200
        assert "https://" not in answer.text
