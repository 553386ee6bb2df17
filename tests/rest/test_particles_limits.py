"""What one owner may use, and what happens when the disk is full: a clear answer, and everything goes on."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.rest.songs import kick_wav
from tests.rest.test_particles_bad_input import SMALL
from tests.rest.test_particles_renders import start, wait_for
from tests.rest.test_particles_systems import create
from tests.support.left_over import files_below, still_there
from tests.support.server import running_server

LARGE: dict[str, Any] = {"width": 1280, "height": 720, "fps": 30, "duration": 20, "particle_count": 3000}


def test_what_one_owner_may_use(database_url: str, redis_url: str) -> None:
    """429 beyond the number of systems, 413 beyond the size of a song."""
    with (
        running_server(
            database_url, redis_url, workers=0, STARLING_MAX_SYSTEMS="2", STARLING_MAX_AUDIO_MB="1"
        ) as server,
        httpx.Client(base_url=server.base_url, timeout=30, trust_env=False) as client,
    ):
        systems = [create(client), create(client)]
        answer = client.post("/particles/create", json={"particle_type": "snow"})
        assert answer.status_code == 429
        assert answer.json() == {"detail": "at most 2 particle systems are allowed; delete some first"}
        assert int(answer.headers["Retry-After"]) > 0
        client.delete(f"/particles/systems/{systems[0]}")
        create(client)
        large = {"file": ("large.wav", kick_wav(30.0))}
        answer = client.post(f"/particles/systems/{systems[1]}/load-audio", files=large)
        assert answer.status_code == 413
        assert "audio may have at most 1,048,576 bytes" in answer.json()["detail"]
        assert client.get(f"/particles/systems/{systems[1]}").json()["status"]["audio_loaded"] is False
        assert [path for path in (server.home / "scratch").rglob("*") if path.is_file()] == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    if os.getuid() != 0:
        pytest.skip("mounting needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this machine mounts nothing")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_full_disk_fails_the_render_and_the_worker_goes_on(
    database_url: str, redis_url: str, small_disk: Path
) -> None:
    with (
        running_server(database_url, redis_url, STARLING_HOME=str(small_disk)) as server,
        httpx.Client(base_url=server.base_url, timeout=60, trust_env=False) as client,
    ):
        job = start(client, create(client, **LARGE))
        failed = wait_for(client, job, "failed", "completed", seconds=120)
        assert (failed["status"], failed["error"]) == ("failed", "There is no room left to store the result")
        assert asyncio.run(still_there(partial(_made, small_disk))) == []
        second = start(client, create(client, **SMALL))
        assert wait_for(client, second, "failed", "completed")["status"] == "completed"
        assert server.workers[0].poll() is None


def _made(disk: Path) -> list[str]:
    """What a run has left there, whole or not."""
    return [path.name for path in files_below(disk) if path.suffix not in (".log", "")]
