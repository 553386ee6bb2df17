"""Wherever a job, a file or a particle system is handed out, all that can be selected of it is there.

The places are found by walking the schema: one that comes later fails the first test until it is tried here.
"""

from __future__ import annotations

from typing import Any

import pytest

from domain import jobs
from domain.accounts import Viewer
from domain.ports import Services
from schema.build import schema
from tests.api.test_uploads import wav
from tests.support.graphql_http import Api, data_of
from tests.support.graphql_ws import socket
from tests.support.rows import a_job, a_system, an_asset, an_output
from tests.support.selections import everything, fields_of

SCHEMA = schema().core
NOUNS = ("Job", "Asset", "ParticleSystem", "JobUpdate")
# of each place: what is handed out, and the operation without its selection
PLACES: dict[str, tuple[str, str]] = {
    "Query.job": ("Job", "query ($job: ID!) { found: job(id: $job) %s }"),
    "Query.asset": ("Asset", "query ($song: ID!) { found: asset(id: $song) %s }"),
    "Query.particleSystem": (
        "ParticleSystem",
        "query ($system: ID!) { found: particleSystem(id: $system) %s }",
    ),
    "Mutation.cancelJob": ("Job", "mutation ($waiting: ID!) { found: cancelJob(id: $waiting) %s }"),
    "Mutation.retryJob": ("Job", "mutation ($job: ID!) { found: retryJob(id: $job) %s }"),
    "Mutation.createParticleSystem": (
        "ParticleSystem",
        "mutation ($song: ID!) {"
        " found: createParticleSystem(input: {particleType: SNOW, audioId: $song}) %s }",
    ),
    "Mutation.updateParticleSystem": (
        "ParticleSystem",
        'mutation ($system: ID!) { found: updateParticleSystem(id: $system, input: {name: "new"}) %s }',
    ),
    "Mutation.renderParticleSystem": (
        "Job",
        "mutation ($system: ID!) { found: renderParticleSystem(id: $system) %s }",
    ),
    "Mutation.uploadAsset": ("Asset", "mutation ($file: Upload!) { found: uploadAsset(file: $file) %s }"),
    "Subscription.jobUpdates": ("JobUpdate", "subscription ($job: ID!) { found: jobUpdates(id: $job) %s }"),
    "Subscription.allJobUpdates": ("JobUpdate", "subscription { found: allJobUpdates %s }"),
    "Subscription.particleSystemUpdates": (
        "ParticleSystem",
        "subscription ($system: ID!) { found: particleSystemUpdates(id: $system) %s }",
    ),
}


async def ids(viewer: Viewer, services: Services) -> dict[str, str]:
    """A system with a song, an ended render of it, and the retry of that, which waits."""
    song = await an_asset(viewer)
    system = await a_system(viewer, audio_id=song.id)
    job = await a_job(viewer, subject_type="ParticleSystem", subject_id=str(system.id))
    await an_output(job, viewer)
    waiting = await jobs.retry(viewer, job.id, services=services)
    return {"song": str(song.id), "system": str(system.id), "job": str(job.id), "waiting": str(waiting.id)}


def test_every_place_is_tried_here() -> None:
    roots = ("Query.", "Mutation.", "Subscription.")
    assert {place for place in fields_of(SCHEMA, *NOUNS) if place.startswith(roots)} == set(PLACES)


@pytest.mark.parametrize("place", PLACES)
async def test_all_that_can_be_selected_is_there(
    place: str, graphql: Api, viewer: Viewer, services: Services
) -> None:
    noun, operation = PLACES[place]
    known = await ids(viewer, services)
    variables = {name: known[name] for name in known if f"${name}:" in operation}
    found = await answered(graphql, operation % everything(SCHEMA, noun), variables)
    if noun == "JobUpdate":
        found = found["job"]
    if "job" in variables and place != "Mutation.retryJob":
        assert found["video"] == found["outputs"][0]["asset"]
        assert found["retriedBy"] == known["waiting"]
    if "subject" in found:
        assert (found["subject"]["id"], found["subject"]["audio"]["id"]) == (known["system"], known["song"])
    if "jobs" in found and "system" in variables:
        assert found["audio"]["id"] == known["song"]
        assert [job["id"] for job in found["jobs"]["nodes"]] == [known["waiting"]]


async def answered(graphql: Api, operation: str, variables: dict[str, str]) -> Any:
    """The field `found` of what an operation answers, first of all."""
    if operation.startswith("subscription"):
        async with socket(graphql.base_url) as client:
            await client.subscribe(operation, **variables)
            payload = (await client.receive())["payload"]
            assert "errors" not in payload, payload
            return payload["data"]["found"]
    if "Upload!" in operation:
        return data_of(await graphql.upload("song.wav", wav(), query=operation))["found"]
    return (await graphql.run(operation, **variables))["found"]
