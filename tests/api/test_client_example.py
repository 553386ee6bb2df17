"""docs/client.py, the program that the README points to, run as it stands against a real server."""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from pathlib import Path

import av
import numpy as np

from tests.support.server import Server

PROGRAM = Path(__file__).resolve().parents[2] / "docs" / "client.py"


def test_the_client_of_the_documentation_makes_a_video(server: Server, tmp_path: Path) -> None:
    text = PROGRAM.read_text()
    assert text.count("http://127.0.0.1:8000") == 1
    (tmp_path / "client.py").write_text(text.replace("http://127.0.0.1:8000", server.base_url))
    with wave.open(str(tmp_path / "song.wav"), "wb") as song:
        song.setnchannels(1)
        song.setsampwidth(2)
        song.setframerate(44_100)
        song.writeframes((np.sin(np.arange(44_100) / 20) * 9000).astype("<i2").tobytes())
    told = subprocess.run(
        [sys.executable, "client.py", "song.wav"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[-1] == "video.mp4"
    assert lines[-2].startswith("COMPLETED")
    with av.open(str(tmp_path / "video.mp4")) as film:
        picture = film.streams.video[0]
        assert (picture.width, picture.height, picture.frames) == (1280, 720, 30)
