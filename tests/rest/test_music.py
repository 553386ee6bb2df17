"""REST family 4, generation: a prompt goes in, its task is followed, a piece comes out that plays."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.rest.test_stems import statuses
from tests.support.stem_files import decoded, missing_db

SHORT = {"prompt": "techno, 240 bpm", "duration": 5}
RESULT = [
    "file_path",
    "preview_path",
    "duration",
    "bpm",
    "mood",
    "key",
    "seed",
    "provider",
    "prompt",
    "output_filename",
    "stems",
    "midi_path",
]
STEMS = ["drums", "bass", "melody", "other"]


def started(client: httpx.Client, **body: object) -> str:
    answer = client.post("/api/ai/generate", json=body)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    message = "Generation task queued. Poll the status endpoint to check progress."
    assert said == {"task_id": said["task_id"], "status": "pending", "message": message}
    return str(said["task_id"])


def made(client: httpx.Client, **body: object) -> dict[str, Any]:
    """The result of a task that succeeds."""
    done = statuses(client, started(client, **{**SHORT, **body}))[-1]
    assert (done["status"], done["error"]) == ("success", None), done
    result: dict[str, Any] = done["result"]
    return result


def test_the_request_of_the_documentation_becomes_a_piece(client: httpx.Client) -> None:
    said = {"prompt": "Upbeat electronic dance music", "bpm": 128, "mood": "energetic", "duration": 15}
    seen = statuses(client, started(client, **said))
    assert {one["status"] for one in seen} <= {"pending", "started", "progress", "success"}
    done = seen[-1]
    assert done["progress"] == {"current": 100, "total": 100, "status": "done"}
    result = done["result"]
    assert list(result) == RESULT
    assert {name: result[name] for name in said} == said
    assert result["provider"] == "starling-composer"
    assert result["output_filename"].startswith("upbeat-electronic-dance-music")
    assert result["file_path"] == f"/static/audio/{result['output_filename']}"
    assert list(result["stems"]) == STEMS
    piece = client.get(result["file_path"])
    assert (piece.status_code, piece.headers["content-type"]) == (200, "audio/flac")
    mix = decoded(piece.content)
    assert mix.shape == (15 * 44_100, 2)
    stems = [decoded(client.get(path).content) for path in result["stems"].values()]
    assert missing_db(mix, stems) < -80
    preview = client.get(result["preview_path"])
    assert (preview.status_code, preview.headers["content-type"]) == (200, "audio/mp4")
    assert len(preview.content) < len(piece.content) / 4
    assert client.get(result["midi_path"]).content.startswith(b"MThd")
    saved = client.get(f"/api/audio/download/{result['output_filename']}")
    assert saved.content == piece.content
    assert saved.headers["content-disposition"].startswith("attachment")
    heard = client.post("/api/ai/analyze-audio", params={"file_path": result["file_path"]}).json()
    assert heard["duration"] == 15.0


def test_words_win_and_the_same_seed_is_the_same_piece(client: httpx.Client) -> None:
    first = made(client, prompt="funk, 240 bpm, in E minor, no drums", bpm=61, key="C major", seed=9)
    assert (first["bpm"], first["key"], first["seed"]) == (240, "E minor", 9)
    again = made(client, prompt="funk, 240 bpm, in E minor, no drums", bpm=61, key="C major", seed=9)
    assert client.get(first["file_path"]).content == client.get(again["file_path"]).content
    assert not decoded(client.get(first["stems"]["drums"]).content).any()


@pytest.mark.slow
def test_a_length_in_words_keeps_to_the_documented_thirty_seconds(client: httpx.Client) -> None:
    result = made(client, prompt="only drums, techno, 240 bpm, 2 minutes")
    assert result["duration"] == 30.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", None),
        ("prompt", ""),
        ("prompt", "x" * 10_001),
        ("bpm", 59),
        ("bpm", 301),
        ("bpm", "fast"),
        ("duration", 4),
        ("duration", 31),
        ("mood", "m" * 201),
        ("seed", "x"),
    ],
)
def test_what_is_out_of_range_is_422_and_names_the_field(
    client: httpx.Client, field: str, value: object
) -> None:
    answer = client.post("/api/ai/generate", json={**SHORT, field: value})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", field]
    answer = client.post("/api/ai/batch-generate", json=[SHORT, {**SHORT, field: value}])
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", 1, field]


@pytest.mark.parametrize(
    ("given", "status", "sentence"),
    [
        ({"prompt": "  "}, 400, "prompt must be 1 to 10000 characters"),
        ({"prompt": "a\0b"}, 400, "prompt must be text"),
        ({"key": "Q"}, 400, "key is a letter and a mode"),
        ({"seed": 2**64}, 400, "seed must be a whole number of 64 bits"),
        ({"repo_id": "nonsense"}, 404, "Repository not found"),
        ({"repo_id": str(uuid4())}, 404, "Repository not found"),
        ({"commit_id": str(uuid4())}, 400, "commit_id needs repo_id"),
    ],
)
def test_what_is_refused_is_a_sentence(
    client: httpx.Client, given: dict[str, object], status: int, sentence: str
) -> None:
    answer = client.post("/api/ai/generate", json={**SHORT, **given})
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(sentence)


def test_a_batch_is_a_task_each_and_all_or_none(client: httpx.Client) -> None:
    answer = client.post("/api/ai/batch-generate", json=[{**SHORT, "seed": seed} for seed in (1, 2)])
    assert answer.status_code == 200
    said = answer.json()
    assert said == {"task_ids": said["task_ids"], "count": 2, "message": "Batch generation queued"}
    seeds = [statuses(client, task)[-1]["result"]["seed"] for task in said["task_ids"]]
    assert seeds == [1, 2]
    for body, sentence in (
        ([], "inputs must have 1 to 50 pieces, got 0"),
        ([SHORT] * 51, "inputs must have 1 to 50 pieces, got 51"),
        ([SHORT, {**SHORT, "key": "Q"}], "inputs.1.key is a letter and a mode"),
    ):
        answer = client.post("/api/ai/batch-generate", json=body)
        assert answer.status_code == 400
        assert answer.json()["detail"].startswith(sentence)


def test_the_local_owner_is_who_asks(client: httpx.Client) -> None:
    me = client.get("/api/auth/me")
    assert me.status_code == 200
    said = me.json()
    assert list(said) == ["id", "username", "role", "created_at"]
    assert (said["username"], said["role"]) == ("local", "ADMIN")
    repository = {"name": f"mine {uuid4()}"}
    answer = client.post("/api/repositories/create", params={"owner_id": said["id"]}, json=repository)
    assert answer.json()["owner_id"] == said["id"]
    assert client.post("/api/auth/me").json() == {"detail": "Method Not Allowed"}
