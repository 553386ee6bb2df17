"""What belongs to no family: the root, life and readiness, request ids, CORS, and strangers."""

from __future__ import annotations

import httpx
import pytest
import websockets

from tests.support.server import Server


def get(server: Server, path: str, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx.get(f"{server.base_url}{path}", headers=given, verify=False)


def test_the_root_names_the_ways_in(server: Server) -> None:
    body = get(server, "/").json()
    assert set(body) == {"message", "status", "endpoints"}
    assert body["status"] == "operational"
    assert body["endpoints"] == {"docs": "/docs", "redoc": "/redoc", "graphql": "/graphql"}
    for path in ("/docs", "/redoc"):
        assert get(server, path).status_code == 200


def test_alive_and_ready(server: Server) -> None:
    assert get(server, "/health").json() == {"status": "healthy"}
    ready = get(server, "/ready")
    assert ready.status_code == 200
    assert ready.json()["status"] == "ready"
    assert ready.json()["missing"] == []


@pytest.mark.parametrize(
    "path", ["/", "/health", "/docs", "/nowhere", "/particles/systems/none", "/assets/none/none"]
)
def test_every_response_carries_an_id(server: Server, path: str) -> None:
    assert len(get(server, path).headers["X-Request-ID"]) == 32
    assert get(server, path, X_Request_ID="abc-1").headers["X-Request-ID"] == "abc-1"


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/assets", "/particles/types", "/docs"])
def test_a_wrong_method_is_405_wherever_the_path_is_known(server: Server, path: str) -> None:
    answer = httpx.request("DELETE", f"{server.base_url}{path}")
    assert answer.status_code == 405
    assert answer.json() == {"detail": "Method Not Allowed"}
    assert "GET" in answer.headers["Allow"] or "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("origin", ["http://localhost:5173", "https://localhost", "http://127.0.0.1:3000"])
def test_pages_of_this_machine_may_read_answers(server: Server, origin: str) -> None:
    answer = get(server, "/particles/types", Origin=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    preflight = httpx.options(
        f"{server.base_url}/graphql",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, apollo-require-preflight",
        },
    )
    assert preflight.status_code == 200
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]


def test_pages_of_others_may_not(server: Server) -> None:
    answer = get(server, "/particles/types", Origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/assets", "/particles/create", "/graphql"])
def test_a_form_of_another_site_changes_nothing(server: Server, path: str) -> None:
    answer = httpx.post(
        f"{server.base_url}{path}",
        headers={"Origin": "https://evil.example"},
        files={"file": ("a.png", b"\x89PNG\r\n\x1a\n")},
    )
    assert answer.status_code == 403


def test_a_rebound_name_is_not_answered(server: Server) -> None:
    assert get(server, "/graphql", Host="evil.example").status_code == 421


async def test_a_socket_of_another_site_is_refused(server: Server) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with websockets.connect(
            f"{server.websocket_url}/graphql",
            origin=websockets.Origin("https://evil.example"),
            subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
        ):
            pass
    assert refused.value.response.status_code == 403


async def test_a_socket_has_an_id_too(server: Server) -> None:
    async with websockets.connect(
        f"{server.websocket_url}/graphql", subprotocols=[websockets.Subprotocol("graphql-transport-ws")]
    ) as socket:
        assert socket.response is not None
        assert len(socket.response.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize("path", ["/graphql", "/particles/create"])
def test_a_body_that_is_too_large_is_413(server: Server, path: str) -> None:
    body = b'{"query": "' + b"x" * (2 * 1024**2) + b'"}'
    answer = httpx.post(
        f"{server.base_url}{path}", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413
