"""REST family 1, the renders: from the request to the file that is downloaded, and back to nothing."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.rest.films import Film
from tests.rest.songs import kick_wav
from tests.rest.test_particles_bad_input import SMALL
from tests.rest.test_particles_systems import create

LONG: dict[str, Any] = {"width": 1280, "height": 720, "fps": 30, "duration": 600, "particle_count": 2000}


def start(client: httpx.Client, system: str, **body: object) -> str:
    answer = client.post(f"/particles/systems/{system}/render", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["message"] == "Rendering started"
    return str(answer.json()["job_id"])


def wait_for(client: httpx.Client, job: str, *statuses: str, seconds: float = 60.0) -> dict[str, Any]:
    """The job as soon as it has one of the statuses."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found: dict[str, Any] = client.get(f"/particles/jobs/{job}").json()
        if found["status"] in statuses:
            return found
        time.sleep(0.05)
    raise AssertionError(f"still {found}")


@pytest.mark.parametrize("prefix", ["/particles", "/api/particles"])
def test_a_render_becomes_the_file_that_was_asked_for(client: httpx.Client, prefix: str) -> None:
    system = create(client, **SMALL, seed=len(prefix))
    answer = client.post(
        f"{prefix}/systems/{system}/render", json={"output_path": "some/where/mine.mp4", "system_id": system}
    )
    assert list(answer.json()) == ["job_id", "message", "output_path"]
    assert answer.json()["output_path"] == "mine.mp4"
    job = answer.json()["job_id"]
    done = wait_for(client, job, "completed", "failed")
    assert list(done) == [
        "job_id", "system_id", "status", "progress", "created_at", "output_path", "completed_at",
    ]  # fmt: skip
    assert (done["status"], done["progress"], done["system_id"]) == ("completed", 100, system)
    assert done in client.get(f"{prefix}/jobs").json()
    download = client.get(f"{prefix}/download/{job}")
    assert download.status_code == 200
    assert download.headers["content-type"] == "video/mp4"
    assert 'attachment; filename="mine.mp4"' in download.headers["content-disposition"]
    film = Film.of(download.content)
    assert (film.width, film.height, film.frames, film.has_sound) == (64, 36, 5, False)
    assert client.head(f"{prefix}/download/{job}").headers["content-length"] == str(len(download.content))
    part = client.get(f"{prefix}/download/{job}", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")


def test_progress_is_a_whole_number_that_never_falls(client: httpx.Client) -> None:
    job = start(client, create(client, width=640, height=360, duration=8, particle_count=2000))
    seen = [client.get(f"/particles/jobs/{job}").json()]
    while seen[-1]["status"] in ("queued", "rendering"):
        time.sleep(0.05)
        seen.append(client.get(f"/particles/jobs/{job}").json())
    assert seen[-1]["status"] == "completed"
    progress = [found["progress"] for found in seen]
    assert all(isinstance(value, int) for value in progress)
    assert progress == sorted(progress)
    assert len(set(progress)) > 3
    assert progress[-1] == 100


def test_a_render_without_a_body_gets_a_name_of_its_own(client: httpx.Client) -> None:
    system = create(client, **SMALL)
    answer = client.post(f"/particles/systems/{system}/render")
    assert answer.status_code == 200
    assert answer.json()["output_path"].startswith(f"particles_{system}_")
    wait_for(client, answer.json()["job_id"], "completed")


def test_the_audio_of_a_request_sounds_and_sets_the_length(client: httpx.Client) -> None:
    name = f"{uuid4().hex[:8]}.wav"
    client.post("/assets", files={"file": (name, kick_wav(1.5))})
    small = {key: value for key, value in SMALL.items() if key != "duration"}
    for kind in ("enhanced", "zen"):
        system = create(client, kind, **small)
        job = start(client, system, audio_path=f"path/to/{name}")
        assert wait_for(client, job, "completed", "failed")["status"] == "completed"
        film = Film.of(client.get(f"/particles/download/{job}").content)
        assert film.has_sound
        assert film.frames == 15


def test_the_same_render_again_is_answered_at_once(client: httpx.Client) -> None:
    system = create(client, **SMALL, seed=77)
    first = start(client, system, output_path="a.mp4")
    wait_for(client, first, "completed")
    second = start(client, system, output_path="b.mp4")
    found = client.get(f"/particles/jobs/{second}").json()
    assert (found["status"], found["output_path"]) == ("completed", "b.mp4")
    download = client.get(f"/particles/download/{second}")
    assert 'filename="b.mp4"' in download.headers["content-disposition"]
    assert download.content == client.get(f"/particles/download/{first}").content
    client.delete(f"/particles/jobs/{first}")
    assert client.get(f"/particles/download/{second}").content == download.content


def test_a_deleted_job_takes_its_file_along(client: httpx.Client) -> None:
    system = create(client, **SMALL, seed=78)
    job = start(client, system)
    wait_for(client, job, "completed")
    before = client.get("/particles/metrics").json()["storage_bytes"]
    answer = client.delete(f"/particles/jobs/{job}")
    assert (answer.status_code, answer.json()) == (200, {"message": "Render job deleted successfully"})
    assert client.get(f"/particles/jobs/{job}").status_code == 404
    assert client.get(f"/particles/download/{job}").status_code == 404
    assert client.get("/particles/metrics").json()["storage_bytes"] < before


def test_a_live_job_is_cancelled_before_it_is_deleted(client: httpx.Client) -> None:
    job = start(client, create(client, **LONG))
    wait_for(client, job, "rendering")
    assert client.get(f"/particles/download/{job}").json() == {"detail": "Render job not completed"}
    assert client.get(f"/particles/download/{job}").status_code == 400
    began = time.monotonic()
    assert client.delete(f"/particles/jobs/{job}").status_code == 200
    assert time.monotonic() - began < 6.0
    assert client.get(f"/particles/jobs/{job}").status_code == 404


def test_deleting_a_system_cancels_its_renders_which_then_show_as_failed(client: httpx.Client) -> None:
    system = create(client, **LONG, seed=2)
    job = start(client, system)
    wait_for(client, job, "rendering")
    assert client.delete(f"/particles/systems/{system}").status_code == 200
    found = client.get(f"/particles/jobs/{job}").json()
    assert (found["status"], found["error"], "output_path" in found) == ("failed", "Cancelled", False)
    assert found["failed_at"]
    metrics = client.get("/particles/metrics").json()
    listed = [job["status"] for job in client.get("/particles/jobs").json()]
    assert metrics["failed_jobs"] == listed.count("failed")
    assert metrics["rendering_jobs"] == listed.count("rendering")


def test_metrics_tell_what_renders_took_and_take(client: httpx.Client) -> None:
    job = start(client, create(client, **SMALL, seed=79))
    wait_for(client, job, "completed")
    metrics = client.get("/particles/metrics").json()
    assert metrics["completed_jobs"] >= 1
    assert 0 < metrics["average_render_seconds"] < 60
    assert 0.0 <= metrics["error_rate"] <= 1.0
    assert metrics["storage_bytes"] >= len(client.get(f"/particles/download/{job}").content)


@pytest.mark.parametrize("job", [str(uuid4()), "nonsense", "..", "%00"])
@pytest.mark.parametrize(("method", "path"), [("GET", "jobs"), ("DELETE", "jobs"), ("GET", "download")])
def test_an_unknown_job_is_404(client: httpx.Client, job: str, method: str, path: str) -> None:
    answer = client.request(method, f"/particles/{path}/{job}")
    assert answer.status_code in (404, 405)  # a client folds `..` away before it asks
    if job != "..":
        assert (answer.status_code, answer.json()) == (404, {"detail": "Render job not found"})


def test_a_preview_is_a_small_film_of_the_real_config(client: httpx.Client) -> None:
    system = create(client, width=1280, height=720, fps=24, particle_count=100)
    answer = client.get(f"/particles/systems/{system}/preview", params={"duration": 0.5})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "video/mp4"
    assert f'filename="preview_{system}.mp4"' in answer.headers["content-disposition"]
    film = Film.of(answer.content)
    assert film.frames == 12
    assert film.width < 1280
    assert film.width / film.height == pytest.approx(16 / 9, rel=0.02)
    again = client.get(f"/particles/systems/{system}/preview", params={"duration": 0.5})
    assert again.content == answer.content
