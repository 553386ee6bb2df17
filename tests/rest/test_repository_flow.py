"""From an upload to a fork over the real server, REST and GraphQL side by side, with files that are there."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from tests.rest.songs import kick_wav

MERGE = """mutation ($input: MergeInput!) { mergeBranches(input: $input) {
  status commit { id stems { type asset { id } } } conflicts { type } } }"""
DIFF = """query ($base: ID!, $head: ID!) { diffCommits(baseId: $base, headId: $head) {
  stems { type change } mergeBase { id } } }"""
BRANCH = 'mutation ($id: ID!) { createBranch(repositoryId: $id, name: "ideas") { name } }'


def run(client: httpx.Client, query: str, **variables: Any) -> Any:
    answer = client.post("/graphql", json={"query": query, "variables": variables}).json()
    assert "errors" not in answer, answer
    return answer["data"]


def posted(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def uploaded(client: httpx.Client, seconds: float) -> dict[str, Any]:
    answer = client.post("/assets", files={"file": ("loop.wav", kick_wav(seconds))})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_song_from_its_first_take_to_a_fork_that_is_merged_back(client: httpx.Client) -> None:
    drums, bass, better = (uploaded(client, seconds) for seconds in (1.0, 1.1, 1.2))
    name = f"song {uuid4()}"
    repository = posted(client, "/api/repositories/create", name=name)["id"]
    first = posted(
        client,
        f"/api/vcs/commit/{repository}",
        message="first take",
        bpm=120,
        stems=[{"type": "drums", "file_path": drums["url"]}, {"type": "bass", "file_path": bass["id"]}],
    )
    run(client, BRANCH, id=repository)
    posted(client, f"/api/vcs/commit/{repository}", message="slower", branch="main", bpm=110)
    fork = posted(client, "/api/vcs/fork", original_repo_id=repository, fork_name=f"fork of {name}")["id"]
    changed = posted(
        client,
        f"/api/vcs/commit/{fork}",
        message="better drums",
        branch="ideas",
        stems=[{"type": "drums", "file_path": better["url"]}, {"type": "bass", "file_path": bass["id"]}],
    )
    merge = {"repositoryId": repository, "sourceRepositoryId": fork, "source": "ideas", "target": "main"}
    merged = run(client, MERGE, input=merge)["mergeBranches"]
    assert (merged["status"], merged["conflicts"]) == ("MERGED", [])
    difference = run(client, DIFF, base=first["id"], head=merged["commit"]["id"])["diffCommits"]
    assert difference["stems"] == [
        {"type": "DRUMS", "change": "CHANGED"},
        {"type": "BASS", "change": "UNCHANGED"},
    ]
    assert difference["mergeBase"] == {"id": first["id"]}
    history = client.get(f"/api/vcs/history/{repository}").json()["commits"]
    assert [len(one["parent_ids"]) for one in history] == [0, 1, 1, 2]
    assert history[2]["message"] == "better drums"
    assert history[2]["id"] != changed["id"]

    assert run(client, "mutation ($id: ID!) { deleteAsset(id: $id) }", id=better["id"]) == {
        "deleteAsset": True
    }
    shown = client.get(f"/api/vcs/commit/{merged['commit']['id']}").json()
    assert [stem["type"] for stem in shown["stems"]] == ["drums", "bass"]
    for stem, upload in zip(shown["stems"], (better, bass), strict=True):
        answer = client.get(stem["url"], headers={"Range": "bytes=0-3"})
        assert (answer.status_code, answer.content) == (206, b"RIFF")
        assert len(client.get(stem["url"]).content) == upload["size"]
