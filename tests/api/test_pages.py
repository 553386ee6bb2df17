"""Keyset pages: every list goes through the same door."""

from __future__ import annotations

import pytest

from domain.accounts import Viewer
from tests.support.graphql_http import Api
from tests.support.rows import a_job, a_system, an_asset, ids

LISTS = ("jobs", "assets", "particleSystems")
PAGE = """query ($first: Int, $after: String) { list: %s(first: $first, after: $after) {
  edges { cursor node { id } } nodes { id } totalCount
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


async def rows_of(name: str, viewer: Viewer, count: int) -> list[str]:
    """Ids of new rows of that list, newest first."""
    make = {"jobs": a_job, "particleSystems": a_system}.get(name)
    if make is None:
        return ids([await an_asset(viewer) for _ in range(count)])[::-1]
    return ids([await make(viewer, number) for number in range(count)])[::-1]


@pytest.mark.parametrize("name", LISTS)
async def test_pages_go_through_a_list_and_survive_insertions(
    name: str, graphql: Api, viewer: Viewer
) -> None:
    expected = await rows_of(name, viewer, 7)
    seen: list[str] = []
    after = None
    for left in (True, True, False):
        page = (await graphql.run(PAGE % name, first=3, after=after))["list"]
        assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]
        assert page["pageInfo"]["hasNextPage"] is left
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        after = page["pageInfo"]["endCursor"]
        seen += [node["id"] for node in page["nodes"]]
        assert page["totalCount"] >= 7
        await an_asset(viewer)  # newer than everything: it must shift no page
    assert seen == expected


@pytest.mark.parametrize("name", LISTS)
async def test_an_empty_list_is_an_empty_page(name: str, graphql: Api) -> None:
    page = (await graphql.run(PAGE % name))["list"]
    nothing = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert page == {"edges": [], "nodes": [], "totalCount": 0, "pageInfo": nothing}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1])
async def test_first_is_1_to_100(name: str, first: int, graphql: Api) -> None:
    refusal = await graphql.refusal(PAGE % name, first=first)
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "first")
    assert "1 to 100" in refusal.message


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("after", ["", "nonsense", "MTIz", "\u2603", "x" * 10_000])
async def test_a_cursor_that_is_none_of_ours_is_refused(name: str, after: str, graphql: Api) -> None:
    refusal = await graphql.refusal(PAGE % name, after=after)
    assert (refusal.code, refusal.field) == ("BAD_USER_INPUT", "after")


async def test_jobs_are_filtered(graphql: Api, viewer: Viewer) -> None:
    done = await a_job(viewer, 1, subject_type="ParticleSystem", subject_id="abc")
    failed = await a_job(viewer, 2, state="FAILED", error={"code": "INTERNAL", "message": "no"})
    query = "query ($filter: JobFilter) { jobs(filter: $filter) { nodes { id } totalCount } }"

    async def found(**filter: object) -> list[str]:
        jobs = (await graphql.run(query, filter=filter))["jobs"]
        assert jobs["totalCount"] == len(jobs["nodes"])
        return [node["id"] for node in jobs["nodes"]]

    assert await found() == ids([failed, done])
    assert await found(status=["FAILED", "CANCELLED"]) == ids([failed])
    assert await found(kind=["PARTICLE_RENDER"]) == ids([failed, done])
    assert await found(kind=["MUSIC_GENERATE"]) == []
    assert await found(kind=[]) == []
    assert await found(subjectId="abc") == ids([done])
    assert await found(subjectId="a\0b") == []
    assert await found(subjectId="x" * 10_000) == []
    assert await found(createdAfter=failed.created_at.isoformat()) == ids([failed])
    assert await found(createdBefore="2026-01-01T00:00:02Z") == ids([done])
    assert await found(createdBefore="2026-01-01T01:00:02+01:00") == ids([done])


async def test_jobs_of_unknown_kinds_are_not_there(graphql: Api, viewer: Viewer) -> None:
    strange = await a_job(viewer, kind="FROM_THE_FUTURE")
    data = await graphql.run(
        "query ($id: ID!) { job(id: $id) { id } jobs { nodes { id } totalCount } }", id=str(strange.id)
    )
    assert data == {"job": None, "jobs": {"nodes": [], "totalCount": 0}}


async def test_assets_are_filtered_by_kind_and_name(graphql: Api, viewer: Viewer) -> None:
    song = await an_asset(viewer, filename="My Song 100%.wav")
    film = await an_asset(viewer, kind="VIDEO", filename="film.mp4", width=64, height=36)
    query = (
        "query ($kind: AssetKind, $search: String) { assets(kind: $kind, search: $search) { nodes { id } } }"
    )

    async def found(**arguments: object) -> list[str]:
        return [node["id"] for node in (await graphql.run(query, **arguments))["assets"]["nodes"]]

    assert await found(kind="VIDEO") == ids([film])
    assert await found(search="my song") == ids([song])
    assert await found(search="%") == ids([song])
    assert await found(search="_") == []
    assert await found(search="none") == []


async def test_the_jobs_of_a_system_are_pages_too(graphql: Api, viewer: Viewer) -> None:
    system, other = await a_system(viewer, 1), await a_system(viewer, 2)
    mine = [
        await a_job(viewer, number, subject_type="ParticleSystem", subject_id=str(system.id))
        for number in range(5)
    ]
    query = """query ($first: Int, $after: String) { particleSystems { nodes { id
      jobs(first: $first, after: $after) { nodes { id } totalCount
        pageInfo { hasNextPage hasPreviousPage endCursor } } } } }"""
    data = (await graphql.run(query, first=3))["particleSystems"]["nodes"]
    pages = {node["id"]: node["jobs"] for node in data}
    page = pages[str(system.id)]
    assert [node["id"] for node in page["nodes"]] == ids(mine)[:1:-1]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (5, True)
    assert pages[str(other.id)]["nodes"] == []

    data = (await graphql.run(query, first=3, after=page["pageInfo"]["endCursor"]))["particleSystems"][
        "nodes"
    ]
    rest = {node["id"]: node["jobs"] for node in data}[str(system.id)]
    assert [node["id"] for node in rest["nodes"]] == ids(mine)[1::-1]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)

    for arguments, field in (({"first": 0}, "first"), ({"after": "x"}, "after")):
        assert (await graphql.refusal(query, **arguments)).field == field
