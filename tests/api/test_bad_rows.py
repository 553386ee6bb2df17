"""One bad row, or one load that fails, takes away what it is about and says where; the rest is there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from db.jobs import Job
from db.particles import ParticleSystem
from domain.accounts import Viewer
from domain.errors import Unavailable
from render.particles.config import ParticleConfig, to_json
from tests.support.graphql_http import Api
from tests.support.graphql_ws import socket
from tests.support.rows import a_job, a_system

FROM_ANOTHER_VERSION = {**to_json(ParticleConfig()), "sparkle": 1}
SUBJECT = "subject { ... on ParticleSystem { id particleCount } }"
CANCEL = "mutation ($id: ID!) { cancelJob(id: $id) { id } }"
RETRY = "mutation ($id: ID!) { retryJob(id: $id) { retryOf %s } }"
FOLLOW = "subscription ($id: ID!) { jobUpdates(id: $id) { status job { id %s } } }"


async def a_render(viewer: Viewer, number: int, **system: Any) -> tuple[Job, ParticleSystem]:
    subject = await a_system(viewer, number, **system)
    job = await a_job(viewer, number, subject_type="ParticleSystem", subject_id=str(subject.id))
    return job, subject


async def answered(graphql: Api, query: str, **variables: Any) -> tuple[Any, list[tuple[str, Any]]]:
    """The data, and of each error its code and path."""
    answer = (await graphql.post({"query": query, "variables": variables})).json()
    return answer["data"], places(answer)


def places(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(error["extensions"]["code"], error["path"]) for error in answer.get("errors", [])]


async def test_a_bad_row_of_a_page_is_null_alone(graphql: Api, viewer: Viewer) -> None:
    _, first = await a_render(viewer, 1)
    await a_render(viewer, 2, config=FROM_ANOTHER_VERSION)
    _, third = await a_render(viewer, 3)
    data, errors = await answered(graphql, f"{{ jobs {{ nodes {{ {SUBJECT} }} }} }}")
    subjects = [node["subject"] for node in data["jobs"]["nodes"]]
    assert [subject and subject["id"] for subject in subjects] == [str(third.id), None, str(first.id)]
    assert errors == [("INTERNAL", ["jobs", "nodes", 1, "subject", "particleCount"])]


async def test_where_null_is_not_allowed_the_path_says_what_it_is(graphql: Api, viewer: Viewer) -> None:
    for number in range(2):
        await a_system(viewer, number, config=FROM_ANOTHER_VERSION)
    data, errors = await answered(graphql, "{ particleSystems { nodes { name config { fps } } } }")
    assert data is None
    assert errors[0] == ("INTERNAL", ["particleSystems", "nodes", 0, "config"])
    names, errors = await answered(graphql, "{ particleSystems { nodes { name } } }")
    assert ([node["name"] for node in names["particleSystems"]["nodes"]], errors) == (
        ["system 1", "system 0"],
        [],
    )


async def test_a_load_that_fails_is_missing_in_each_row_alone(
    graphql: Api, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(ids: list[UUID]) -> None:
        raise Unavailable("The database does not answer at this moment; try again soon")

    rows = [(await a_render(viewer, number))[0] for number in (2, 1)]
    monkeypatch.setattr("domain.jobs.retried_by_for", away)
    data, errors = await answered(graphql, "{ jobs { nodes { id retriedBy } } }")
    assert data["jobs"]["nodes"] == [{"id": str(row.id), "retriedBy": None} for row in rows]
    assert errors == [("UNAVAILABLE", ["jobs", "nodes", number, "retriedBy"]) for number in range(2)]


async def test_a_mutation_that_is_done_is_answered(graphql: Api, viewer: Viewer) -> None:
    job, _ = await a_render(viewer, 1, config=FROM_ANOTHER_VERSION)
    data, errors = await answered(graphql, RETRY % SUBJECT, id=str(job.id))
    assert data == {"retryJob": {"retryOf": str(job.id), "subject": None}}
    assert errors == [("INTERNAL", ["retryJob", "subject", "particleCount"])]


async def test_a_subscription_goes_on(graphql: Api, viewer: Viewer) -> None:
    job, _ = await a_render(viewer, 1, config=FROM_ANOTHER_VERSION)
    await Job.filter(id=job.id).update(state="PENDING", completed_at=None)
    async with socket(graphql.base_url) as client:
        await client.subscribe(FOLLOW % SUBJECT, id=str(job.id))
        for status in ("PENDING", "CANCELLED"):
            payload = (await client.receive())["payload"]
            assert payload["data"]["jobUpdates"] == {
                "status": status,
                "job": {"id": str(job.id), "subject": None},
            }
            assert places(payload) == [("INTERNAL", ["jobUpdates", "job", "subject", "particleCount"])]
            if status == "PENDING":
                await graphql.run(CANCEL, id=str(job.id))
        assert (await client.receive())["type"] == "complete"
