"""REST family 4, hum to beat: a recording goes in, a piece that follows it comes out."""

from __future__ import annotations

from uuid import uuid4

import httpx
import numpy as np
import pytest

from tests.rest.songs import kick_wav, pixel_png
from tests.rest.test_music import RESULT
from tests.rest.test_stems import statuses
from tests.support.hums import cut, melody_of, silent_wav, star, wav
from tests.support.stem_files import wav_of

PATH = "/api/ai/hum-to-beat"


def hummed(client: httpx.Client, content: bytes, **query: str | int) -> httpx.Response:
    name = f"{uuid4().hex[:8]}.wav"
    return client.post(PATH, params=query, files={"file_upload": (name, content)})


def assets(client: httpx.Client) -> int:
    """How many there are."""
    answer = client.post("/graphql", json={"query": "{ assets { totalCount } }"})
    return int(answer.json()["data"]["assets"]["totalCount"])


def started(client: httpx.Client, content: bytes, **query: str | int) -> str:
    answer = hummed(client, content, **query)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    message = "Melody-to-beat generation queued"
    assert said == {"task_id": said["task_id"], "status": "pending", "message": message}
    return str(said["task_id"])


def test_the_melody_of_an_upload_is_followed(client: httpx.Client) -> None:
    tune = star(96.0)
    seen = statuses(client, started(client, wav(tune), bpm=96, mood="happy house"))
    done = seen[-1]
    assert (done["status"], done["error"]) == ("success", None), done
    result = done["result"]
    assert list(result) == RESULT
    assert (result["bpm"], result["key"], result["mood"]) == (96, "A major", "happy house")
    assert (result["prompt"], result["provider"], result["duration"]) == ("", "starling-composer", 15.0)
    onsets, pitches = melody_of(client.get(result["midi_path"]).content)
    count = len(tune.onsets)
    assert np.corrcoef(pitches[:count], tune.pitches)[0, 1] > 0.99
    off = (onsets[:count] - onsets[0]) - (tune.onsets - tune.onsets[0])
    assert np.abs(off - off.mean()).max() < 0.1
    piece = client.get(result["file_path"])
    assert (piece.status_code, piece.headers["content-type"]) == (200, "audio/flac")


def test_three_seconds_without_any_words_are_enough(client: httpx.Client) -> None:
    done = statuses(client, started(client, wav(cut(star(120.0), 3.0))))[-1]
    assert done["status"] == "success"
    assert done["result"]["mood"] == "neutral"


def test_silence_is_a_failure_that_says_why(client: httpx.Client) -> None:
    silence = wav_of(np.zeros((32_000, 1), np.float32), 16_000)
    done = statuses(client, started(client, silence))[-1]
    assert (done["status"], done["result"]) == ("failure", None)
    assert done["error"].startswith("No melody could be heard")


@pytest.mark.parametrize(
    ("query", "field"), [({"bpm": 59}, "bpm"), ({"bpm": 301}, "bpm"), ({"mood": "m" * 201}, "mood")]
)
def test_a_query_out_of_range_is_422(client: httpx.Client, query: dict[str, str | int], field: str) -> None:
    answer = hummed(client, kick_wav(2.0), **query)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", field]


def test_a_request_without_the_file_is_422_and_names_it(client: httpx.Client) -> None:
    for answer in (
        client.post(PATH),
        client.post(PATH, json={"file_upload": "x"}),
        client.post(PATH, files={"file": ("hum.wav", kick_wav(2.0))}),
        client.post(PATH, files={"other": (None, "x")}),
    ):
        assert answer.status_code == 422, answer.text
        assert answer.json()["detail"][0]["loc"] == ["body", "file_upload"]


def test_what_cannot_be_a_hum_is_refused_at_once(client: httpx.Client) -> None:
    before = assets(client)
    answer = hummed(client, pixel_png())
    assert answer.status_code == 400
    assert "there is no audio in" in answer.json()["detail"]
    answer = hummed(client, b"not media at all")
    assert answer.status_code == 400
    assert "none of the supported formats" in answer.json()["detail"]
    answer = hummed(client, silent_wav(3600))
    assert answer.status_code == 400
    assert answer.json()["detail"] == "file_upload must be a recording of 1 to 120 seconds, got 3,600.0"
    answer = hummed(client, wav(cut(star(120.0), 3.0)), mood="a\x01b")
    assert answer.status_code == 400 and "mood" in answer.json()["detail"]
    assert assets(client) == before, "what is refused is not kept"
