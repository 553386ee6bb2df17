"""`starling demo` as a person runs it: real processes, and nothing left of them, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.processes import ROOT, wait_until_none

ELSEWHERE = "postgresql://nobody@127.0.0.1:9/none"  # the demo must not touch an installation's own data
SMALL = ("--size", "320x180", "--quality", "draft")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for all, as a person has one: each run after the first finds what the last one left."""
    yield tmp_path_factory.mktemp("home of the demo")


def song(path: Path, seconds: float) -> Path:
    time_axis = np.arange(int(44_100 * seconds)) / 44_100
    beats = np.sin(2 * np.pi * 55 * time_axis) * np.exp(-((time_axis % 0.5) / 0.1))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes((beats * 20_000).astype("<i2").tobytes())
    return path


@contextmanager
def started(home: Path, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "app.cli", "demo", *map(str, arguments)],
        env={**os.environ, "STARLING_HOME": str(home), "PYTHONPATH": str(ROOT), "DATABASE_URL": ELSEWHERE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_song_becomes_a_film_and_nothing_keeps_running(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"
    with started(home, song(tmp_path / "song.wav", 2.0), "-o", out, *SMALL) as process:
        said, shown = process.communicate(timeout=110)
    assert process.returncode == 0, shown
    assert said.count("\n") == 1
    assert str(out) in said
    assert "times real time" in said
    assert "Drawing and encoding" in shown
    with av.open(str(out)) as film:
        picture = film.streams.video[0]
        assert (picture.width, picture.height, picture.frames) == (320, 180, 60)
        assert len(film.streams.audio) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "song.wav"]
    left, _ = wait_until_none(str(home), 5.0)
    assert left == {}


def test_without_a_song_the_server_composes_one(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"
    with started(home, "-o", out, *SMALL) as process:
        said, shown = process.communicate(timeout=170)
    assert process.returncode == 0, shown
    assert "28.0 s of 320x180" in said
    steps = [
        shown.index(step) for step in ("Starting a server", "Composing the song", "Drawing and encoding")
    ]
    assert steps == sorted(steps)
    with av.open(str(out)) as film:
        sound = np.concatenate([frame.to_ndarray() for frame in film.decode(audio=0)], axis=1)
    assert 0.05 < np.sqrt(np.square(sound).mean()) < 0.5
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    left, _ = wait_until_none(str(home), 5.0)
    assert left == {}


def test_what_is_not_a_song_is_a_sentence(home: Path, tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_text("la la la " * 1000)
    with started(home, tmp_path / "song.mp3", "-o", tmp_path / "film.mp4", *SMALL) as process:
        said, shown = process.communicate(timeout=110)
    assert (process.returncode, said) == (1, "")
    assert shown.splitlines()[-1].startswith("starling: ")
    assert "Traceback" not in shown
    assert not (tmp_path / "film.mp4").exists()
    left, _ = wait_until_none(str(home), 5.0)
    assert left == {}


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_stop_in_the_middle_leaves_nothing(home: Path, tmp_path: Path, number: signal.Signals) -> None:
    arguments = (song(tmp_path / "song.wav", 120.0), "-o", tmp_path / "film.mp4", "--type", "snow")
    with started(home, *arguments) as process:
        assert process.stderr is not None
        shown = next((line for line in process.stderr if "Drawing and encoding" in line), "")
        assert shown, "the render never began"
        process.send_signal(number)
        began = time.monotonic()
        said, shown = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    assert shown.splitlines()[-1] == "starling: stopped; no video was saved."
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]
    left, _ = wait_until_none(str(home), 5.0)
    assert left == {}
    assert time.monotonic() - began < 30.0
