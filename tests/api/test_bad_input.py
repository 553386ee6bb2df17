"""Whatever is wrong is refused by a sentence that names the field, and by a code; nothing is left behind."""

# ruff: noqa: UP031 - GraphQL is full of braces

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from db.jobs import Job
from db.particles import ParticleSystem
from domain.accounts import Viewer, local_owner
from tests.api.test_systems import CREATE, UPDATE
from tests.support.graphql_http import Api
from tests.support.rows import a_job, a_system, an_asset, unknown_ids

CONFIGS: list[tuple[str, Any, str]] = [
    ("width", 65, "even"),
    ("height", 1, "16 to 7680"),
    ("width", 1, "16 to 7680"),
    ("width", 15360, "16 to 7680"),
    ("width", -64, "16 to 7680"),
    ("fps", 0, "1 to 120"),
    ("fps", 1000, "1 to 120"),
    ("fps", 29.97, "29.97"),
    ("duration", math.nan, "nan"),
    ("duration", math.inf, "inf"),
    ("duration", -1, "0.1 to 3600"),
    ("duration", 1e9, "0.1 to 3600"),
    ("particleCount", 10**9, "1 to 100000"),
    ("particleCount", 10**10, "32-bit"),
    ("particleCount", -1, "1 to 100000"),
    ("particleCount", "many", "many"),
    ("maxParticles", 0, "1 to 100000"),
    ("particleColors", [], "1 to 64"),
    ("particleColors", [[0, 0, 0]] * 65, "1 to 64"),
    ("particleColors", [[0, 0, 256]], "0 to 255"),
    ("particleColors", [[0, -1, 0]], "0 to 255"),
    ("particleColors", [[0, 0]], "[red, green, blue]"),
    ("particleColors", [[0, 0, 0], [0, 0, 0, 0]], "[red, green, blue]"),
    ("particleColors", [[0, 0, 0.5]], "0.5"),
    ("background", [300, 0, 0], "0 to 255"),
    ("glow", 1.5, "0 to 1"),
    ("trails", -0.1, "0 to 1"),
    ("speedX", 51, "-50 to 50"),
    ("xPosition", math.nan, "nan"),
    ("bounce", "yes", "yes"),
    ("particles", 1, "unknown"),
    ("__proto__", 1, "unknown"),
]


@pytest.mark.parametrize(("field", "value", "said"), CONFIGS)
async def test_a_config_out_of_range_is_refused_by_field_and_range(
    field: str, value: Any, said: str, graphql: Api
) -> None:
    for query, more in ((CREATE, {}), (UPDATE, {"id": str(await _system())})):
        variables: dict[str, Any] = {"input": {"config": {field: value}}, **more}
        if not more:
            variables["input"]["particleType"] = "SNOW"
        answer = (await _sent(graphql, query, variables))["errors"][0]
        assert answer["extensions"]["code"] == "BAD_USER_INPUT"
        assert answer["extensions"]["field"] == field
        assert field in answer["message"]
        assert said in answer["message"]
    assert await ParticleSystem.all().count() == 1


async def _system() -> Any:
    row = await ParticleSystem.all().first() or await a_system(await local_owner())
    return row.id


async def _sent(graphql: Api, query: str, variables: dict[str, Any]) -> Any:
    """As a Python client writes it: NaN and Infinity as bare words."""
    body = json.dumps({"query": query, "variables": variables})
    response = await graphql.client.post(
        "/graphql", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == 200
    return response.json()


@pytest.mark.parametrize(
    ("literal", "field"),
    [
        ("config: {fps: 1.5}", "fps"),
        ("config: {fps: 99999999999}", "fps"),
        ("config: {particles: 3}", "particles"),
        ("config: {particleColors: [[1, 2, 3], [1, x, 3]]}", "particleColors"),
        ("config: {enhancedMode: {factor: true}}", "factor"),
        ("audio: 3", "audio"),
        ("name: 3", "name"),
    ],
)
async def test_wrong_literals_are_refused_by_field_too(literal: str, field: str, graphql: Api) -> None:
    refusal = await graphql.refusal(
        "mutation { createParticleSystem(input: {particleType: SNOW, %s}) { id } }" % literal
    )
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", field)
    assert field in refusal.message


async def test_a_wrong_enum_value_names_its_field(graphql: Api) -> None:
    refusal = await graphql.refusal(CREATE, input={"particleType": "RAIN"})
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "particleType")
    assert "RAIN" in refusal.message


async def test_a_missing_field_is_named(graphql: Api) -> None:
    refusal = await graphql.refusal(CREATE, input={"name": "x"})
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "particleType")


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\0b", "a\nb", "x" * 10_000])
async def test_a_name_is_printable_text_of_1_to_200_characters(name: str, graphql: Api) -> None:
    refusal = await graphql.refusal(CREATE, input={"particleType": "SNOW", "name": name})
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "name")
    assert len(refusal.message) < 200


QUERIES = [
    "job(id: $id) { id }",
    "asset(id: $id) { id }",
    "particleSystem(id: $id) { id }",
    "repository(id: $id) { id }",
    "commit(id: $id) { id }",
]
MUTATIONS = [
    "cancelJob(id: $id) { id }",
    "retryJob(id: $id) { id }",
    "deleteJob(id: $id)",
    "deleteAsset(id: $id)",
    "deleteParticleSystem(id: $id)",
    "updateParticleSystem(id: $id, input: {}) { id }",
    "renderParticleSystem(id: $id) { id }",
    "updateRepository(id: $id, input: {}) { id }",
    "deleteRepository(id: $id)",
    'createBranch(repositoryId: $id, name: "x") { name }',
    'updateBranch(repositoryId: $id, name: "x") { name }',
    'deleteBranch(repositoryId: $id, name: "x")',
    'createTag(repositoryId: $id, name: "x", commitId: $id) { name }',
    'deleteTag(repositoryId: $id, name: "x")',
    'forkRepository(input: {repositoryId: $id, name: "x"}) { id }',
    'mergeBranches(input: {repositoryId: $id, source: "x", target: "y"}) { status }',
    'revertCommit(id: $id, branch: "x") { id }',
]


