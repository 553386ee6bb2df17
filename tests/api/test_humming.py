"""melodyToMusic through a real server and worker: what is hummed leads; what is no hum is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.test_stems import uploaded
from tests.api.test_whole_way import followed
from tests.rest.songs import kick_wav, pixel_png
from tests.support.graphql_http import Api, api
from tests.support.hums import melody_of, star, wav
from tests.support.rows import unknown_ids
from tests.support.server import Server
from tests.support.stem_files import decoded, missing_db, wav_of

FOLLOW = """mutation ($input: MelodyInput!, $options: JobOptions) {
  melodyToMusic(input: $input, options: $options) { id kind status cached } }"""
JOB = """query ($id: ID!) { job(id: $id) { status cached result stages { name status } error { code message }
  audio { id } outputs { role asset { id filename contentType duration url sha256 } } } }"""
STEMS = ("drums", "bass", "melody", "other")


@pytest.fixture
async def graphql(server: Server) -> AsyncIterator[Api]:
    async with api(server.base_url) as client:
        yield client


async def ended(graphql: Api, **input: Any) -> dict[str, Any]:
    job = (await graphql.run(FOLLOW, input=input))["melodyToMusic"]
    assert job["kind"] == "MELODY_TO_MUSIC"
    if not job["cached"]:
        await followed(graphql, job["id"])
    found: dict[str, Any] = (await graphql.run(JOB, id=job["id"]))["job"]
    return found


async def test_a_hum_leads_a_piece_with_its_contour_timing_and_key(graphql: Api) -> None:
    tune = star()
    audio = await uploaded(graphql, "hum.wav", wav(tune))
    found = await ended(graphql, audioId=audio, prompt="soft pop with piano", seed=5)
    assert (found["status"], [stage["name"] for stage in found["stages"]]) == (
        "COMPLETED",
        ["compose", "publish"],
    )
    files = {output["role"]: output["asset"] for output in found["outputs"]}
    assert list(files) == ["audio", *STEMS, "preview", "midi"]
    async with httpx.AsyncClient(base_url=graphql.base_url) as client:
        content = {role: (await client.get(files[role]["url"])).content for role in files}
    onsets, pitches = melody_of(content["midi"])
    count = len(tune.onsets)
    assert np.corrcoef(pitches[:count], tune.pitches)[0, 1] > 0.99
    off = (onsets[:count] - onsets[0]) - (tune.onsets - tune.onsets[0])
    assert np.abs(off - off.mean()).max() < 0.1
    result = found["result"]
    assert (result["key"], result["bpm"], result["provider"]) == ("A major", 100.0, "starling-composer")
    assert result["hum"]["notes"] == count
    assert result["asked"] == {"bpm": 120, "key": None, "duration": 15.0}
    assert len(result["parameters"]["tune"]) == count
    mix = decoded(content["audio"])
    assert missing_db(mix, [decoded(content[stem]) for stem in STEMS]) < -80
    assert mix.shape == (round(result["duration"] * 44_100), 2)

    again = await ended(graphql, audioId=audio, prompt="soft pop with piano", seed=5)
    assert again["cached"]
    assert [one["asset"]["sha256"] for one in again["outputs"]] == [
        one["asset"]["sha256"] for one in found["outputs"]
    ]
    moved = await ended(graphql, audioId=audio, bpm=90, key="C major", duration=6, seed=5)
    told = [moved["result"][name] for name in ("bpm", "key", "duration")]
    assert told == [90.0, "C major", 6.0]


async def test_a_recording_without_a_melody_fails_with_a_sentence(graphql: Api) -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal((32_000, 1))
    for name, sound in (("silence.wav", np.zeros((32_000, 1))), ("noise.wav", noise)):
        audio = await uploaded(graphql, name, wav_of(sound.astype(np.float32), 16_000))
        found = await ended(graphql, audioId=audio)
        assert (found["status"], found["outputs"]) == ("FAILED", [])
        assert found["error"] == {
            "code": "BAD_USER_INPUT",
            "message": "No melody could be heard in the recording: no voice holds a pitch in it.",
        }


@pytest.mark.parametrize("seconds, said", [(0.5, "0.5"), (130.0, "130.0")])
async def test_a_recording_has_a_least_and_a_greatest_length(graphql: Api, seconds: float, said: str) -> None:
    audio = await uploaded(graphql, "long.wav", kick_wav(seconds, sample_rate_hz=8_000))
    refusal = await graphql.refusal(FOLLOW, input={"audioId": audio})
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "audioId")
    assert refusal.message == f"audioId must be a recording of 1 to 120 seconds, got {said}"


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("prompt", "x" * 10_001, "10001"),
        ("bpm", 59, "60 to 300"),
        ("bpm", 301, "60 to 300"),
        ("duration", 4.5, "5 to 300"),
        ("key", "Q major", "a letter and a mode"),
        ("mood", "m" * 201, "200"),
    ],
)
async def test_bad_input_names_the_field_and_its_limit(
    graphql: Api, field: str, value: object, limit: str
) -> None:
    audio = await uploaded(graphql, "kicks.wav", kick_wav(2.0))
    refusal = await graphql.refusal(FOLLOW, input={"audioId": audio, field: value})
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", field)
    assert limit in refusal.message


async def test_what_is_not_there_or_has_no_sound(graphql: Api) -> None:
    for id in unknown_ids():
        refusal = await graphql.refusal(FOLLOW, input={"audioId": id})
        assert (refusal.code, refusal.field) == ("NOT_FOUND", "audioId")
    picture = await uploaded(graphql, "pixel.png", pixel_png())
    refusal = await graphql.refusal(FOLLOW, input={"audioId": picture})
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "audioId")


async def test_one_idempotency_key_is_one_piece(graphql: Api) -> None:
    audio = await uploaded(graphql, "kicks.wav", kick_wav(2.0))
    options = {"idempotencyKey": "a hum of the api tests"}
    input = {"audioId": audio}
    ids = [(await graphql.run(FOLLOW, input=input, options=options))["melodyToMusic"]["id"] for _ in range(2)]
    assert ids[0] == ids[1]
    refusal = await graphql.refusal(FOLLOW, input={**input, "bpm": 100}, options=options)
    assert (refusal.code, refusal.field) == ("CONFLICT", "idempotencyKey")
    await followed(graphql, ids[0])
