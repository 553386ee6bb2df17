"""REST family 1, the systems: the documented shapes, texts and statuses, on both prefixes."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from tests.rest.songs import kick_wav

TYPES = ["snow", "zen", "enhanced", "bouncing", "continuous_spawning", "no_music"]
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
DEFAULT_STATUS = {
    "particle_type": "snow",
    "particle_count": 200,
    "max_particles": 1000,
    "config": {
        "width": 1920,
        "height": 1080,
        "fps": 30,
        "duration": 10.0,
        "bass_threshold": 0.3,
        "enhanced_mode": {"active": True, "threshold": 0.3, "factor": 2.0},
    },
    "audio_loaded": False,
}


@pytest.fixture(params=["/particles", "/api/particles"])
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def create(client: httpx.Client, particle_type: str = "snow", **config: object) -> str:
    answer = client.post("/particles/create", json={"particle_type": particle_type, "config": config})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["system_id"])


def test_create_answers_the_documented_shape(client: httpx.Client, prefix: str) -> None:
    answer = client.post(f"{prefix}/create", json={"particle_type": "snow"})
    assert answer.status_code == 200
    made = answer.json()
    assert list(made) == ["system_id", "particle_type", "status", "created_at"]
    assert UUID4.fullmatch(made["system_id"])
    assert made["particle_type"] == "snow"
    assert made["status"] == DEFAULT_STATUS
    assert datetime.fromisoformat(made["created_at"]).utcoffset() == timedelta(0)
    assert answer.headers["X-Request-ID"]
    assert client.get(f"{prefix}/systems/{made['system_id']}").json() == made
    assert made in client.get(f"{prefix}/systems").json()


def test_systems_are_listed_newest_first(client: httpx.Client) -> None:
    made = [create(client) for _ in range(3)]
    listed = [system["system_id"] for system in client.get("/particles/systems").json()]
    assert listed[:3] == made[::-1]


def test_an_unknown_type_lists_those_that_exist(client: httpx.Client, prefix: str) -> None:
    answer = client.post(f"{prefix}/create", json={"particle_type": "invalid_type", "config": {}})
    assert answer.status_code == 400
    assert answer.json() == {"detail": f"Invalid particle type: invalid_type. Available types: {TYPES}"}


def test_types_come_in_their_order_with_their_texts(client: httpx.Client, prefix: str) -> None:
    types = client.get(f"{prefix}/types").json()
    assert [found["type"] for found in types] == TYPES
    assert all(list(found) == ["type", "name", "description", "features"] for found in types)
    assert types[0]["name"] == "Snow Particles"
    assert types[0]["features"] == [
        "Bass-triggered respawning",
        "Outward movement",
        "Distance-based fading",
        "Rotation effects",
    ]
    assert types[4]["name"] == "Continuous Spawning"


def test_a_config_merges_and_absent_keys_stay(client: httpx.Client, prefix: str) -> None:
    system = create(client, width=640, height=360, enhanced_mode={"factor": 4})
    patch = {"config": {"fps": 60, "enhanced_mode": {"threshold": 0.5}}}
    answer = client.put(f"{prefix}/systems/{system}/config", json=patch)
    assert answer.status_code == 200
    assert answer.json()["message"] == "Configuration updated successfully"
    config = answer.json()["status"]["config"]
    assert (config["width"], config["height"], config["fps"]) == (640, 360, 60)
    assert config["enhanced_mode"] == {"active": True, "threshold": 0.5, "factor": 4.0}


def test_the_type_changes(client: httpx.Client, prefix: str) -> None:
    system = create(client)
    answer = client.put(f"{prefix}/systems/{system}/type/bouncing")
    assert answer.status_code == 200
    assert answer.json()["message"] == "Particle type changed to bouncing"
    assert answer.json()["status"]["particle_type"] == "bouncing"
    wrong = client.put(f"{prefix}/systems/{system}/type/rain")
    assert (wrong.status_code, wrong.json()) == (400, {"detail": "Invalid particle type: rain"})


def test_audio_is_loaded_by_the_name_of_a_stored_file(client: httpx.Client, prefix: str) -> None:
    name = f"song-{uuid4().hex[:8]}.wav"
    asset = client.post("/assets", files={"file": (name, kick_wav(3.0))}).json()
    for said in (f"path/to/{name}", name, asset["url"], asset["id"]):
        system = create(client)
        answer = client.post(f"{prefix}/systems/{system}/load-audio", params={"audio_path": said})
        assert answer.status_code == 200, answer.text
        assert answer.json()["message"] == "Audio loaded successfully"
        assert answer.json()["status"]["audio_loaded"] is True
        assert answer.json()["status"]["config"]["duration"] == pytest.approx(3.0, abs=0.05)


def test_audio_may_come_with_the_request(client: httpx.Client, prefix: str) -> None:
    system = create(client)
    files = {"file": ("mine.wav", kick_wav(1.0))}
    answer = client.post(f"{prefix}/systems/{system}/load-audio", files=files)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"]["audio_loaded"] is True


def test_a_deleted_system_is_gone(client: httpx.Client, prefix: str) -> None:
    system = create(client)
    answer = client.delete(f"{prefix}/systems/{system}")
    assert (answer.status_code, answer.json()) == (200, {"message": "Particle system deleted successfully"})
    assert client.get(f"{prefix}/systems/{system}").status_code == 404
    assert client.delete(f"{prefix}/systems/{system}").status_code == 404


@pytest.mark.parametrize("system", [str(uuid4()), "nonsense", "%00", "..%2f..%2fetc", "1" * 5000])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PUT", "/config", {"config": {}}),
        ("PUT", "/type/snow", None),
        ("POST", "/load-audio?audio_path=a.wav", None),
        ("POST", "/render", {}),
        ("GET", "/preview", None),
        ("DELETE", "", None),
    ],
)
def test_an_unknown_system_is_404_everywhere(
    client: httpx.Client, system: str, method: str, path: str, body: dict[str, object] | None
) -> None:
    answer = client.request(method, f"/particles/systems/{system}{path}", json=body)
    assert answer.status_code == 404
    if "%2f" not in system:  # an encoded slash is no route at all
        assert answer.json() == {"detail": "Particle system not found"}


def test_health_and_metrics_count_what_is_there(client: httpx.Client, prefix: str) -> None:
    before = client.get(f"{prefix}/metrics").json()
    create(client)
    after = client.get(f"{prefix}/metrics").json()
    assert list(after) == [
        "active_systems",
        "queued_jobs",
        "rendering_jobs",
        "completed_jobs",
        "failed_jobs",
        "average_render_seconds",
        "error_rate",
        "storage_bytes",
    ]
    assert after["active_systems"] == before["active_systems"] + 1
    health = client.get(f"{prefix}/health").json()
    assert health["status"] == "healthy"
    assert health["active_systems"] == after["active_systems"]
    assert health["available_types"] == 6
    assert health["active_jobs"] == after["queued_jobs"] + after["rendering_jobs"]
