"""REST family 4: the render of a commit is a URL that plays, once it is mixed; stems whose files were deleted
are still those of the repository."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import httpx
import numpy as np

from tests.rest.songs import kick_wav
from tests.rest.test_repository_flow import posted, run
from tests.support.stem_files import decoded

DELETE = "mutation ($id: ID!) { deleteAsset(id: $id) }"
JOBS = "query ($id: ID!) { jobs(filter: {subjectId: $id}) { nodes { id kind } } }"


def uploaded(client: httpx.Client, seconds: float) -> dict[str, Any]:
    answer = client.post("/assets", files={"file": (f"{uuid4().hex[:8]}.wav", kick_wav(seconds))})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def repository(client: httpx.Client) -> str:
    return str(posted(client, "/api/repositories/create", name=f"song {uuid4()}")["id"])


def rendered(client: httpx.Client, commit: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        shown: dict[str, Any] = client.get(f"/api/vcs/commit/{commit}").json()
        if shown["render_url"] is not None:
            return shown
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)


def test_a_commit_has_the_mix_of_its_stems_as_its_render_url(client: httpx.Client) -> None:
    song, drums = repository(client), uploaded(client, 1.0)
    stems = [
        {"type": "drums", "file_path": drums["url"]},
        {"type": "bass", "file_path": drums["id"], "gain": 0.1},
    ]
    made = posted(client, f"/api/vcs/commit/{song}", message="first", stems=stems)
    shown = rendered(client, made["id"])
    sound = decoded(client.get(shown["render_url"]).content)
    wanted = decoded(kick_wav(1.0)) * 1.1
    assert np.abs(sound - wanted / max(1.0, np.abs(wanted).max())).max() < 1e-5
    part = client.get(shown["render_url"], headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"fLaC")
    fork = posted(client, "/api/vcs/fork", original_repo_id=song, fork_name=f"fork {uuid4()}")["id"]
    (copy,) = client.get(f"/api/vcs/history/{fork}").json()["commits"]
    assert client.get(f"/api/vcs/commit/{copy['id']}").json()["render_url"] == shown["render_url"]
    (job,) = run(client, JOBS, id=made["id"])["jobs"]["nodes"]
    assert client.get(f"/api/ai/status/{job['id']}").status_code == 404  # no task of that family


def test_a_stem_whose_file_was_deleted_is_named_by_its_id_and_by_its_url(client: httpx.Client) -> None:
    song, drums, bass = repository(client), uploaded(client, 1.0), uploaded(client, 1.1)
    first = posted(
        client,
        f"/api/vcs/commit/{song}",
        message="first",
        stems=[{"type": "drums", "file_path": drums["id"]}, {"type": "bass", "file_path": bass["id"]}],
    )
    for one in (drums, bass):
        run(client, DELETE, id=one["id"])
    urls = [stem["url"] for stem in client.get(f"/api/vcs/commit/{first['id']}").json()["stems"]]
    again = posted(
        client,
        f"/api/vcs/commit/{song}",
        message="louder",
        stems=[
            {"type": "drums", "file_path": urls[0], "gain": 0.5},
            {"type": "bass", "file_path": bass["id"]},
        ],
    )
    shown = client.get(f"/api/vcs/commit/{again['id']}").json()
    assert [stem["url"] for stem in shown["stems"]] == urls
    other = repository(client)
    for path in (urls[0], bass["id"], bass["filename"], "nonsense", str(uuid4())):
        answer = client.post(
            f"/api/vcs/commit/{other}",
            json={"message": "theirs", "stems": [{"type": "drums", "file_path": path}]},
        )
        assert (answer.status_code, answer.json()) == (404, {"detail": "Audio file not found"})
