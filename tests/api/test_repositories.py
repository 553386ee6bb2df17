"""Version control of music over GraphQL: repositories, histories, branches, tags and forks."""

from __future__ import annotations

from typing import Any

from domain.accounts import Viewer
from tests.support.graphql_http import Api
from tests.support.music import STEMS, committed, made, some_sounds
from tests.support.rows import ids

REPOSITORY = """query ($id: ID!) { repository(id: $id) { name description isPublic genre createdAt
  owner { id username } forkedFrom { id } defaultBranch { name isDefault isProtected head { id } }
  branches { name isDefault head { id message } } tags { name message commit { id } }
  commits(first: 2) { totalCount nodes { id message } pageInfo { hasNextPage endCursor } } } }"""
HISTORY = """query ($id: ID!, $branch: String, $first: Int, $after: String) { repository(id: $id) {
  commits(branch: $branch, first: $first, after: $after) {
    totalCount nodes { id message } pageInfo { hasNextPage hasPreviousPage endCursor } } } }"""


async def history(graphql: Api, repository: str, **given: Any) -> Any:
    return (await graphql.run(HISTORY, id=repository, **given))["repository"]["commits"]


async def read(graphql: Api, repository: str) -> Any:
    return (await graphql.run(REPOSITORY, id=repository))["repository"]


async def test_the_first_commit_makes_the_first_branch_and_the_history(graphql: Api, viewer: Viewer) -> None:
    drums, bass, other = ids(await some_sounds(viewer, 3))
    repository = await made(graphql, "night drive", description="in the rain", genre="synthwave")
    empty = await read(graphql, repository)
    assert (empty["defaultBranch"], empty["branches"], empty["commits"]["nodes"]) == (None, [], [])
    first = await committed(
        graphql,
        repository,
        {"DRUMS": drums, "BASS": bass},
        f"bpm keySignature generationParams render {{ id }} author {{ username }} {STEMS}",
        bpm=118.5,
        keySignature="C# minor",
        generationParams={"seed": 7},
    )
    assert (first["bpm"], first["keySignature"]) == (118.5, "C# minor")
    assert first["generationParams"] == {"seed": 7}
    assert (first["render"], first["parents"], first["author"]) == (None, [], {"username": "local"})
    assert [(stem["type"], stem["asset"]["id"]) for stem in first["stems"]] == [
        ("DRUMS", drums),
        ("BASS", bass),
    ]
    second = await committed(graphql, repository, {"DRUMS": drums, "BASS": other}, STEMS, message="new bass")
    assert second["parents"] == [{"id": first["id"]}]
    assert second["stems"][0] == first["stems"][0]  # the same stem, since the same commit
    assert second["stems"][1]["changedIn"] == {"id": second["id"]}
    found = await read(graphql, repository)
    assert (found["name"], found["description"], found["genre"], found["isPublic"]) == (
        "night drive",
        "in the rain",
        "synthwave",
        False,
    )
    assert found["defaultBranch"] == {
        "name": "main",
        "isDefault": True,
        "isProtected": False,
        "head": {"id": second["id"]},
    }
    assert [one["id"] for one in found["commits"]["nodes"]] == [second["id"], first["id"]]
    assert found["commits"]["totalCount"] == 2


async def test_a_history_has_pages_and_branches(graphql: Api) -> None:
    repository = await made(graphql)
    root = await committed(graphql, repository, message="0")
    for number in range(1, 6):
        await committed(graphql, repository, message=str(number))
    side = await committed(graphql, repository, message="side", parentCommitId=root["id"])
    every = await history(graphql, repository)
    assert ([one["message"] for one in every["nodes"]], every["totalCount"]) == (
        ["side", "5", "4", "3", "2", "1", "0"],
        7,
    )
    first = await history(graphql, repository, branch="main", first=4)
    assert ([one["message"] for one in first["nodes"]], first["totalCount"]) == (["5", "4", "3", "2"], 6)
    assert first["pageInfo"]["hasNextPage"] is True
    rest = await history(graphql, repository, branch="main", first=4, after=first["pageInfo"]["endCursor"])
    assert [one["message"] for one in rest["nodes"]] == ["1", "0"]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)
    assert (await history(graphql, repository, branch="none"))["nodes"] == []
    for field, value in (("branch", "a b"), ("first", 0), ("first", 101), ("after", "nonsense")):
        refused = await graphql.refusal(HISTORY, id=repository, **{field: value})
        assert (refused.code, refused.field) == ("BAD_USER_INPUT", field)
    assert side["parents"] == [{"id": root["id"]}]
