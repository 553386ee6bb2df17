"""REST family 4, stems: a song goes in, its task is followed, four files that sum to it come out."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from bench.known_stems import STEMS, known_song
from bench.known_tones import RATE_HZ
from tests.rest.songs import kick_wav, pixel_png
from tests.rest.test_particles_systems import create
from tests.support.stem_files import decoded, missing_db, wav_of

SONG = known_song(2, 5.0)


def uploaded(client: httpx.Client, name: str, content: bytes) -> dict[str, Any]:
    answer = client.post("/assets", files={"file": (name, content)})
    assert answer.status_code == 201, answer.text
    asset: dict[str, Any] = answer.json()
    return asset


def started(client: httpx.Client, path: str, **body: object) -> str:
    answer = client.post("/api/ai/separate-stems", json={"file_path": path, **body})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"task_id": answer.json()["task_id"], "status": "pending"}
    return str(answer.json()["task_id"])


def statuses(client: httpx.Client, task: str, seconds: float = 90.0) -> list[dict[str, Any]]:
    """What the task says until it has ended."""
    seen: list[dict[str, Any]] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen.append(client.get(f"/api/ai/status/{task}").json())
        if seen[-1]["status"] in ("success", "failure", "revoked"):
            return seen
        time.sleep(0.05)
    raise AssertionError(f"still {seen[-1]}")


def test_a_song_becomes_four_stems_that_sum_to_it(client: httpx.Client) -> None:
    mix = wav_of(SONG.mix, RATE_HZ)
    name = f"{uuid4().hex[:8]} mix.wav"
    uploaded(client, name, mix)
    seen = statuses(client, started(client, f"/static/audio/{name}", output_dir="/etc"))
    assert {one["status"] for one in seen} <= {"pending", "started", "progress", "success"}
    assert all(list(one) == ["task_id", "status", "result", "progress", "error"] for one in seen)
    done = seen[-1]
    assert (done["status"], done["error"]) == ("success", None)
    assert done["progress"] == {"current": 100, "total": 100, "status": "done"}
    result = done["result"]
    assert list(result["stem_urls"]) == list(STEMS)
    assert (result["sample_rate"], result["channels"], result["duration"]) == (RATE_HZ, 2, 5.0)
    assert result["provider"] == "starling-separator"
    stems = []
    for stem, url in result["stem_urls"].items():
        answer = client.get(url)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/flac")
        assert url == f"/static/audio/{name[:8]}%20mix_{stem}.flac"
        stems.append(decoded(answer.content))
    assert {stem.shape for stem in stems} == {(5 * RATE_HZ, 2)}
    assert missing_db(decoded(mix), stems) < -60
    part = client.get(result["stem_urls"]["bass"], headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"fLaC")


def test_the_same_song_again_is_answered_at_once_under_its_own_names(client: httpx.Client) -> None:
    content = kick_wav(3.0, sample_rate_hz=44_100)
    first = uploaded(client, f"{uuid4().hex[:8]}.wav", content)
    done = statuses(client, started(client, first["id"]))[-1]
    second = uploaded(client, "again.wav", content)
    again = client.get(f"/api/ai/status/{started(client, second['url'])}").json()
    assert again["status"] == "success"
    assert "again_drums" in again["result"]["stem_urls"]["drums"]
    one, other = (client.get(found["result"]["stem_urls"]["drums"]).content for found in (done, again))
    assert one == other


def test_a_cancelled_separation_is_revoked_in_mid_run_and_leaves_nothing(client: httpx.Client) -> None:
    content = kick_wav(360.0 + int(uuid4()) % 7, sample_rate_hz=44_100)
    task = started(client, uploaded(client, f"{uuid4().hex[:8]}.wav", content)["id"])
    deadline = time.monotonic() + 60
    while (found := client.get(f"/api/ai/status/{task}").json())["status"] != "progress":
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    assert 0 <= found["progress"]["current"] < 100
    began = time.monotonic()
    query = "mutation ($id: ID!) { cancelJob(id: $id) { id } }"
    client.post("/graphql", json={"query": query, "variables": {"id": task}})
    end = statuses(client, task)[-1]
    assert time.monotonic() - began < 6.0
    assert (end["status"], end["result"], end["error"]) == ("revoked", None, "Cancelled")


@pytest.mark.parametrize("path", ["no such file.wav", "/etc/passwd", "../../x.wav", str(uuid4()), "a\0b"])
def test_a_path_that_names_nothing_stored_is_404(client: httpx.Client, path: str) -> None:
    answer = client.post("/api/ai/separate-stems", json={"file_path": path})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Audio file not found"})


@pytest.mark.parametrize("body", [{}, {"file_path": ""}, {"file_path": 5}, {"file_path": "x" * 5000}])
def test_a_malformed_request_is_422_and_names_the_field(client: httpx.Client, body: dict[str, Any]) -> None:
    answer = client.post("/api/ai/separate-stems", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "file_path"]


def test_a_picture_has_no_stems(client: httpx.Client) -> None:
    asset = uploaded(client, "pixel.png", pixel_png())
    answer = client.post("/api/ai/separate-stems", json={"file_path": asset["id"]})
    assert answer.status_code == 400
    assert "there is no audio in pixel" in answer.json()["detail"]


@pytest.mark.parametrize("task", [str(uuid4()), "nonsense", "%00"])
def test_a_task_that_was_never_issued_is_404(client: httpx.Client, task: str) -> None:
    answer = client.get(f"/api/ai/status/{task}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Task not found"})


def test_a_job_of_another_family_is_no_task(client: httpx.Client) -> None:
    system = create(client, width=64, height=36, fps=10, duration=0.2, particle_count=5)
    job = client.post(f"/particles/systems/{system}/render").json()["job_id"]
    assert client.get(f"/api/ai/status/{job}").status_code == 404
