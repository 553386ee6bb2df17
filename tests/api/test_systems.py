"""Particle systems through GraphQL: made, read, changed, deleted; forms and frames."""

from __future__ import annotations

from uuid import uuid4

from domain.accounts import Viewer
from tests.support.graphql_http import Api
from tests.support.rows import an_asset

CREATE = """mutation ($input: CreateParticleSystemInput!) { createParticleSystem(input: $input) {
  id name particleType particleCount audioLoaded audio { id filename }
  config { width height fps duration seed particleColors background
    enhancedMode { active threshold factor } } } }"""
UPDATE = """mutation ($id: ID!, $input: UpdateParticleSystemInput!) {
  updateParticleSystem(id: $id, input: $input) { name particleType audioLoaded audio { id }
  config { width fps glow duration background enhancedMode { active threshold factor } } } }"""


async def created(graphql: Api, **input: object) -> dict[str, object]:
    data = await graphql.run(CREATE, input={"particleType": "SNOW", **input})
    system = data["createParticleSystem"]
    assert isinstance(system, dict)
    return system


async def test_a_new_system_has_the_defaults_and_what_was_said(graphql: Api) -> None:
    system = await created(
        graphql, config={"width": 64, "height": 36, "enhancedMode": {"factor": 3}, "background": [1, 2, 3]}
    )
    assert system["name"] == "Snow Particles"
    assert system["config"] == {
        "width": 64,
        "height": 36,
        "fps": 30,
        "duration": None,
        "seed": 1,
        "particleColors": [[255, 255, 255]],
        "background": [1, 2, 3],
        "enhancedMode": {"active": True, "threshold": 0.3, "factor": 3.0},
    }
    assert (system["particleCount"], system["audioLoaded"], system["audio"]) == (200, False, None)


async def test_an_update_leaves_what_is_absent_and_clears_what_is_null(graphql: Api, viewer: Viewer) -> None:
    song = await an_asset(viewer)
    system = await created(graphql, name="mine", audioId=str(song.id), config={"width": 64, "glow": 0.1})
    assert system["audio"] == {"id": str(song.id), "filename": song.filename}

    kept = (await graphql.run(UPDATE, id=system["id"], input={"config": {"fps": 25}}))["updateParticleSystem"]
    assert (kept["name"], kept["audioLoaded"]) == ("mine", True)
    assert (kept["config"]["width"], kept["config"]["fps"], kept["config"]["glow"]) == (64, 25, 0.1)

    cleared = (await graphql.run(UPDATE, id=system["id"], input={"audioId": None, "config": {"glow": None}}))[
        "updateParticleSystem"
    ]
    assert (cleared["audio"], cleared["audioLoaded"]) == (None, False)
    assert (cleared["config"]["glow"], cleared["config"]["fps"]) == (0.6, 25)

    whole = (await graphql.run(UPDATE, id=system["id"], input={"config": None, "particleType": "ZEN"}))[
        "updateParticleSystem"
    ]
    assert (whole["particleType"], whole["config"]["fps"], whole["config"]["width"]) == ("ZEN", 30, 1920)


async def test_a_name_and_a_type_cannot_be_cleared(graphql: Api) -> None:
    system = await created(graphql)
    for field in ("name", "particleType"):
        refusal = await graphql.refusal(UPDATE, id=system["id"], input={field: None})
        assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", field)
        assert field in refusal.message


async def test_null_in_the_document_itself_clears_too(graphql: Api) -> None:
    system = await created(graphql, config={"fps": 25, "enhancedMode": {"factor": 5}})
    data = await graphql.run(
        """mutation ($id: ID!) { updateParticleSystem(
          id: $id, input: {config: {fps: null, enhancedMode: {factor: null}}}
        ) { config { fps enhancedMode { factor } } } }""",
        id=system["id"],
    )
    assert data["updateParticleSystem"]["config"] == {"fps": 30, "enhancedMode": {"factor": 2.0}}


async def test_a_deleted_system_is_null_to_queries_and_not_found_to_mutations(graphql: Api) -> None:
    system = await created(graphql)
    delete = "mutation ($id: ID!) { deleteParticleSystem(id: $id) }"
    assert (await graphql.run(delete, id=system["id"])) == {"deleteParticleSystem": True}
    read = "query ($id: ID!) { particleSystem(id: $id) { id } }"
    assert (await graphql.run(read, id=system["id"])) == {"particleSystem": None}
    assert (await graphql.refusal(delete, id=system["id"])).code == "NOT_FOUND"
    assert (await graphql.refusal(UPDATE, id=system["id"], input={})).code == "NOT_FOUND"


async def test_an_unknown_audio_is_refused_by_its_field(graphql: Api) -> None:
    for audio in (str(uuid4()), "nonsense", "x" * 10_000):
        refusal = await graphql.refusal(CREATE, input={"particleType": "SNOW", "audioId": audio})
        assert (refusal.code, refusal.field) == ("NOT_FOUND", "audioId")


async def test_forms_learn_every_field_with_its_default_and_range(graphql: Api) -> None:
    data = await graphql.run(
        "{ particleConfigFields { name type default min max description }"
        '  __type(name: "ParticleConfigInput") { inputFields { name } } }'
    )
    fields = {field["name"]: field for field in data["particleConfigFields"]}
    assert {name.split(".")[0] for name in fields} == {
        field["name"] for field in data["__type"]["inputFields"]
    }
    assert fields["fps"] == {
        "name": "fps",
        "type": "int",
        "default": 30,
        "min": 1,
        "max": 120,
        "description": fields["fps"]["description"],
    }
    assert fields["particleColors"]["default"] == [[255, 255, 255]]
    assert fields["enhancedMode.factor"]["max"] == 10
    assert all(field["description"] for field in fields.values())


async def test_the_types_are_described(graphql: Api) -> None:
    data = await graphql.run("{ particleTypes { type name description features reactsToAudio } }")
    types = {info["type"]: info for info in data["particleTypes"]}
    assert set(types) == {"SNOW", "ZEN", "ENHANCED", "BOUNCING", "CONTINUOUS_SPAWNING", "NO_MUSIC"}
    assert not types["ZEN"]["reactsToAudio"]
    assert types["SNOW"]["reactsToAudio"]


async def test_frames_have_addresses_that_say_time_and_width(graphql: Api) -> None:
    system = await created(graphql, config={"duration": 4})
    data = await graphql.run(
        "query ($id: ID!) { particleSystem(id: $id) { frameUrl small: frameUrl(time: 1.5, width: 160) } "
        "particleFrameUrl(particleType: ZEN, config: {glow: 0.2}, time: 2) }",
        id=system["id"],
    )
    assert data["particleSystem"]["frameUrl"].startswith(
        f"/frames/particle-systems/{system['id']}.png?time=0"
    )
    assert "time=1.5&width=160" in data["particleSystem"]["small"]
    assert data["particleFrameUrl"].startswith("/frames/particles.png?type=zen&config=")


async def test_metrics_count_the_systems(graphql: Api) -> None:
    await created(graphql)
    data = await graphql.run(
        "{ particleMetrics { activeSystems queuedJobs renderingJobs completedJobs failedJobs } }"
    )
    assert data["particleMetrics"]["activeSystems"] == 1
