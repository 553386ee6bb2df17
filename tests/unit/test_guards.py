"""Pages of strangers, by the Host and the Origin that browsers send for them."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message

from app import guards
from app.guards import HostGuard, OriginGuard, cannot_be_rebound, host_name
from app.request_ids import HEADER, RequestIds


async def echo(request: object) -> PlainTextResponse:
    return PlainTextResponse("done")


def client(base_url: str = "http://localhost:8000") -> httpx.AsyncClient:
    app = Starlette(
        routes=[Route("/", echo, methods=["GET", "POST"])],
        middleware=[
            Middleware(RequestIds),
            Middleware(HostGuard, names=("music.example",)),
            Middleware(OriginGuard, origins=("https://studio.example",)),
        ],
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("192.168.1.7:8000", 200),
        ("api:8000", 200),
        ("studio.localhost", 200),
        ("MUSIC.example", 200),
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("music.example.evil.example", 421),
    ],
)
async def test_names_that_can_be_rebound_are_not_answered(host: str, status: int) -> None:
    async with client() as browser:
        answer = await browser.get("/", headers={"Host": host})
    assert answer.status_code == status
    if status == 421:
        assert "STARLING_ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"Origin": "http://localhost:8000"}, 200),
        ({"Origin": "http://localhost:5173"}, 200),
        ({"Origin": "http://127.0.0.1:3000"}, 200),
        ({"Origin": "https://studio.example"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://studio.example.evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://localhost:8000@evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "http://[zz]"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_a_form_of_another_site_changes_nothing(headers: dict[str, str], status: int) -> None:
    async with client() as browser:
        assert (await browser.post("/", headers=headers)).status_code == status
        assert (await browser.get("/", headers=headers)).status_code == 200


async def test_a_socket_of_another_site_is_refused_before_it_is_accepted() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def never(*_: object) -> None:
        raise AssertionError("the application was reached")

    scope = {"type": "websocket", "headers": [(b"host", b"localhost"), (b"origin", b"https://evil.example")]}
    await OriginGuard(never)(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


@pytest.mark.parametrize(("header", "name"), [("a.b:80", "a.b"), ("[::1]:80", "::1"), ("", ""), ("A", "a")])
def test_the_name_in_a_host_header(header: str, name: str) -> None:
    assert host_name(header) == name


@pytest.mark.parametrize("name", ["fe80::1", "10.0.0.1", "nas", "localhost"])
def test_addresses_and_local_names_cannot_be_rebound(name: str) -> None:
    assert cannot_be_rebound(name)


async def test_every_response_has_an_id() -> None:
    async with client() as browser:
        for path, headers in (("/", {}), ("/nowhere", {}), ("/", {"Host": "evil.example"})):
            assert len((await browser.get(path, headers=headers)).headers[HEADER]) == 32


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc-123", True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("a b", False),
        ("a\u00e9", False),
        ("", False),
    ],
)
async def test_a_sane_id_that_came_in_is_kept(given: str, kept: bool) -> None:
    async with client() as browser:
        answer = await browser.get("/", headers=[(HEADER.encode(), given.encode("latin-1"))])
    assert (answer.headers[HEADER] == given) is kept


def test_what_is_too_long_for_a_name_is_neither_answered_nor_remembered() -> None:
    remembered = guards._cannot_be_rebound.cache_info().currsize
    assert not cannot_be_rebound("x" * 254)
    assert guards._cannot_be_rebound.cache_info().currsize == remembered
    assert cannot_be_rebound("x" * 253)
