"""The seed's whole flow over HTTP: a repository, a piece generated into it, a branch with other drums, what
that changed, the merge, a fork, and every file downloaded. GraphQL does what REST has no path for.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

import httpx

from tests.rest.test_music import STEMS, made
from tests.rest.test_repository_flow import DIFF, MERGE, posted, run
from tests.support.stem_files import decoded, missing_db

BRANCH = 'mutation ($id: ID!) { createBranch(repositoryId: $id, name: "drums") { name head { id } } }'
FIRST = {"prompt": "boom bap, 90 bpm, in D minor", "duration": 6, "seed": 11}
OTHER = {"prompt": "jungle drums only, 90 bpm", "duration": 6, "seed": 12}


def shown(client: httpx.Client, commit: str) -> dict[str, Any]:
    answer = client.get(f"/api/vcs/commit/{commit}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def urls(commit: dict[str, Any]) -> dict[str, str]:
    return {stem["type"]: stem["url"] for stem in commit["stems"]}


def test_a_piece_from_its_prompt_to_a_fork(client: httpx.Client) -> None:
    owner, name = client.get("/api/auth/me").json()["id"], f"flow {uuid4()}"
    answer = client.post("/api/repositories/create", params={"owner_id": owner}, json={"name": name})
    repository = answer.json()["id"]

    piece = made(client, **FIRST, repo_id=repository)
    assert piece["commit"]["branch"] == "main"
    first = shown(client, piece["commit"]["id"])
    assert (first["bpm"], first["key_signature"], first["repo_id"]) == (90, "D minor", repository)
    assert sorted(urls(first)) == sorted(STEMS)
    assert client.get(first["render_url"]).content == client.get(piece["file_path"]).content

    drums = made(client, **OTHER)["stems"]["drums"]
    branch = run(client, BRANCH, id=repository)["createBranch"]
    assert branch == {"name": "drums", "head": {"id": first["id"]}}
    stems = {**urls(first), "drums": drums}
    changed = posted(
        client,
        f"/api/vcs/commit/{repository}",
        message="other drums",
        branch="drums",
        parent_commit_id=first["id"],
        stems=[{"type": type, "file_path": path} for type, path in stems.items()],
    )
    difference = run(client, DIFF, base=first["id"], head=changed["id"])["diffCommits"]
    changes = {one["type"].lower(): one["change"] for one in difference["stems"]}
    assert changes == {stem: "CHANGED" if stem == "drums" else "UNCHANGED" for stem in STEMS}

    again = made(client, **FIRST, repo_id=repository, commit_id=first["id"])["commit"]
    assert (again["branch"], again["moved"]) == ("main", False)
    branches = {one["name"]: one for one in client.get(f"/api/vcs/branches/{repository}").json()}
    assert branches["main"]["commit_id"] == again["id"]
    merge = {"repositoryId": repository, "source": "drums", "target": "main"}
    merged = run(client, MERGE, input=merge)["mergeBranches"]
    assert (merged["status"], merged["conflicts"]) == ("MERGED", [])

    history = client.get(f"/api/vcs/history/{repository}").json()["commits"]
    assert [one["parent_ids"] for one in history] == [
        [],
        [first["id"]],
        [first["id"]],
        [again["id"], changed["id"]],
    ]
    fork = posted(client, "/api/vcs/fork", original_repo_id=repository, fork_name=f"fork of {name}")["id"]
    copied = client.get(f"/api/vcs/history/{fork}").json()["commits"]
    assert [one["message"] for one in copied] == [one["message"] for one in history]

    head = shown(client, copied[-1]["id"])
    files = {type: client.get(url).content for type, url in urls(head).items()}
    assert files["drums"] == client.get(drums).content
    for stem in ("bass", "melody", "other"):
        assert files[stem] == client.get(urls(first)[stem]).content
    mix = decoded(client.get(f"/api/audio/download/{piece['output_filename']}").content)
    assert missing_db(mix, [decoded(client.get(url).content) for url in urls(first).values()]) < -80
    for path in (piece["file_path"], piece["preview_path"], piece["midi_path"], *piece["stems"].values()):
        saved = client.get(f"/api/audio/download/{PurePosixPath(path).name}")
        assert (saved.status_code, saved.content) == (200, client.get(path).content)
