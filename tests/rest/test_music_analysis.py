"""REST family 4, what concerns audio files: upload, analysis, download, each as the seed has it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest

from bench.labelled import RATE, chord_song, wav_of
from tests.rest.songs import kick_wav, pixel_png


@pytest.fixture(scope="module")
def song() -> bytes:
    return wav_of(chord_song(4, "minor", 118.4, 15.0))


def upload(client: httpx.Client, name: str, content: bytes) -> dict[str, Any]:
    answer = client.post("/api/audio/upload", files={"file": (name, content)})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def analyzed(client: httpx.Client, path: str) -> dict[str, Any]:
    answer = client.post("/api/ai/analyze-audio", params={"file_path": path})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_what_is_uploaded_is_analysed_and_downloaded_by_its_path(client: httpx.Client, song: bytes) -> None:
    found = upload(client, "my song.wav", song)
    assert found["size"] == len(song)
    assert found["path"] == "/static/audio/my%20song.wav"
    facts = analyzed(client, found["path"])
    assert facts["bpm"] == 118
    assert facts["tempo"] == pytest.approx(118.4, rel=0.001)
    assert facts["key_signature"] == "E minor"
    assert facts["duration"] == pytest.approx(15.0, abs=0.01)
    assert facts["status"] == "success"
    assert len(facts["beats"]) == len(facts["energy"])
    for name in ("my song.wav", found["id"], f"/assets/{found['id']}/any.wav", "/elsewhere/my song.wav"):
        assert analyzed(client, name) == facts
    played = client.get(found["path"])
    assert (played.content, played.headers["content-type"]) == (song, "audio/wav")
    assert played.headers["content-disposition"].startswith("inline")
    saved = client.get("/api/audio/download/my%20song.wav")
    assert saved.content == song
    assert saved.headers["content-disposition"].startswith('attachment; filename="my song.wav"')
    part = client.get(found["path"], headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")
    head = client.head(found["path"])
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(song)))


def test_what_has_no_beat_and_no_key_answers_null(client: httpx.Client) -> None:
    facts = analyzed(client, upload(client, "still.wav", wav_of(np.zeros(4 * RATE)))["path"])
    assert facts["bpm"] is facts["tempo"] is facts["key_signature"] is facts["loudness_lufs"] is None
    assert (facts["duration"], facts["beats"], facts["energy"]) == (4.0, [], [])


@pytest.mark.parametrize(
    "path", ["nothing.wav", "../../etc/passwd", "/etc/passwd", "a\0b", str(uuid4()), "\u2603", ""]
)
def test_no_path_on_the_server_is_opened(client: httpx.Client, path: str) -> None:
    answer = client.post("/api/ai/analyze-audio", params={"file_path": path})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Audio file not found"})


@pytest.mark.parametrize("path", ["/api/audio/download/none.wav", "/static/audio/none.wav"])
def test_what_is_not_stored_is_not_found(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Audio file not found"})


@pytest.mark.parametrize("params", [{}, {"file_path": "x" * 5000}])
def test_a_malformed_request_is_answered_with_a_list(client: httpx.Client, params: dict[str, str]) -> None:
    answer = client.post("/api/ai/analyze-audio", params=params)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == ["query", "file_path"]
    assert set(problem) == {"type", "loc", "msg"}


def test_a_picture_is_no_audio(client: httpx.Client) -> None:
    answer = client.post("/api/audio/upload", files={"file": ("song.wav", pixel_png())})
    assert (answer.status_code, answer.json()) == (400, {"detail": "file: there is no audio in song.wav"})
    answer = client.post("/api/audio/upload", files={"file": ("song.wav", b"not a song at all")})
    assert answer.status_code == 400
    client.post("/assets", files={"file": ("dot.png", pixel_png())})
    answer = client.post("/api/ai/analyze-audio", params={"file_path": "dot.png"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "file_path: there is no audio in dot.png"})


def test_an_upload_without_a_file_names_the_field(client: httpx.Client) -> None:
    for answer in (
        client.post("/api/audio/upload", json={}),
        client.post("/api/audio/upload", files={"other": ("a.wav", kick_wav(1.0))}),
    ):
        assert answer.status_code == 400
        assert "file" in answer.json()["detail"]


def test_a_wrong_method_is_told_the_right_one(client: httpx.Client) -> None:
    answer = client.get("/api/ai/analyze-audio")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_the_documentation_knows_them(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {
        "/api/ai/analyze-audio",
        "/api/audio/upload",
        "/api/audio/download/{filename}",
        "/static/audio/{filename}",
    } <= set(paths)
