"""GraphQL over HTTP (the GraphQL foundation's draft): methods, media types, parameters, odd bodies."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from domain.accounts import Viewer
from domain.ports import Services
from tests.support.graphql_http import Api

QUERY = "{ viewer { authMode } }"
DATA = {"viewer": {"authMode": "OPEN"}}
STRICT = "application/graphql-response+json"
JSON = "application/json"


def accepting(media_type: str) -> dict[str, str]:
    return {"accept": media_type}


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (JSON, JSON),
        ("*/*", JSON),
        (None, JSON),
        ("text/html, application/json", JSON),
        (STRICT, STRICT),
        (f"{STRICT}; charset=utf-8, {JSON}; charset=utf-8", STRICT),
        (f"{STRICT};q=0.9, {JSON};q=0.1", STRICT),
        (f"{JSON}, {STRICT};q=0", JSON),
        (f"{JSON}, {STRICT} ; q=0.000", JSON),
        (f"{JSON}, x{STRICT}", JSON),
    ],
)
async def test_the_media_type_follows_accept(accept: str | None, answered: str, graphql: Api) -> None:
    headers = {} if accept is None else accepting(accept)
    if accept is None:
        del graphql.client.headers["accept"]
    response = await graphql.post({"query": QUERY}, headers=headers)
    assert response.headers["content-type"] == f"{answered}; charset=utf-8"
    assert (response.status_code, response.json()) == (200, {"data": DATA})


WITHOUT_DATA = {
    "syntax": {"query": "{"},
    "validation": {"query": "{ nothing }"},
    "a variable": {"query": "query ($id: ID!) { job(id: $id) { id } }", "variables": {"id": []}},
    "cost": {
        "query": "{ particleSystems(first: 100) { nodes { jobs(first: 100) { nodes { id kind status "
        "progress message attempts } } } } }"
    },
}


@pytest.mark.parametrize("body", WITHOUT_DATA.values(), ids=WITHOUT_DATA)
async def test_an_operation_that_cannot_begin_has_no_data(body: dict[str, Any], graphql: Api) -> None:
    for media_type, status in ((STRICT, 400), (JSON, 200)):
        response = await graphql.post(body, headers=accepting(media_type))
        assert response.status_code == status
        assert "data" not in response.json()
        assert response.json()["errors"][0]["extensions"]["code"] in ("BAD_USER_INPUT", "COST_EXCEEDED")


async def test_an_operation_that_ran_is_a_200_with_its_errors(graphql: Api) -> None:
    query = 'mutation { deleteAsset(id: "x") }'
    for media_type in (STRICT, JSON):
        response = await graphql.post({"query": query}, headers=accepting(media_type))
        answer = response.json()
        assert (response.status_code, answer["data"]) == (200, None)
        assert answer["errors"][0]["path"] == ["deleteAsset"]
        assert answer["errors"][0]["extensions"] == {"code": "NOT_FOUND", "field": "id"}


async def test_a_query_may_come_by_get(graphql: Api) -> None:
    response = await graphql.client.get("/graphql", params={"query": QUERY})
    assert response.json() == {"data": DATA}
    parameters = {
        "query": "query a { viewer { authMode } } query b($id: ID!) { job(id: $id) { id } }",
        "operationName": "b",
        "variables": '{"id": "x"}',
        "extensions": "{}",
    }
    response = await graphql.client.get("/graphql", params=parameters)
    assert response.json() == {"data": {"job": None}}


@pytest.mark.parametrize("kind", ["mutation", "subscription"])
async def test_nothing_but_a_query_comes_by_get(kind: str, graphql: Api) -> None:
    field = 'deleteAsset(id: "x")' if kind == "mutation" else 'jobUpdates(id: "x") { cursor }'
    response = await graphql.client.get("/graphql", params={"query": f"{kind} {{ {field} }}"})
    assert 400 <= response.status_code < 500
    assert kind in response.json()["errors"][0]["message"]


async def test_a_subscription_needs_a_socket(graphql: Api) -> None:
    response = await graphql.post({"query": 'subscription { jobUpdates(id: "x") { cursor } }'})
    assert response.status_code == 400
    assert "subscription" in response.json()["errors"][0]["message"]


BODIES: list[tuple[bytes, str | None]] = [
    (b"", None),
    (b"{", None),
    (b"[" * 100_000, None),
    (b'{"query": NaN' + b"[" * 100_000, None),
    (b'"x"', None),
    (b"1", None),
    (b"null", None),
    (b"[]", None),
    (b'[{"query": "{ viewer { authMode } }"}]', None),
    (b"{}", None),
    (b'{"query": null}', None),
    (b'{"query": ""}', None),
    (b'{"query": 5}', "query"),
    (b'{"query": ["{ viewer { authMode } }"]}', "query"),
    (b'{"query": "{ viewer { authMode } }", "variables": []}', "variables"),
    (b'{"query": "{ viewer { authMode } }", "variables": "{}"}', "variables"),
    (b'{"query": "{ viewer { authMode } }", "extensions": 0}', "extensions"),
    (b'{"query": "{ viewer { authMode } }", "operationName": {}}', "operationName"),
    (b'{"query": "{ viewer { authMode } }", "operationName": "missing"}', None),
    (b"\xff\xfe", None),
    (b"query=%7Bviewer%7BauthMode%7D%7D", None),
]


@pytest.mark.parametrize(("body", "field"), BODIES, ids=lambda value: repr(value)[:40])
async def test_what_is_no_request_is_a_400_in_the_shape_of_graphql(
    body: bytes, field: str | None, graphql: Api
) -> None:
    response = await graphql.client.post("/graphql", content=body, headers={"content-type": JSON})
    assert response.status_code == 400
    error = response.json()["errors"][0]
    assert error["message"]
    assert error["extensions"].get("code") == "BAD_USER_INPUT"
    assert error["extensions"].get("field") == field


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", ""])
async def test_what_a_form_can_send_without_asking_is_refused(content_type: str, graphql: Api) -> None:
    body = '{"query": "mutation { deleteAsset(id: \\"x\\") }"}'
    response = await graphql.client.post("/graphql", content=body, headers={"content-type": content_type})
    assert response.status_code == 415
    assert "Content-Type" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_other_methods_are_a_405(method: str, graphql: Api) -> None:
    response = await graphql.client.request(method, "/graphql", json={"query": QUERY})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert response.json()["errors"]


async def test_a_charset_and_capitals_in_the_content_type_are_fine(graphql: Api) -> None:
    for content_type in ("application/json; charset=utf-8", "Application/JSON;charset=UTF-8"):
        response = await graphql.client.post(
            "/graphql", content='{"query": "{ viewer { authMode } }"}', headers={"content-type": content_type}
        )
        assert response.json() == {"data": DATA}


async def test_a_browser_gets_the_editor_and_a_program_an_error(graphql: Api) -> None:
    page = await graphql.client.get(
        "/graphql", headers=accepting("text/html,application/xhtml+xml,*/*;q=0.8")
    )
    assert page.headers["content-type"].startswith("text/html")
    assert "graphiql" in page.text
    assert "unpkg" not in page.text
    program = await graphql.client.get("/graphql")
    assert program.status_code == 400
    assert program.json()["errors"]


async def test_the_viewer_is_the_local_owner_an_admin(graphql: Api, viewer: Viewer) -> None:
    data = await graphql.run("{ viewer { authMode user { id username role createdAt } } }")
    assert data["viewer"]["authMode"] == "OPEN"
    user = data["viewer"]["user"]
    assert (user["id"], user["username"], user["role"]) == (str(viewer.id), "local", "ADMIN")


async def test_a_fault_of_ours_is_masked_and_logged(
    graphql: Api, services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*args: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("domain.jobs.queue_stats", broken)
    failure = await graphql.refusal("{ viewer { authMode } queueStats { pending } }")
    assert (failure.code, failure.message) == ("INTERNAL", "Internal error")
    assert "secret" not in str(failure.errors)
    assert any("the secret of the house" in str(record.exc_info) for record in caplog.records)


async def test_a_fault_of_ours_before_anything_ran_is_a_500(
    graphql: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("schema.asked.checked", broken)
    for media_type, status in ((STRICT, 500), (JSON, 200)):
        response = await graphql.post({"query": "{ neverSeen }"}, headers=accepting(media_type))
        assert response.status_code == status
        error = {"message": "Internal error", "extensions": {"code": "INTERNAL"}}
        assert response.json() == {"errors": [error]}


async def test_mistakes_of_clients_are_not_logged(graphql: Api, caplog: pytest.LogCaptureFixture) -> None:
    await graphql.refusal("{")
    await graphql.refusal("{ nothing }")
    await graphql.refusal('mutation { deleteAsset(id: "x") }')
    await graphql.client.post("/graphql", content=b"[", headers={"content-type": JSON})
    assert not [record for record in caplog.records if record.name.startswith(("starling", "strawberry"))]


async def test_a_client_that_goes_away_is_no_fault(graphql: Api, caplog: pytest.LogCaptureFixture) -> None:
    url = httpx.URL(graphql.base_url)
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = (
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    )
    writer.write(head + b'{"query": ')
    await writer.drain()
    assert await graphql.run(QUERY) == DATA
    writer.close()
    await writer.wait_closed()
    assert await graphql.run(QUERY) == DATA
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.slow
async def test_a_connection_may_be_silent_for_longer_than_clients_keep_one(base_url: str) -> None:
    """httpx, as it comes, uses one again within five seconds."""
    async with httpx.AsyncClient(base_url=base_url, limits=httpx.Limits(keepalive_expiry=None)) as client:
        ways = set()
        for pause in (0.0, 6.0):
            await asyncio.sleep(pause)
            response = await client.get("/health")
            ways.add(response.extensions["network_stream"].get_extra_info("client_addr"))
        assert len(ways) == 1
