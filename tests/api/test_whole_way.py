"""The main job through a real server and worker: a song goes in, each step is seen, a film comes out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.api.test_systems import CREATE
from tests.rest.songs import kick_wav
from tests.support.graphql_http import Api, api, data_of
from tests.support.graphql_ws import socket
from tests.support.scrapes import Scrape, scrape, scrape_until
from tests.support.server import Server

SMALL = {"width": 64, "height": 36, "fps": 30, "particleCount": 20}
RENDER = """mutation ($id: ID!, $input: RenderInput, $options: JobOptions) {
  renderParticleSystem(id: $id, input: $input, options: $options) {
    id status cached priority retryOf subject { ... on ParticleSystem { id } } } }"""
WATCH = """subscription ($id: ID!) { jobUpdates(id: $id) {
  status progress stage message job { progress stages { name status progress } } } }"""
JOB = """query ($id: ID!) { job(id: $id) {
  kind status progress attempts maxAttempts cached params result error { code message } retriedBy etaSeconds
  stages { name status progress startedAt completedAt error { code } }
  outputs { role asset { id } } createdAt startedAt updatedAt completedAt audio { id }
  video { id kind filename contentType duration width height url thumbnailUrl size sha256 } } }"""
RETRY = "mutation ($id: ID!, $from: String) { retryJob(id: $id, fromStage: $from) { id status retryOf } }"
CANCEL = "mutation ($id: ID!) { cancelJob(id: $id) { id status cancelRequested } }"
DELETE = "mutation ($id: ID!) { deleteJob(id: $id) }"


@pytest.fixture
async def graphql(server: Server) -> AsyncIterator[Api]:
    async with api(server.base_url) as client:
        yield client


async def a_small_system(graphql: Api, **config: object) -> str:
    input = {"particleType": "SNOW", "config": {**SMALL, "duration": 0.5, **config}}
    id = (await graphql.run(CREATE, input=input))["createParticleSystem"]["id"]
    assert isinstance(id, str)
    return id


async def rendered(graphql: Api, system: str, **more: object) -> dict[str, Any]:
    """The job, ended."""
    job = (await graphql.run(RENDER, id=system, **more))["renderParticleSystem"]
    await followed(graphql, job["id"])
    return {**job, **(await graphql.run(JOB, id=job["id"]))["job"]}


async def followed(graphql: Api, job_id: str) -> list[dict[str, Any]]:
    async with socket(graphql.base_url) as client:
        return [data["jobUpdates"] async for data in client.updates(WATCH, id=job_id)]


def drawn(found: Scrape) -> float:
    return found.value("starling_render_frames_total", kind="PARTICLE_RENDER")


def films(found: Scrape) -> float:
    return found.value("starling_render_frames_per_second_count", kind="PARTICLE_RENDER")


async def test_a_song_becomes_a_film_and_every_step_is_seen(graphql: Api) -> None:
    async with httpx.AsyncClient(base_url=graphql.base_url) as client:
        before = await scrape(client)
    song = data_of(await graphql.upload("kick.wav", kick_wav(1.0)))["uploadAsset"]
    input = {"particleType": "ENHANCED", "config": SMALL, "audioId": song["id"]}
    system = (await graphql.run(CREATE, input=input))["createParticleSystem"]
    job = (await graphql.run(RENDER, id=system["id"], input={"filename": "my film"}))["renderParticleSystem"]
    assert (job["status"], job["subject"], job["priority"]) == ("PENDING", {"id": system["id"]}, "NORMAL")

    updates = await followed(graphql, job["id"])
    progress = [update["progress"] for update in updates]
    assert progress == sorted(progress)
    assert (updates[-1]["status"], progress[-1]) == ("COMPLETED", 100)
    assert {update["stage"] for update in updates} >= {"features", "render"}
    assert any(update["status"] == "PROCESSING" and 0 < update["progress"] < 100 for update in updates)

    job = (await graphql.run(JOB, id=job["id"]))["job"]
    assert (job["kind"], job["attempts"], job["cached"], job["error"]) == ("PARTICLE_RENDER", 1, False, None)
    assert [stage["status"] for stage in job["stages"]] == ["COMPLETED"] * len(job["stages"])
    film = job["video"]
    assert film["filename"].startswith("my film")
    assert (film["contentType"], film["width"], film["height"]) == ("video/mp4", 64, 36)
    assert film["duration"] == pytest.approx(1.0, abs=0.1)
    assert {"role": "video", "asset": {"id": film["id"]}} in job["outputs"]
    async with httpx.AsyncClient(base_url=graphql.base_url) as client:
        part = await client.get(film["url"], headers={"range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, b"ftyp")
        assert (await client.get(film["thumbnailUrl"])).headers["content-type"] == "image/jpeg"
        assert (await client.get(song["url"])).content == kick_wav(1.0)
        counted = await scrape_until(client, lambda at: drawn(at) >= drawn(before) + 30)
    assert films(counted) > films(before)


async def test_an_identical_render_is_answered_at_once(graphql: Api) -> None:
    system = await a_small_system(graphql, seed=11)
    first = await rendered(graphql, system)
    again = (await graphql.run(RENDER, id=system))["renderParticleSystem"]
    assert (first["cached"], again["cached"], again["status"]) == (False, True, "COMPLETED")
    found = (await graphql.run(JOB, id=again["id"]))["job"]
    assert found["video"]["sha256"] == first["video"]["sha256"]
    named = await rendered(graphql, system, input={"filename": "Premiere.mp4"})
    assert (named["cached"], named["video"]["filename"]) == (True, "Premiere.mp4")
    other = await rendered(graphql, system, input={"quality": "DRAFT"})
    assert (other["cached"], other["status"]) == (False, "COMPLETED")


async def test_one_idempotency_key_is_one_job(graphql: Api) -> None:
    system = await a_small_system(graphql, seed=12)
    options = {"idempotencyKey": f"key of {system}", "priority": "HIGH"}
    jobs = [(await graphql.run(RENDER, id=system, options=options))["renderParticleSystem"] for _ in range(3)]
    assert len({job["id"] for job in jobs}) == 1
    assert jobs[0]["priority"] == "HIGH"
    refusal = await graphql.refusal(RENDER, id=system, input={"quality": "HIGH"}, options=options)
    assert (refusal.code, refusal.field) == ("CONFLICT", "idempotencyKey")
    for key in ("", "x" * 10_000, "a\0b"):
        refusal = await graphql.refusal(RENDER, id=system, options={"idempotencyKey": key})
        assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "idempotencyKey")
    await followed(graphql, jobs[0]["id"])


async def test_a_running_job_is_cancelled_retried_and_deleted(graphql: Api) -> None:
    system = await a_small_system(graphql, seed=13, duration=3600, width=1280, height=720)
    job = (await graphql.run(RENDER, id=system))["renderParticleSystem"]
    async with socket(graphql.base_url) as client:
        updates = client.updates(WATCH, id=job["id"])
        while (await anext(updates))["jobUpdates"]["status"] != "PROCESSING":
            pass
        for query in (DELETE, RETRY):
            assert (await graphql.refusal(query, id=job["id"])).code == "CONFLICT"
        asked = (await graphql.run(CANCEL, id=job["id"]))["cancelJob"]
        assert asked["cancelRequested"]
        rest = [data["jobUpdates"]["status"] async for data in updates]
        assert rest[-1] == "CANCELLED"
    ended = (await graphql.run(JOB, id=job["id"]))["job"]
    assert (ended["status"], ended["outputs"], ended["video"]) == ("CANCELLED", [], None)

    refusal = await graphql.refusal(RETRY, id=job["id"], **{"from": "nonsense"})
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "fromStage")
    again = (await graphql.run(RETRY, id=job["id"], **{"from": "render"}))["retryJob"]
    assert again["retryOf"] == job["id"]
    assert (await graphql.run(JOB, id=job["id"]))["job"]["retriedBy"] == again["id"]
    await graphql.run(CANCEL, id=again["id"])
    await followed(graphql, again["id"])
    for id in (again["id"], job["id"]):
        assert await graphql.run(DELETE, id=id) == {"deleteJob": True}
        assert await graphql.run(JOB, id=id) == {"job": None}


async def test_a_part_of_a_film_is_as_long_as_that_part(graphql: Api) -> None:
    system = await a_small_system(graphql, seed=14, duration=2)
    job = await rendered(graphql, system, input={"startTime": 0.5, "endTime": 0.9})
    assert job["video"]["duration"] == pytest.approx(0.4, abs=0.05)


async def test_the_queue_says_that_a_worker_lives(graphql: Api) -> None:
    stats = (await graphql.run("{ queueStats { pending processing completed workers } }"))["queueStats"]
    assert stats["workers"] == 1
