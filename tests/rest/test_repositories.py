"""REST family 4, version control: the documented paths, shapes and statuses, for two viewers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from domain import assets, repositories
from domain.accounts import Viewer, local_owner
from domain.ports import Services
from tests.support.inprocess import VIEWER_HEADER, served
from tests.support.music import some_sounds, somebody_else
from tests.support.rows import an_asset, unknown_ids


@pytest.fixture
async def viewer(services: Services) -> Viewer:
    return await local_owner()


@pytest.fixture
async def stranger(viewer: Viewer) -> Viewer:
    return await somebody_else()


@pytest.fixture
async def base_url(services: Services, stranger: Viewer) -> AsyncIterator[str]:
    async with served(services, rest=True, viewers={"stranger": stranger}) as url:
        yield url


@pytest.fixture
async def client(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=base_url, verify=False) as found:
        yield found


@pytest.fixture
async def other(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=base_url, headers={VIEWER_HEADER: "stranger"}, verify=False
    ) as found:
        yield found


async def posted(client: httpx.AsyncClient, path: str, body: Any = None, **params: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def created(client: httpx.AsyncClient, name: str = "song", **given: Any) -> str:
    return str((await posted(client, "/api/repositories/create", {"name": name, **given}))["id"])


async def committed(client: httpx.AsyncClient, repository: str, message: str = "take", **given: Any) -> str:
    return str((await posted(client, f"/api/vcs/commit/{repository}", {"message": message, **given}))["id"])


async def test_a_repository_is_made_and_read(client: httpx.AsyncClient, viewer: Viewer) -> None:
    body = {"name": "song", "description": "slow", "is_public": True, "genre": "ambient"}
    made = await posted(client, "/api/repositories/create", body, owner_id=str(viewer.id))
    assert list(made) == ["id", "name", "owner_id", "created_at"]
    assert (made["name"], made["owner_id"]) == ("song", str(viewer.id))
    read = await client.get(f"/api/repositories/{made['id']}")
    assert read.json() == {**made, "description": "slow", "is_public": True, "genre": "ambient"}
    again = await client.post("/api/repositories/create", json=body)
    assert again.status_code == 409
    assert again.json() == {"detail": "You have a repository that is called song already"}


async def test_whose_repository_it_is(client: httpx.AsyncClient, stranger: Viewer) -> None:
    for owner, status in ((str(stranger.id), 403), (str(uuid4()), 404), ("nobody", 422)):
        answer = await client.post(
            "/api/repositories/create", json={"name": "song"}, params={"owner_id": owner}
        )
        assert answer.status_code == status, answer.text
    assert (await client.get(f"/api/repositories/{uuid4()}")).status_code == 404


async def test_a_commit_is_made_and_read(client: httpx.AsyncClient, viewer: Viewer) -> None:
    drums, bass = await some_sounds(viewer, 2)
    repository = await created(client)
    body = {
        "message": "Initial",
        "bpm": 120.6,
        "key_signature": "C Major",
        "generation_params": {"prompt": "rain"},
        "stems": [
            {"type": "drums", "file_path": f"/assets/{drums.id}/{drums.filename}"},
            {"type": "bass", "file_path": bass.filename, "gain": 0.5},
        ],
    }
    first = await posted(client, f"/api/vcs/commit/{repository}", body)
    assert list(first) == ["id", "repo_id", "parent_commit_id", "message", "timestamp"]
    assert (first["repo_id"], first["parent_commit_id"], first["message"]) == (repository, None, "Initial")
    read = (await client.get(f"/api/vcs/commit/{first['id']}")).json()
    assert (read["bpm"], read["key_signature"], read["render_url"]) == (121, "C Major", None)
    assert (read["message"], read["timestamp"]) == ("Initial", first["timestamp"])
    assert read["stems"] == [
        {"type": "drums", "url": f"/assets/{drums.id}/{drums.filename}", "duration": 3.0},
        {"type": "bass", "url": f"/assets/{bass.id}/{bass.filename}", "duration": 3.0},
    ]
    second = await posted(client, f"/api/vcs/commit/{repository}", {"message": "next"})
    assert second["parent_commit_id"] == first["id"]


async def drums_of(client: httpx.AsyncClient, commit: str) -> str:
    (stem,) = (await client.get(f"/api/vcs/commit/{commit}")).json()["stems"]
    return str(stem["url"])


async def test_a_url_means_the_file_with_its_id_though_a_newer_one_has_its_name(
    client: httpx.AsyncClient, services: Services, viewer: Viewer
) -> None:
    old = await an_asset(viewer, filename="beat_drums.flac")
    url = f"/assets/{old.id}/beat_drums.flac"
    stems = [{"type": "drums", "file_path": url, "gain": 0.5}]
    repository = await created(client)
    await committed(client, repository, stems=[{"type": "drums", "file_path": url}])
    await assets.delete(viewer, old.id, services=services)
    new = await an_asset(viewer, filename="beat_drums.flac")
    again = await committed(client, repository, stems=stems)
    assert await drums_of(client, again) == url
    elsewhere = await created(client, "another")
    answer = await client.post(f"/api/vcs/commit/{elsewhere}", json={"message": "a", "stems": stems})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Audio file not found"})
    named = [{"type": "drums", "file_path": "beat_drums.flac"}]
    by_name = await committed(client, elsewhere, stems=named)
    assert await drums_of(client, by_name) == f"/assets/{new.id}/beat_drums.flac"


async def test_a_url_in_a_fork_means_the_file_of_the_original_and_not_ones_own(
    client: httpx.AsyncClient, other: httpx.AsyncClient, viewer: Viewer, stranger: Viewer
) -> None:
    theirs = await an_asset(viewer, filename="beat_drums.flac")
    await an_asset(stranger, filename="beat_drums.flac")
    url = f"/assets/{theirs.id}/beat_drums.flac"
    repository = await created(client, is_public=True)
    await committed(client, repository, stems=[{"type": "drums", "file_path": url}])
    fork = (await posted(other, "/api/vcs/fork", original_repo_id=repository, fork_name="mine"))["id"]
    louder = await committed(other, fork, stems=[{"type": "drums", "file_path": url, "gain": 2.0}])
    assert await drums_of(other, louder) == url


async def test_history_keeps_lines_and_merges(client: httpx.AsyncClient, viewer: Viewer) -> None:
    repository = await created(client)
    empty = (await client.get(f"/api/vcs/history/{repository}")).json()
    assert empty == {"repo_id": repository, "commits": [], "root": None}
    root = await committed(client, repository, bpm=120)
    head = await committed(client, repository, parent_commit_id=root)
    line = await committed(client, repository, parent_commit_id=root)  # no head any more: a line of its own
    found = (await client.get(f"/api/vcs/history/{repository}")).json()
    assert found["root"] == root
    assert [(one["id"], one["parent_id"], one["parent_ids"]) for one in found["commits"]] == [
        (root, None, []),
        (head, root, [root]),
        (line, root, [root]),
    ]
    assert set(found["commits"][0]) >= {"id", "parent_id", "message", "timestamp", "bpm", "key_signature"}
    (branch,) = (await client.get(f"/api/vcs/branches/{repository}")).json()
    assert branch == {
        "name": "main",
        "commit_id": head,
        "message": "take",
        "timestamp": found["commits"][1]["timestamp"],
        "author": "local",
        "is_default": True,
        "is_protected": False,
    }


async def test_a_fork_by_query_or_by_json(client: httpx.AsyncClient, viewer: Viewer) -> None:
    original = await created(client, genre="dub", is_public=True)
    root = await committed(client, original)
    await committed(client, original)
    said = {"original_repo_id": original, "fork_name": "one", "owner_id": str(viewer.id)}
    made = await posted(client, "/api/vcs/fork", **said)
    assert list(made) == ["id", "name", "owner_id", "created_at", "description"]
    read = (await client.get(f"/api/repositories/{made['id']}")).json()
    assert (read["name"], read["genre"], read["is_public"]) == ("one", "dub", True)
    part = await posted(client, "/api/vcs/fork", {**said, "fork_name": "two", "commit_id": root})
    counts = [
        len((await client.get(f"/api/vcs/history/{id}")).json()["commits"]) for id in (made["id"], part["id"])
    ]
    assert counts == [2, 1]
    taken = await client.post("/api/vcs/fork", json=said)
    assert taken.status_code == 409
    unknown = await client.post("/api/vcs/fork", json={**said, "original_repo_id": str(uuid4())})
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Repository not found"})


async def test_what_is_malformed_is_listed_as_fastapi_does(client: httpx.AsyncClient) -> None:
    repository = await created(client)
    lacking = await client.post("/api/vcs/fork", json={"fork_name": "x"})
    assert (lacking.status_code, lacking.json()) == (
        422,
        {"detail": [{"type": "missing", "loc": ["query", "original_repo_id"], "msg": "Field required"}]},
    )
    answer = await client.post(f"/api/vcs/commit/{repository}", json={"bpm": "fast"})
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["body", "message"], ["body", "bpm"]]
    odd = await client.post(
        f"/api/vcs/commit/{repository}",
        content=b'{"message": {"\\ud800": 1}, "stems": [{"type": "\\ud800"}]}',
        headers={"Content-Type": "application/json"},
    )
    assert odd.status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"message": ""}, 400),
        ({"message": "x" * 2_001}, 400),
        ({"message": "a", "bpm": -1}, 400),
        ({"message": "a", "branch": "a/b"}, 400),
        ({"message": "a", "parent_commit_id": str(uuid4())}, 404),
        ({"message": "a", "stems": [{"type": "drums", "file_path": "none.wav"}]}, 404),
        ({"message": "a", "stems": [{"type": "tuba", "file_path": "none.wav"}]}, 422),
        ({"message": "a", "parent_commit_id": "no id"}, 422),
    ],
)
async def test_bad_commits(client: httpx.AsyncClient, body: dict[str, Any], status: int) -> None:
    repository = await created(client)
    answer = await client.post(f"/api/vcs/commit/{repository}", json=body)
    assert answer.status_code == status, answer.text
    assert "detail" in answer.json()


async def test_more_stems_than_types_are_refused_before_any_is_looked_for(client: httpx.AsyncClient) -> None:
    repository = await created(client)
    stems = [{"type": "drums", "file_path": "none.wav"}] * 6
    answer = await client.post(f"/api/vcs/commit/{repository}", json={"message": "a", "stems": stems})
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == ["body", "stems"]
    assert "at most 5 items" in problem["msg"]


async def test_a_parent_of_another_repository_is_400(client: httpx.AsyncClient) -> None:
    one, two = await created(client, "one"), await created(client, "two")
    foreign = await committed(client, one)
    answer = await client.post(f"/api/vcs/commit/{two}", json={"message": "a", "parent_commit_id": foreign})
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "parent_commit_id names a commit of another repository",
    )


async def test_unknown_ids_are_404(client: httpx.AsyncClient) -> None:
    for id in unknown_ids():
        name = quote(id or " ", safe="")
        for path in ("vcs/commit", "vcs/history", "vcs/branches", "repositories"):
            assert (await client.get(f"/api/{path}/{name}")).status_code == 404, (path, id)
        made = await client.post(f"/api/vcs/commit/{name}", json={"message": "a"})
        assert made.status_code == 404


async def test_a_private_repository_is_not_there_for_others(
    client: httpx.AsyncClient, other: httpx.AsyncClient, viewer: Viewer
) -> None:
    repository = await created(client)
    commit = await committed(client, repository)
    paths = (
        f"/api/repositories/{repository}",
        f"/api/vcs/history/{repository}",
        f"/api/vcs/branches/{repository}",
        f"/api/vcs/commit/{commit}",
    )
    for path in paths:
        assert (await other.get(path)).status_code == 404
    stolen = {"original_repo_id": repository, "fork_name": "mine"}
    assert (await other.post("/api/vcs/fork", json=stolen)).status_code == 404
    said = {"message": "hello"}
    assert (await other.post(f"/api/vcs/commit/{repository}", json=said)).status_code == 404
    await repositories.update(viewer, (await repositories.page(viewer)).rows[0].id, {"is_public": True})
    for path in paths:
        assert (await other.get(path)).status_code == 200
    assert (await other.post(f"/api/vcs/commit/{repository}", json=said)).status_code == 403
    assert (await other.post("/api/vcs/fork", json=stolen)).status_code == 200
