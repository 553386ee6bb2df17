"""The documented curl commands and the documented Python client, as they are written, against a real server.

Only what a reader has to fill in is filled in: the address, the two ids, and how long the client sleeps.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.rest.films import Film
from tests.rest.songs import kick_wav
from tests.rest.test_particles_renders import wait_for

EXAMPLES = Path(__file__).parent / "examples"
ADDRESS = "http://localhost:8000"


@pytest.fixture
def stored_song(client: httpx.Client) -> None:
    """What the examples call path/to/audio.wav."""
    assert client.post("/assets", files={"file": ("audio.wav", kick_wav(3.0))}).status_code == 201


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed on this machine")
@pytest.mark.usefixtures("stored_song")
def test_the_curl_commands_work_as_documented(client: httpx.Client, tmp_path: Path) -> None:
    create, types, render, status, download = (
        (EXAMPLES / "particle_curls.txt").read_text().strip().split("\n\n")
    )
    system = run(client, tmp_path, create)
    assert system["particle_type"] == "snow"
    assert system["status"]["config"]["width"] == 1280
    assert system["status"]["particle_count"] == 100
    assert len(run(client, tmp_path, types)) == 6
    job = run(client, tmp_path, render, system_id=system["system_id"])
    assert job["message"] == "Rendering started"
    assert job["output_path"] == "my_visualization.mp4"
    assert run(client, tmp_path, status, job_id=job["job_id"])["status"] in (
        "queued",
        "rendering",
        "completed",
    )
    assert wait_for(client, job["job_id"], "completed", "failed", seconds=90)["status"] == "completed"
    run(client, tmp_path, download, job_id=job["job_id"])
    film = Film.of((tmp_path / "my_video.mp4").read_bytes())
    assert (film.width, film.height, film.frames, film.fps, film.has_sound) == (1280, 720, 300, 30.0, True)


@pytest.mark.slow
@pytest.mark.usefixtures("stored_song")
def test_the_python_client_works_as_documented(client: httpx.Client, tmp_path: Path) -> None:
    text = (EXAMPLES / "particle_client.txt").read_text()
    assert text.count(ADDRESS) == 1
    assert text.count("time.sleep(2)") == 1
    text = text.replace(ADDRESS, str(client.base_url).rstrip("/")).replace("time.sleep(2)", "time.sleep(0.2)")
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith("Created system: ")
    assert "Rendering completed!" in said
    assert said[-1] == "Video downloaded successfully!"
    film = Film.of((tmp_path / "downloaded_video.mp4").read_bytes())
    assert (film.width, film.height, film.frames, film.has_sound) == (1920, 1080, 450, True)


def run(client: httpx.Client, folder: Path, command: str, **ids: str) -> Any:
    """Run a documented command in a shell; its answer, where it prints one."""
    command = command.replace(ADDRESS, str(client.base_url).rstrip("/"))
    for name, value in ids.items():
        command = command.replace(f"{{{name}}}", value)
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=True,
        env=_plain_environment(),
    )
    return json.loads(done.stdout) if done.stdout else None


def _plain_environment() -> dict[str, str]:
    """Without proxies: the server is on this machine."""
    return {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
