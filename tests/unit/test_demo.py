"""The parts of the demo that need no server: files, progress, and a client that outlives its connection."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from app.demo.api import Api
from app.demo.errors import DemoError
from app.demo.files import appearing, places
from app.demo.film import Film, Wish
from app.demo.progress import Progress


def test_without_a_song_the_video_has_a_name_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = places(None, None)
    assert found.audio is None
    assert found.output == tmp_path / "starling-demo.mp4"


def test_a_song_names_its_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Blue Monday.mp3").write_bytes(b"x")
    assert places("Blue Monday.mp3", None).output == tmp_path / "Blue Monday-starling.mp4"


def test_a_folder_as_output_gets_a_file(tmp_path: Path) -> None:
    assert places(None, str(tmp_path)).output == tmp_path / "starling-demo.mp4"


@pytest.mark.parametrize(
    ("audio", "output", "sentence"),
    [
        ("missing.mp3", "out.mp4", "missing.mp3 cannot be read"),
        (".", "out.mp4", "is a folder"),
        ("empty.mp3", "out.mp4", "is empty"),
        ("song.mp3", "nowhere/out.mp4", "No file can be made in"),
        ("song.mp3", "song.mp3", "is the song itself"),
        (None, "/proc/out.mp4", "No file can be made in /proc"),
    ],
)
def test_bad_places_are_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, audio: str | None, output: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.mp3").touch()
    (tmp_path / "song.mp3").write_bytes(b"song")
    with pytest.raises(DemoError, match=sentence):
        places(audio, output)
    assert (tmp_path / "song.mp3").read_bytes() == b"song"


def test_a_video_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    with pytest.raises(DemoError), appearing(target) as part:
        part.write_bytes(b"half")
        raise DemoError("cut")
    assert list(tmp_path.iterdir()) == []
    with appearing(target) as part:
        part.write_bytes(b"whole")
        assert not target.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert target.read_bytes() == b"whole"


@pytest.mark.parametrize("size", ["1920", "1920x", "x1080", "1e3x2e3", "-2x2"])
def test_a_bad_size_is_a_sentence(size: str) -> None:
    with pytest.raises(DemoError, match="--size"):
        Wish.of(Namespace(type="snow", quality="draft", size=size))


def test_a_wish_is_in_the_words_of_the_api() -> None:
    wish = Wish.of(Namespace(type="no_music", quality="high", size="640x360"))
    assert wish == Wish("NO_MUSIC", "HIGH", 640, 360)


def test_the_result_is_one_line_with_the_speed() -> None:
    line = Film(Path("/songs/a.mp4"), 30.0, 1920, 1080, 30, 10.0, 14.2).line()
    assert line.startswith("/songs/a.mp4: 30.0 s")
    assert "3.0 times real time" in line
    assert "\n" not in line


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_moves() -> None:
    stream = _Terminal()
    with Progress.on(stream) as progress:
        progress.show(42.0, "render", "frame 42 of 100", 3.0)
    assert "42.0 %" in stream.getvalue()
    assert "Drawing and encoding" in stream.getvalue()


def test_elsewhere_each_tenth_of_the_way_is_a_plain_line() -> None:
    stream = io.StringIO()
    with Progress.on(stream) as progress:
        progress.say("Uploading the song")
        for percent in range(101):
            progress.show(float(percent), "render", "", None)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 12
    assert "\x1b" not in stream.getvalue()
    assert lines[0].endswith("Uploading the song")
    assert lines[-1].endswith("Drawing and encoding: 100 %")


async def test_a_lost_connection_is_taken_up_where_it_broke() -> None:
    asked: list[str | None] = []

    async def speak(socket: ServerConnection) -> None:
        assert json.loads(await socket.recv())["type"] == "connection_init"
        await socket.send(json.dumps({"type": "connection_ack"}))
        subscribe = json.loads(await socket.recv())
        after = subscribe["payload"]["variables"]["after"]
        asked.append(after)
        await socket.send(json.dumps({"type": "ping"}))
        assert json.loads(await socket.recv())["type"] == "pong"
        if after is None:
            await socket.send(_next(subscribe["id"], "1"))
            await socket.close(1012)  # a restart
        else:
            await socket.send(_next(subscribe["id"], "2"))
            await socket.send(json.dumps({"type": "complete", "id": subscribe["id"]}))

    async with serve(speak, "127.0.0.1", 0, subprotocols=["graphql-transport-ws"]) as server:  # type: ignore[list-item]
        port = server.sockets[0].getsockname()[1]
        async with Api(f"http://127.0.0.1:{port}") as api:
            seen = [update["cursor"] async for update in api.updates("subscription", "jobUpdates", id="x")]
    assert seen == ["1", "2"]
    assert asked == [None, "1"]


def _next(number: str, cursor: str) -> str:
    payload: dict[str, Any] = {"data": {"jobUpdates": {"cursor": cursor}}}
    return json.dumps({"type": "next", "id": number, "payload": payload})
