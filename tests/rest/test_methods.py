"""Methods: HEAD answers as GET does, without a body, and a 405 names all that a path answers to."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.server import Server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base_url, timeout=60, verify=False) as found:
        yield found


def made(client: httpx.Client) -> str:
    config = {"width": 64, "height": 64, "duration": 0.2, "particle_count": 10}
    answer = client.post("/particles/create", json={"particle_type": "no_music", "config": config})
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["system_id"])


def test_head_answers_as_get_does_without_a_body(client: httpx.Client) -> None:
    system = made(client)
    for path in (
        f"/frames/particle-systems/{system}.png?width=64",
        "/frames/particles.png?type=no_music&width=64",
        f"/particles/systems/{system}/preview",
        f"/api/particles/systems/{system}/preview",
    ):
        got, head = client.get(path), client.head(path)
        assert (got.status_code, head.status_code) == (200, 200), (path, got.text)
        assert head.content == b""
        for name in ("content-length", "content-type", "etag", "cache-control"):
            assert head.headers[name] == got.headers[name]
    for path in ("/particles/download/none", "/frames/particle-systems/none.png", "/assets/none/none"):
        assert (client.head(path).status_code, client.head(path).content) == (404, b"")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/particles/systems/some", "DELETE, GET"),
        ("/api/particles/systems/some", "DELETE, GET"),
        ("/particles/download/some", "GET, HEAD"),
        ("/frames/particles.png", "GET, HEAD"),
        ("/assets", "POST"),
        ("/ready", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_all_that_the_path_answers_to(
    path: str, allowed: str, client: httpx.Client
) -> None:
    answer = client.request("PATCH", path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed
