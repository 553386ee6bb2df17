"""generateMusic through a real server and worker: a piece and its files, what is refused, its commit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.api.test_whole_way import WATCH, followed
from tests.support.graphql_http import Api, api
from tests.support.graphql_ws import socket
from tests.support.music import committed, made
from tests.support.rows import unknown_ids
from tests.support.server import Server
from tests.support.stem_files import decoded, missing_db

GENERATE = """mutation ($input: GenerateMusicInput!, $options: JobOptions) {
  generateMusic(input: $input, options: $options) { id kind status cached subject { __typename } } }"""
BATCH = """mutation ($inputs: [GenerateMusicInput!]!) { generateMusicBatch(inputs: $inputs) { id status } }"""
JOB = """query ($id: ID!) { job(id: $id) { status cached result stages { name status } error { code message }
  audio { id } outputs { role asset { id filename contentType kind duration url sha256 } } } }"""
COMMIT = """query ($id: ID!) { commit(id: $id) { message bpm keySignature generationParams render { id }
  parents { id } stems { type asset { id } } repository { defaultBranch { head { id } } } } }"""
STEMS = ("drums", "bass", "melody", "other")
SHORT = {"prompt": "techno, 240 bpm", "duration": 5.0}


@pytest.fixture
async def graphql(server: Server) -> AsyncIterator[Api]:
    async with api(server.base_url) as client:
        yield client


async def generated(graphql: Api, **input: Any) -> dict[str, Any]:
    """The job, ended."""
    job = (await graphql.run(GENERATE, input={**SHORT, **input}))["generateMusic"]
    if not job["cached"]:
        await followed(graphql, job["id"])
    found: dict[str, Any] = (await graphql.run(JOB, id=job["id"]))["job"]
    assert found["status"] == "COMPLETED", found
    return {"id": job["id"], **found}


async def test_a_prompt_becomes_a_piece_with_stems_that_sum_to_it(graphql: Api) -> None:
    said = {"prompt": "upbeat house, 120 bpm, in F# minor", "bpm": 90, "key": "C major", "duration": 6.0}
    job = (await graphql.run(GENERATE, input=said))["generateMusic"]
    assert (job["kind"], job["status"], job["cached"]) == ("MUSIC_GENERATE", "PENDING", False)
    updates = await followed(graphql, job["id"])
    progress = [update["progress"] for update in updates]
    assert progress == sorted(progress)
    assert (updates[-1]["status"], progress[-1]) == ("COMPLETED", 100)
    found = (await graphql.run(JOB, id=job["id"]))["job"]
    assert [stage["name"] for stage in found["stages"]] == ["compose", "publish"]
    files = {output["role"]: output["asset"] for output in found["outputs"]}
    assert list(files) == ["audio", *STEMS, "preview", "midi"]
    assert files["audio"]["id"] == found["audio"]["id"]
    assert files["audio"]["filename"].startswith("upbeat-house-120-bpm-in-f")
    types = [files[role]["contentType"] for role in ("audio", "drums", "preview", "midi")]
    assert types == ["audio/flac", "audio/flac", "audio/mp4", "audio/midi"]
    async with httpx.AsyncClient(base_url=graphql.base_url) as client:
        content = {role: (await client.get(files[role]["url"])).content for role in files}
    mix = decoded(content["audio"])
    assert mix.shape == (6 * 44_100, 2)
    assert missing_db(mix, [decoded(content[stem]) for stem in STEMS]) < -80
    assert decoded(content["preview"]).shape == pytest.approx(mix.shape, abs=2048)
    assert content["midi"].startswith(b"MThd")
    result = found["result"]
    assert (result["bpm"], result["key"], result["duration"]) == (120.0, "F# minor", 6.0)
    assert (result["provider"], result["parameters"]["genre"]) == ("starling-composer", "house")
    assert result["loudness_lufs"] == pytest.approx(-14, abs=0.5)
    assert result["true_peak_dbtp"] < -1


async def test_the_same_seed_is_the_same_bytes_and_answered_at_once(graphql: Api) -> None:
    first = await generated(graphql)
    seed = first["result"]["seed"]
    other = await generated(graphql)
    assert other["result"]["seed"] != seed
    assert not other["cached"]
    same = await generated(graphql, seed=seed)
    hashes = [[one["asset"]["sha256"] for one in job["outputs"]] for job in (first, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    again = await generated(graphql, seed=seed)
    assert again["cached"]
    assert [one["asset"]["sha256"] for one in again["outputs"]] == hashes[0]


async def test_a_piece_goes_into_a_repository_and_who_follows_it_is_told(graphql: Api) -> None:
    repository = await made(graphql, "generated")
    first = (await committed(graphql, repository))["id"]
    async with socket(graphql.base_url) as client:
        updates = client.updates(
            "subscription ($id: ID!, $after: ID) { repositoryUpdates(id: $id, after: $after) { id } }",
            id=repository,
            after=first,
        )
        job = await generated(graphql, seed=5, repositoryId=repository)
        told = (await anext(updates))["repositoryUpdates"]["id"]
    assert job["result"]["commit"]["id"] == told
    commit = (await graphql.run(COMMIT, id=told))["commit"]
    files = {output["role"]: output["asset"]["id"] for output in job["outputs"]}
    assert {stem["type"].lower(): stem["asset"]["id"] for stem in commit["stems"]} == {
        stem: files[stem] for stem in STEMS
    }
    assert commit["render"] == {"id": files["audio"]}
    assert (commit["bpm"], commit["keySignature"]) == (240.0, job["result"]["key"])
    assert commit["generationParams"]["seed"] == 5
    assert commit["repository"]["defaultBranch"]["head"] == {"id": told}

    late = await generated(graphql, seed=5, repositoryId=repository, branch="main", parentCommitId=first)
    told = late["result"]["commit"]
    assert (told["branch"], told["moved"], late["cached"]) == (None, True, False)
    kept = (await graphql.run(COMMIT, id=told["id"]))["commit"]
    assert kept["parents"] == [{"id": first}]
    assert kept["repository"]["defaultBranch"]["head"] != {"id": told["id"]}


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("prompt", "", "1 to 10000"),
        ("prompt", "x" * 10_001, "10001"),
        ("bpm", 59, "60 to 300"),
        ("bpm", 301, "60 to 300"),
        ("duration", 4.5, "5 to 300"),
        ("duration", 301.0, "5 to 300"),
        ("key", "Q major", "a letter and a mode"),
        ("mood", "m" * 201, "200"),
        ("branch", "main", "needs a repository"),
        ("parentCommitId", str(UUID(int=7)), "parentCommitId needs a repository"),
    ],
)
async def test_bad_input_names_the_field_and_its_limit(
    graphql: Api, field: str, value: object, limit: str
) -> None:
    refusal = await graphql.refusal(GENERATE, input={**SHORT, field: value})
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", field)
    assert limit in refusal.message
    refusal = await graphql.refusal(BATCH, inputs=[SHORT, {**SHORT, field: value}])
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", f"inputs.1.{field}")
    assert refusal.message.startswith(f"inputs.1.{field}")
    assert limit in refusal.message


async def test_what_is_not_there_is_not_found(graphql: Api) -> None:
    repository = await made(graphql, "empty")
    for id in unknown_ids():
        for input in ({"repositoryId": id}, {"repositoryId": repository, "parentCommitId": id}):
            refusal = await graphql.refusal(GENERATE, input={**SHORT, **input})
            assert (refusal.code, refusal.field) == ("NOT_FOUND", list(input)[-1])


async def test_one_idempotency_key_is_one_piece(graphql: Api) -> None:
    options = {"idempotencyKey": "a piece of the api tests"}
    ids = [
        (await graphql.run(GENERATE, input=SHORT, options=options))["generateMusic"]["id"] for _ in range(2)
    ]
    assert ids[0] == ids[1]
    refusal = await graphql.refusal(GENERATE, input={**SHORT, "bpm": 100}, options=options)
    assert (refusal.code, refusal.field) == ("CONFLICT", "idempotencyKey")
    await followed(graphql, ids[0])


async def test_a_batch_is_a_job_each(graphql: Api) -> None:
    before = (await graphql.run("{ jobs(filter: {kind: MUSIC_GENERATE}) { totalCount } }"))["jobs"]
    inputs = [{**SHORT, "seed": 31, "prompt": prompt} for prompt in ("dub, 240 bpm", "pop, 240 bpm")]
    jobs = (await graphql.run(BATCH, inputs=inputs))["generateMusicBatch"]
    for job, genre in zip(jobs, ("reggae", "pop"), strict=True):
        await followed(graphql, job["id"])
        found = (await graphql.run(JOB, id=job["id"]))["job"]
        assert (found["status"], found["result"]["parameters"]["genre"]) == ("COMPLETED", genre)
    after = (await graphql.run("{ jobs(filter: {kind: MUSIC_GENERATE}) { totalCount } }"))["jobs"]
    assert after["totalCount"] == before["totalCount"] + 2


async def test_a_long_piece_is_cancelled_in_mid_run(graphql: Api) -> None:
    job = (await graphql.run(GENERATE, input={"prompt": "pop", "duration": 300.0}))["generateMusic"]
    watched = []
    async with socket(graphql.base_url) as client:
        async for data in client.updates(WATCH, id=job["id"]):
            watched.append(data["jobUpdates"])
            if watched[-1]["status"] == "PROCESSING" and watched[-1]["progress"] > 0:
                await graphql.run("mutation ($id: ID!) { cancelJob(id: $id) { id } }", id=job["id"])
    assert watched[-1]["status"] == "CANCELLED"
    assert (await graphql.run(JOB, id=job["id"]))["job"]["outputs"] == []


async def test_the_genres_are_named(graphql: Api) -> None:
    genres = (await graphql.run("{ musicGenres }"))["musicGenres"]
    assert len(set(genres)) >= 10
    assert {"house", "jazz", "ambient"} <= set(genres)
