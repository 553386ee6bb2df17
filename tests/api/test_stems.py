"""separateStems through a real server and worker: the job, its outputs by role, and what it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from tests.api.test_whole_way import CANCEL, WATCH, followed
from tests.rest.songs import kick_wav, pixel_png
from tests.support.graphql_http import Api, api, data_of
from tests.support.graphql_ws import socket
from tests.support.rows import unknown_ids
from tests.support.server import Server
from tests.support.stem_files import decoded, missing_db

SEPARATE = """mutation ($id: ID!, $options: JobOptions) { separateStems(audioId: $id, options: $options) {
  id kind status cached } }"""
JOB = """query ($id: ID!) { job(id: $id) { status cached result stages { name status } error { code message }
  outputs { role asset { filename contentType kind duration url sha256 } } } }"""


@pytest.fixture
async def graphql(server: Server) -> AsyncIterator[Api]:
    async with api(server.base_url) as client:
        yield client


async def uploaded(graphql: Api, name: str, content: bytes) -> str:
    id = data_of(await graphql.upload(name, content))["uploadAsset"]["id"]
    assert isinstance(id, str)
    return id


async def test_a_song_is_parted_and_the_stems_are_outputs_by_role(graphql: Api) -> None:
    song = kick_wav(4.0, sample_rate_hz=32_000, channels=2)
    id = await uploaded(graphql, "thuds.wav", song)
    job = (await graphql.run(SEPARATE, id=id))["separateStems"]
    assert (job["kind"], job["cached"]) == ("STEM_SEPARATE", False)
    updates = await followed(graphql, job["id"])
    progress = [update["progress"] for update in updates]
    assert progress == sorted(progress)
    assert (updates[-1]["status"], progress[-1]) == ("COMPLETED", 100)
    found = (await graphql.run(JOB, id=job["id"]))["job"]
    assert [stage["name"] for stage in found["stages"]] == ["separate", "publish"]
    assert [output["role"] for output in found["outputs"]] == ["drums", "bass", "vocals", "other"]
    files = [output["asset"] for output in found["outputs"]]
    assert {(file["contentType"], file["kind"], file["duration"]) for file in files} == {
        ("audio/flac", "AUDIO", 4.0)
    }
    assert files[0]["filename"].startswith("thuds_drums")
    async with httpx.AsyncClient(base_url=graphql.base_url) as client:
        stems = [decoded((await client.get(file["url"])).content) for file in files]
    assert missing_db(decoded(song), stems) < -60

    again = (await graphql.run(SEPARATE, id=id))["separateStems"]
    assert (again["status"], again["cached"]) == ("COMPLETED", True)
    same = (await graphql.run(JOB, id=again["id"]))["job"]["outputs"]
    assert [output["asset"]["sha256"] for output in same] == [file["sha256"] for file in files]


async def test_a_separation_is_cancelled_in_mid_run(graphql: Api) -> None:
    id = await uploaded(graphql, "long.wav", kick_wav(400.0 + int(uuid4()) % 9, sample_rate_hz=44_100))
    job = (await graphql.run(SEPARATE, id=id))["separateStems"]
    watched = []
    async with socket(graphql.base_url) as client:
        async for data in client.updates(WATCH, id=job["id"]):
            watched.append(data["jobUpdates"])
            if watched[-1]["status"] == "PROCESSING" and watched[-1]["progress"] > 0:
                await graphql.run(CANCEL, id=job["id"])
    assert watched[-1]["status"] == "CANCELLED"
    assert (await graphql.run(JOB, id=job["id"]))["job"]["outputs"] == []


async def test_one_idempotency_key_is_one_separation(graphql: Api) -> None:
    id = await uploaded(graphql, "key.wav", kick_wav(1.0, sample_rate_hz=16_000))
    other = await uploaded(graphql, "other.wav", kick_wav(1.1, sample_rate_hz=16_000))
    options = {"idempotencyKey": f"stems of {id}"}
    jobs = [(await graphql.run(SEPARATE, id=id, options=options))["separateStems"]["id"] for _ in range(2)]
    assert jobs[0] == jobs[1]
    refusal = await graphql.refusal(SEPARATE, id=other, options=options)
    assert (refusal.code, refusal.field) == ("CONFLICT", "idempotencyKey")


async def test_what_has_no_sound_or_is_not_there_is_refused(graphql: Api) -> None:
    picture = await uploaded(graphql, "pixel.png", pixel_png())
    refusal = await graphql.refusal(SEPARATE, id=picture)
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "audioId")
    for id in unknown_ids():
        refusal = await graphql.refusal(SEPARATE, id=id)
        assert (refusal.code, refusal.field) == ("NOT_FOUND", "audioId")
