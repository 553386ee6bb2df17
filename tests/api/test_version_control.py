"""Version control over GraphQL as two people use it: a private and a public repository, a fork that is merged
back, conflicts, a revert, and those who follow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from domain.accounts import Viewer
from domain.ports import Services
from tests.support.graphql_http import Api
from tests.support.graphql_ws import Socket, socket
from tests.support.inprocess import VIEWER_HEADER, groups, nothing_left, served, until
from tests.support.music import committed, made, some_sounds, somebody_else
from tests.support.rows import an_asset, ids, unknown_ids

REPOSITORY = "query ($id: ID!) { repository(id: $id) { name commits { totalCount } } }"
READ = "query ($id: ID!) { commit(id: $id) { id stems { asset { id filename url } } } }"
LIST = "query ($mine: Boolean) { repositories(mine: $mine) { totalCount nodes { name } } }"
FORK = "mutation ($input: ForkInput!) { forkRepository(input: $input) { id forkedFrom { id } } }"
MERGE = """mutation ($input: MergeInput!) { mergeBranches(input: $input) {
  status commit { id message parents { id } stems { type asset { id } changedIn { message } } }
  conflicts { type base { asset { id } } ours { asset { id } } theirs { asset { id } } } } }"""
DIFF = """query ($base: ID!, $head: ID!) { diffCommits(baseId: $base, headId: $head) {
  bpmDelta keyChanged mergeBase { id }
  stems { type change before { asset { id } } after { asset { id } } } } }"""
BRANCH = """mutation ($id: ID!, $name: String!, $from: ID) {
  createBranch(repositoryId: $id, name: $name, fromCommitId: $from) { name head { id } isDefault } }"""
UPDATE_BRANCH = """mutation (
    $id: ID!, $name: String!, $newName: String, $isDefault: Boolean, $isProtected: Boolean) {
  updateBranch(repositoryId: $id, name: $name, newName: $newName, isDefault: $isDefault,
    isProtected: $isProtected) { name isDefault isProtected } }"""
DELETE_BRANCH = "mutation ($id: ID!, $name: String!) { deleteBranch(repositoryId: $id, name: $name) }"
REVERT = 'mutation ($id: ID!) { revertCommit(id: $id, branch: "main") { message } }'
UPDATE = """mutation ($id: ID!, $input: UpdateRepositoryInput!) {
  updateRepository(id: $id, input: $input) { id } }"""
DELETE = "mutation ($id: ID!) { deleteRepository(id: $id) }"
FOLLOW = """subscription ($id: ID!, $after: ID) {
  repositoryUpdates(id: $id, after: $after) { id message stems { type } } }"""


@pytest.fixture
async def stranger(viewer: Viewer) -> Viewer:
    return await somebody_else()


@pytest.fixture
async def base_url(services: Services, stranger: Viewer) -> AsyncIterator[str]:
    """And nothing of what the test began is left when it is over."""
    async with served(services, viewers={"stranger": stranger}) as url, nothing_left(services):
        yield url


@pytest.fixture
async def other(base_url: str) -> AsyncIterator[Api]:
    headers = {VIEWER_HEADER: "stranger"}
    async with httpx.AsyncClient(base_url=base_url, timeout=30, headers=headers, verify=False) as client:
        yield Api(client)


async def message_of(client: Socket) -> str:
    return str((await client.update())["message"])


async def test_a_private_repository_is_seen_by_its_owner_alone(
    graphql: Api, other: Api, viewer: Viewer
) -> None:
    private, public = await made(graphql, "private"), await made(graphql, "open", isPublic=True)
    drums = await an_asset(viewer)
    hidden = await committed(graphql, private, {"DRUMS": str(drums.id)})
    shown = await committed(graphql, public, {"DRUMS": str(drums.id)})
    assert await other.run(REPOSITORY, id=private) == {"repository": None}
    assert await other.run(READ, id=hidden["id"]) == {"commit": None}
    for query, variables in (
        (FORK, {"input": {"repositoryId": private, "name": "mine"}}),
        (BRANCH, {"id": private, "name": "mine"}),
        (REVERT, {"id": hidden["id"]}),
        (DIFF, {"base": hidden["id"], "head": shown["id"]}),
        (DELETE, {"id": private}),
    ):
        assert (await other.refusal(query, **variables)).code == "NOT_FOUND", query
    assert (await other.refusal(DELETE, id=public)).code == "FORBIDDEN"
    found = (await other.run(READ, id=shown["id"]))["commit"]
    assert found["stems"][0]["asset"]["filename"] == drums.filename
    fork = (await other.run(FORK, input={"repositoryId": public, "name": "mine"}))["forkRepository"]
    assert fork["forkedFrom"] == {"id": public}
    assert (await other.run(LIST))["repositories"] == {
        "totalCount": 2,
        "nodes": [{"name": "mine"}, {"name": "open"}],
    }
    assert (await other.run(LIST, mine=True))["repositories"]["totalCount"] == 1
    assert (await graphql.run(LIST, mine=True))["repositories"]["totalCount"] == 2
    await graphql.run(DELETE, id=public)
    forks = await other.run("{ repositories(mine: true) { nodes { forkedFrom { id } } } }")
    assert forks["repositories"]["nodes"] == [{"forkedFrom": None}]


async def test_a_change_goes_from_a_fork_back_into_its_original(
    graphql: Api, other: Api, viewer: Viewer, stranger: Viewer
) -> None:
    drums, bass = ids(await some_sounds(viewer, 2))
    theirs = str((await an_asset(stranger)).id)
    repository = await made(graphql, "open", isPublic=True)
    first = await committed(graphql, repository, {"DRUMS": drums, "BASS": bass}, bpm=120)
    said = {"repositoryId": repository, "name": "mine", "fromCommitId": first["id"]}
    fork = (await other.run(FORK, input=said))["forkRepository"]["id"]
    await other.run(UPDATE, id=fork, input={"isPublic": True})
    changed = await committed(other, fork, {"DRUMS": theirs, "BASS": bass}, message="new drums", bpm=124)
    await committed(graphql, repository, {"DRUMS": drums}, message="no bass", bpm=120)
    asked = {"repositoryId": repository, "sourceRepositoryId": fork, "source": "main", "target": "main"}
    planned = (await graphql.run(MERGE, input={**asked, "dryRun": True}))["mergeBranches"]
    assert planned == {"status": "MERGED", "commit": None, "conflicts": []}
    merged = (await graphql.run(MERGE, input=asked))["mergeBranches"]
    assert merged["status"] == "MERGED"
    assert merged["commit"]["stems"] == [
        {"type": "DRUMS", "asset": {"id": theirs}, "changedIn": {"message": "new drums"}}
    ]
    found = (await graphql.run(DIFF, base=merged["commit"]["id"], head=changed["id"]))["diffCommits"]
    assert (found["bpmDelta"], found["keyChanged"]) == (0, False)
    assert [(one["type"], one["change"]) for one in found["stems"]] == [
        ("DRUMS", "UNCHANGED"),
        ("BASS", "ADDED"),
    ]
    assert found["mergeBase"]["id"] in [parent["id"] for parent in merged["commit"]["parents"]]


async def test_a_conflict_shows_its_three_sides_and_is_settled(graphql: Api, viewer: Viewer) -> None:
    base, ours, theirs = ids(await some_sounds(viewer, 3))
    repository = await made(graphql)
    await committed(graphql, repository, {"DRUMS": base})
    await graphql.run(BRANCH, id=repository, name="ideas")
    await committed(graphql, repository, {"DRUMS": ours}, branch="main")
    await committed(graphql, repository, {"DRUMS": theirs}, branch="ideas")
    asked: dict[str, Any] = {"repositoryId": repository, "source": "ideas", "target": "main"}
    found = (await graphql.run(MERGE, input=asked))["mergeBranches"]
    assert found == {
        "status": "CONFLICT",
        "commit": None,
        "conflicts": [
            {
                "type": "DRUMS",
                "base": {"asset": {"id": base}},
                "ours": {"asset": {"id": ours}},
                "theirs": {"asset": {"id": theirs}},
            }
        ],
    }
    settled = await graphql.run(MERGE, input={**asked, "resolutions": [{"type": "DRUMS", "take": "THEIRS"}]})
    assert settled["mergeBranches"]["commit"]["stems"][0]["asset"] == {"id": theirs}
    again = (await graphql.run(MERGE, input=asked))["mergeBranches"]
    assert (again["status"], again["commit"]["id"]) == (
        "UP_TO_DATE",
        settled["mergeBranches"]["commit"]["id"],
    )


async def test_who_was_overtaken_is_told(graphql: Api) -> None:
    repository = await made(graphql)
    first = await committed(graphql, repository)
    await committed(graphql, repository, branch="main", parentCommitId=first["id"])
    refused = await graphql.refusal(
        "mutation ($input: CommitInput!) { createCommit(input: $input) { id } }",
        input={"repositoryId": repository, "message": "b", "branch": "main", "parentCommitId": first["id"]},
    )
    assert (refused.code, refused.field) == ("CONFLICT", "parentCommitId")


async def test_branches_are_kept_from_mistakes(graphql: Api) -> None:
    repository = await made(graphql)
    first = await committed(graphql, repository)
    branch = (await graphql.run(BRANCH, id=repository, name="ideas", **{"from": first["id"]}))["createBranch"]
    assert branch == {"name": "ideas", "head": {"id": first["id"]}, "isDefault": False}
    for name in ("two words", "a/b"):
        refused = await graphql.refusal(BRANCH, id=repository, name=name)
        assert (refused.code, refused.field) == ("BAD_USER_INPUT", "name")
    assert (await graphql.refusal(DELETE_BRANCH, id=repository, name="main")).code == "CONFLICT"
    assert (await graphql.refusal(DELETE_BRANCH, id=repository, name="none")).code == "NOT_FOUND"
    await graphql.run(UPDATE_BRANCH, id=repository, name="ideas", isProtected=True)
    assert (await graphql.refusal(DELETE_BRANCH, id=repository, name="ideas")).code == "CONFLICT"
    renamed = await graphql.run(
        UPDATE_BRANCH, id=repository, name="ideas", isProtected=False, isDefault=True, newName="thoughts"
    )
    assert renamed["updateBranch"] == {"name": "thoughts", "isDefault": True, "isProtected": False}
    assert (await graphql.run(DELETE_BRANCH, id=repository, name="main")) == {"deleteBranch": True}


async def test_ids_that_nobody_has(graphql: Api) -> None:
    repository = await made(graphql)
    first = (await committed(graphql, repository))["id"]
    commit = "mutation ($input: CommitInput!) { createCommit(input: $input) { id } }"
    for id in unknown_ids():
        assert await graphql.run(REPOSITORY, id=id) == {"repository": None}
        assert await graphql.run(READ, id=id) == {"commit": None}
        said = {"repositoryId": repository, "message": "a"}
        stem = [{"type": "DRUMS", "assetId": id}]
        for query, field, variables in (
            (commit, "repositoryId", {"input": {**said, "repositoryId": id}}),
            (commit, "parentCommitId", {"input": {**said, "parentCommitId": id}}),
            (commit, "renderId", {"input": {**said, "renderId": id}}),
            (commit, "assetId", {"input": {**said, "stems": stem}}),
            (DIFF, "headId", {"base": first, "head": id}),
            (DIFF, "baseId", {"base": id, "head": first}),
            (BRANCH, "fromCommitId", {"id": repository, "name": "x", "from": id}),
            (FORK, "repositoryId", {"input": {"repositoryId": id, "name": "x"}}),
            (REVERT, "id", {"id": id}),
            (DELETE, "id", {"id": id}),
        ):
            refused = await graphql.refusal(query, **variables)
            assert (refused.code, refused.field) == ("NOT_FOUND", field), (query, id)


async def test_a_commit_with_bad_stems_names_what_is_wrong(graphql: Api, viewer: Viewer) -> None:
    repository = await made(graphql)
    drums, picture = str((await an_asset(viewer)).id), str((await an_asset(viewer, kind="IMAGE")).id)
    commit = "mutation ($input: CommitInput!) { createCommit(input: $input) { id } }"
    for stems, field in (
        ([{"type": "DRUMS", "assetId": drums}, {"type": "DRUMS", "assetId": drums}], "stems"),
        ([{"type": "DRUMS", "assetId": picture}], "assetId"),
        ([{"type": "DRUMS", "assetId": drums, "gain": 5}], "gain"),
        ([{"type": "TUBA", "assetId": drums}], "type"),
    ):
        said = {"repositoryId": repository, "message": "a", "stems": stems}
        refused = await graphql.refusal(commit, input=said)
        assert (refused.code, refused.field) == ("BAD_USER_INPUT", field)


async def test_new_commits_are_streamed_and_replayed(base_url: str, graphql: Api, services: Services) -> None:
    repository = await made(graphql)
    first = await committed(graphql, repository, message="0")
    async with socket(base_url) as client:
        id = await client.subscribe(FOLLOW, id=repository)
        await until(lambda: groups(services) == 1)  # it follows from now on
        second = await committed(graphql, repository, message="1")
        assert await message_of(client) == "1"
        await graphql.run(UPDATE, id=repository, input={"genre": "house"})  # no commit
        async with socket(base_url) as late:
            await late.subscribe(FOLLOW, id=repository, after=first["id"])
            assert await message_of(late) == "1"
            await late.subscribe(FOLLOW, id=repository, after=second["id"])
            for number in range(2, 5):
                await committed(graphql, repository, message=str(number))
            told = [await message_of(late) for _ in range(6)]
            assert sorted(told) == ["2", "2", "3", "3", "4", "4"]
        assert [await message_of(client) for _ in range(3)] == ["2", "3", "4"]
        await graphql.run(DELETE, id=repository)
        assert await client.receive() == {"id": id, "type": "complete"}


async def test_who_may_not_see_a_repository_does_not_follow_it(
    base_url: str, graphql: Api, services: Services
) -> None:
    repository = await made(graphql)
    elsewhere = await committed(graphql, await made(graphql, "elsewhere"))
    headers = {VIEWER_HEADER: "stranger"}
    async with socket(base_url) as owner, socket(base_url, additional_headers=headers) as client:
        await owner.subscribe(FOLLOW, id=repository)
        await until(lambda: groups(services) == 1)
        for variables in (
            {"id": repository},
            {"id": str(uuid4())},
            {"id": repository, "after": str(uuid4())},
        ):
            await client.subscribe(FOLLOW, **variables)
            assert (await client.receive())["payload"][0]["extensions"]["code"] == "NOT_FOUND"
        await committed(graphql, repository, message="mine")
        assert await message_of(owner) == "mine"
        await client.is_told_nothing()
        await owner.subscribe(FOLLOW, id=repository, after=elsewhere["id"])
        refused = (await owner.receive())["payload"][0]["extensions"]
        assert (refused["code"], refused["field"]) == ("BAD_USER_INPUT", "after")
