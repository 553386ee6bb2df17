"""Wherever a job, a file or a particle system is handed out, all that can be selected of it is there.

The places are found by walking the schema: one that comes later fails the first test until it is tried here.
"""

from __future__ import annotations

from typing import Any

import pytest

from db.commits import Commit
from db.repositories import Repository
from domain import jobs, repositories
from domain.accounts import Viewer
from domain.ports import Services
from schema.build import schema
from tests.api.test_uploads import wav
from tests.support.graphql_http import Api, data_of
from tests.support.graphql_ws import socket
from tests.support.music import a_commit, a_repository, some_sounds
from tests.support.rows import a_job, a_system, an_asset, an_output
from tests.support.selections import everything, fields_of

SCHEMA = schema().core
MUSIC = ("Repository", "Branch", "CommitTag", "Commit", "CommitDiff", "MergeResult")
NOUNS = ("Job", "Asset", "ParticleSystem", "JobUpdate", *MUSIC)
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
    "Mutation.separateStems": ("Job", "mutation ($song: ID!) { found: separateStems(audioId: $song) %s }"),
    "Mutation.generateMusic": (
        "Job",
        'mutation { found: generateMusic(input: {prompt: "pop", seed: 1}) %s }',
    ),
    "Mutation.generateMusicBatch": (
        "Job",
        'mutation { found: generateMusicBatch(inputs: [{prompt: "pop", seed: 2}]) %s }',
    ),
    "Mutation.melodyToMusic": (
        "Job",
        "mutation ($song: ID!) { found: melodyToMusic(input: {audioId: $song, seed: 3}) %s }",
    ),
    "Mutation.uploadAsset": ("Asset", "mutation ($file: Upload!) { found: uploadAsset(file: $file) %s }"),
    "Query.repository": ("Repository", "query ($repository: ID!) { found: repository(id: $repository) %s }"),
    "Query.commit": ("Commit", "query ($commit: ID!) { found: commit(id: $commit) %s }"),
    "Query.diffCommits": (
        "CommitDiff",
        "query ($root: ID!, $commit: ID!) { found: diffCommits(baseId: $root, headId: $commit) %s }",
    ),
    "Mutation.createRepository": (
        "Repository",
        'mutation { found: createRepository(input: {name: "new"}) %s }',
    ),
    "Mutation.updateRepository": (
        "Repository",
        'mutation ($repository: ID!) { found: updateRepository(id: $repository, input: {name: "new"}) %s }',
    ),
    "Mutation.forkRepository": (
        "Repository",
        "mutation ($repository: ID!) {"
        ' found: forkRepository(input: {repositoryId: $repository, name: "fork"}) %s }',
    ),
    "Mutation.createCommit": (
        "Commit",
        "mutation ($repository: ID!, $song: ID!) { found: createCommit(input: {repositoryId: $repository,"
        ' message: "new", renderId: $song, stems: [{type: VOCALS, assetId: $song}]}) %s }',
    ),
    "Mutation.revertCommit": (
        "Commit",
        'mutation ($commit: ID!) { found: revertCommit(id: $commit, branch: "main") %s }',
    ),
    "Mutation.renderStemDiff": (
        "Job",
        "mutation ($root: ID!, $commit: ID!) {"
        " found: renderStemDiff(baseId: $root, headId: $commit, type: DRUMS) %s }",
    ),
    "Mutation.createBranch": (
        "Branch",
        'mutation ($repository: ID!) { found: createBranch(repositoryId: $repository, name: "new") %s }',
    ),
    "Mutation.updateBranch": (
        "Branch",
        "mutation ($repository: ID!) {"
        ' found: updateBranch(repositoryId: $repository, name: "ideas", isProtected: true) %s }',
    ),
    "Mutation.createTag": (
        "CommitTag",
        "mutation ($repository: ID!, $root: ID!) {"
        ' found: createTag(repositoryId: $repository, name: "v2", commitId: $root) %s }',
    ),
    "Mutation.mergeBranches": (
        "MergeResult",
        "mutation ($repository: ID!) { found: mergeBranches(input:"
        ' {repositoryId: $repository, source: "ideas", target: "main"}) %s }',
    ),
    "Subscription.repositoryUpdates": (
        "Commit",
        "subscription ($repository: ID!, $root: ID!) {"
        " found: repositoryUpdates(id: $repository, after: $root) %s }",
    ),
    "Subscription.jobUpdates": ("JobUpdate", "subscription ($job: ID!) { found: jobUpdates(id: $job) %s }"),
    "Subscription.allJobUpdates": ("JobUpdate", "subscription { found: allJobUpdates %s }"),
    "Subscription.particleSystemUpdates": (
        "ParticleSystem",
        "subscription ($system: ID!) { found: particleSystemUpdates(id: $system) %s }",
    ),
}

OF_NOTHING = (
    "Mutation.separateStems",
    "Mutation.generateMusic",
    "Mutation.generateMusicBatch",
    "Mutation.melodyToMusic",
)


async def ids(viewer: Viewer, services: Services) -> dict[str, str]:
    """A system with a song, an ended render of it, and the retry of that, which waits."""
    song = await an_asset(viewer)
    system = await a_system(viewer, audio_id=song.id)
    job = await a_job(viewer, subject_type="ParticleSystem", subject_id=str(system.id))
    await an_output(job, viewer)
    waiting = await jobs.retry(viewer, job.id, services=services)
    repository, root, commit = await a_song(viewer, services)
    return {
        "song": str(song.id),
        "system": str(system.id),
        "job": str(job.id),
        "waiting": str(waiting.id),
        "repository": str(repository.id),
        "root": str(root.id),
        "commit": str(commit.id),
    }


async def a_song(viewer: Viewer, services: Services) -> tuple[Repository, Commit, Commit]:
    """A repository with its first commit and its newest one; `ideas` has other drums, so they conflict."""
    repository = await a_repository(viewer)
    drums, bass, other = await some_sounds(viewer, 3)
    root = await a_commit(viewer, repository, services, {"DRUMS": drums, "BASS": bass})
    await repositories.create_branch(viewer, repository.id, "ideas")
    await a_commit(viewer, repository, services, {"DRUMS": other, "BASS": bass}, branch="ideas")
    commit = await a_commit(viewer, repository, services, {"DRUMS": bass, "BASS": bass}, render_id=bass.id)
    return repository, root, commit


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
    if isinstance(found, list):
        (found,) = found
    if place == "Mutation.mergeBranches":
        (conflict,) = found["conflicts"]
        assert all(conflict[side]["changedIn"]["author"] for side in ("base", "ours", "theirs"))
    if place == "Query.commit":
        assert found["render"]["id"] == found["stems"][0]["asset"]["id"]
        assert [parent["id"] for parent in found["parents"]] == [known["root"]]
    if "job" in variables and place != "Mutation.retryJob":
        assert found["video"] == found["outputs"][0]["asset"]
        assert found["retriedBy"] == known["waiting"]
    if place in OF_NOTHING:
        assert found["subject"] is None
    elif place == "Mutation.renderStemDiff":
        assert (found["subject"]["id"], len(found["subject"]["stems"])) == (known["commit"], 2)
    elif "subject" in found:
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