@pytest.mark.parametrize("field", QUERIES)
async def test_an_id_that_no_row_has_is_null_in_a_query(field: str, graphql: Api, viewer: Viewer) -> None:
    ids = [*unknown_ids(), str((await _of_another_kind(field, viewer)).id)]
    for id in ids:
        data = await graphql.run("query ($id: ID!) { found: %s }" % field, id=id)
        assert data == {"found": None}


@pytest.mark.parametrize("field", MUTATIONS)
async def test_an_id_that_no_row_has_is_an_error_in_a_mutation(
    field: str, graphql: Api, viewer: Viewer
) -> None:
    ids = [*unknown_ids(), str((await _of_another_kind(field, viewer)).id)]
    for id in ids:
        refusal = await graphql.refusal("mutation ($id: ID!) { done: %s }" % field, id=id)
        assert refusal.code == "NOT_FOUND"
        assert len(refusal.message) < 100


async def _of_another_kind(field: str, viewer: Viewer) -> Any:
    return await (a_system(viewer) if "ob(" in field else a_job(viewer))


async def test_what_is_another_owners_is_not_there(graphql: Api, viewer: Viewer) -> None:
    other = replace(viewer, id=uuid4())
    rows: dict[str, Any] = {
        "job": await a_job(other),
        "asset": await an_asset(other),
        "particleSystem": await a_system(other),
    }
    for name, row in rows.items():
        data = await graphql.run("query ($id: ID!) { found: %s(id: $id) { id } }" % name, id=str(row.id))
        assert data == {"found": None}
    data = await graphql.run(
        "{ jobs { totalCount } assets { totalCount } particleSystems { totalCount }"
        " queueStats { completed } }"
    )
    assert data == {
        "jobs": {"totalCount": 0},
        "assets": {"totalCount": 0},
        "particleSystems": {"totalCount": 0},
        "queueStats": {"completed": 0},
    }


RENDERS: list[tuple[dict[str, Any], str, str]] = [
    ({"startTime": -1}, "BAD_USER_INPUT", "startTime"),
    ({"startTime": math.nan}, "BAD_USER_INPUT", "startTime"),
    ({"startTime": 5, "endTime": 5}, "BAD_USER_INPUT", "endTime"),
    ({"endTime": 1e9}, "BAD_USER_INPUT", "endTime"),
    ({"startTime": 11}, "BAD_USER_INPUT", "startTime"),
    ({"quality": "ULTRA"}, "BAD_USER_INPUT", "quality"),
    ({"audioId": "x" * 10_000}, "NOT_FOUND", "audioId"),
]


@pytest.mark.parametrize(("input", "code", "field"), RENDERS)
async def test_a_render_that_cannot_be_is_refused(
    input: dict[str, Any], code: str, field: str, graphql: Api, viewer: Viewer
) -> None:
    system = await a_system(viewer)
    query = "mutation ($id: ID!, $input: RenderInput) { renderParticleSystem(id: $id, input: $input) { id } }"
    answer = (await _sent(graphql, query, {"id": str(system.id), "input": input}))["errors"][0]
    assert (answer["extensions"]["code"], answer["extensions"]["field"]) == (code, field)
    assert field in answer["message"] or code == "NOT_FOUND"
    assert await Job.all().count() == 0


@pytest.mark.parametrize("count", [0, -1, 10**6])
async def test_peaks_are_counted_within_a_limit(count: int, graphql: Api, viewer: Viewer) -> None:
    song = await an_asset(viewer)
    refusal = await graphql.refusal(
        "query ($id: ID!, $count: Int) { asset(id: $id) { peaks(count: $count) } }",
        id=str(song.id),
        count=count,
    )
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "count")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [("time: -1", "time"), ("time: 1e9", "time"), ("width: 1", "width"), ("width: 100000", "width")],
)
async def test_a_frame_that_is_none_is_refused(
    arguments: str, field: str, graphql: Api, viewer: Viewer
) -> None:
    system = await a_system(viewer)
    refusal = await graphql.refusal(
        "query ($id: ID!) { particleSystem(id: $id) { frameUrl(%s) } }" % arguments,
        id=str(system.id),
    )
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", field)


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01T00:00:00Z", 5, "0001-01-01T00:00:00+14:00"])
async def test_a_time_that_is_none_is_refused(moment: Any, graphql: Api) -> None:
    refusal = await graphql.refusal(
        "query ($filter: JobFilter) { jobs(filter: $filter) { totalCount } }", filter={"createdAfter": moment}
    )
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "createdAfter")
    assert "ISO 8601" in refusal.message


async def test_an_upload_that_is_no_upload_is_refused(graphql: Api) -> None:
    for value in ("x", {"path": "/etc/passwd"}, None, 3):
        refusal = await graphql.refusal(
            "mutation ($file: Upload!) { uploadAsset(file: $file) { id } }", file=value
        )
        assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "file")


async def test_lone_surrogates_are_refused_as_bad_json(graphql: Api) -> None:
    body = b'{"query": "{ asset(id: \\"\\ud800\\") { id } }", "variables": {"x": NaN, "y": "\\ud800"}}'
    response = await graphql.client.post(
        "/graphql", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
