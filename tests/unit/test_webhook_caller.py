"""Calling receivers that behave badly, over real sockets; and never one that is inside."""

from __future__ import annotations

import asyncio
import base64
import gzip
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app import name_lookups, webhooks
from app.name_lookups import NameLookups
from app.webhooks import HttpCaller
from domain.ports import Answer
from tests.support.receiver import (
    Behaviour,
    Receiver,
    breaks_off,
    drips,
    hangs,
    never_stops_talking,
    resets,
    status,
    talks_nonsense,
)

HEADERS = {"content-type": "application/json", "webhook-id": "id"}
BODY = b'{"a": 1}'


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver.open() as opened:
        yield opened


@pytest.fixture
async def caller() -> AsyncIterator[HttpCaller]:
    async with HttpCaller(allow_private=True) as opened:
        yield opened


class Names:
    """A name server of the test: each name has its answers in turn, the last one stays."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self._answers = {name.replace("_", "."): given for name, given in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        given = self._answers[host]
        return given[min(self.asked.count(host) - 1, len(given) - 1)]


async def test_a_receiver_hears_what_was_sent(receiver: Receiver, caller: HttpCaller) -> None:
    assert await caller.post(f"{receiver.url}/x%2Fy?a=b%20c&d", HEADERS, BODY) == Answer(status=204)
    (call,) = receiver.calls
    assert call.line == "POST /told/x%2Fy?a=b%20c&d HTTP/1.1"
    assert call.body == BODY
    assert call.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["webhook-id"] == "id"
    assert not {"cookie", "authorization", "transfer-encoding"} & set(call.headers)


@pytest.mark.parametrize(
    ("behaviour", "answer"),
    [
        (status(200, body=b"ok"), Answer(status=200)),
        (status(202), Answer(status=202)),
        (status(299), Answer(status=299)),
        (status(302, "location: /elsewhere"), Answer("HTTP_302", 302)),
        (status(308, "location: http://127.0.0.1:1/"), Answer("HTTP_308", 308)),
        (status(404, body=b"secret"), Answer("HTTP_404", 404)),
        (status(410), Answer("HTTP_410", 410)),
        (status(429, "retry-after: 120"), Answer("HTTP_429", 429, 120.0)),
        (status(503, "retry-after: Wed, 21 Oct 2026 07:28:00 GMT"), Answer("HTTP_503", 503)),
        (status(503, "retry-after: -5"), Answer("HTTP_503", 503)),
        (status(503, "retry-after: 99999999999"), Answer("HTTP_503", 503)),
        (status(500), Answer("HTTP_500", 500)),
        (resets, Answer("CONNECTION_BROKEN")),
        (breaks_off, Answer("CONNECTION_BROKEN")),
        (talks_nonsense, Answer("CONNECTION_BROKEN")),
    ],
)
async def test_each_answer_has_a_short_code(
    receiver: Receiver, caller: HttpCaller, behaviour: Behaviour, answer: Answer
) -> None:
    receiver.answers = [behaviour]
    assert await caller.post(receiver.url, HEADERS, BODY) == answer
    assert len(receiver.calls) == 1
    assert receiver.connections == 1


async def test_no_one_listens_there(caller: HttpCaller, unused_tcp_port: int) -> None:
    assert await caller.post(f"http://127.0.0.1:{unused_tcp_port}/", HEADERS, BODY) == Answer("NOT_CONNECTED")


async def test_a_receiver_that_hangs_costs_the_time_of_one_try(
    receiver: Receiver, caller: HttpCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "TOTAL_SECONDS", 0.5)
    receiver.answers = [hangs]
    began = time.monotonic()
    assert await caller.post(receiver.url, HEADERS, BODY) == Answer("TIMEOUT")
    assert 0.4 < time.monotonic() - began < 1.5


@pytest.mark.parametrize("behaviour", [never_stops_talking, drips])
async def test_a_long_answer_is_cut(receiver: Receiver, caller: HttpCaller, behaviour: Behaviour) -> None:
    receiver.answers = [behaviour]
    began = time.monotonic()
    assert await caller.post(receiver.url, HEADERS, BODY) == Answer(status=200)
    assert time.monotonic() - began < 3.0


async def test_a_compressed_answer_is_not_unpacked(receiver: Receiver, caller: HttpCaller) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    receiver.answers = [
        status(200, "content-encoding: gzip", body=bomb),
        status(200, "content-encoding: gzip"),
    ]
    assert await caller.post(receiver.url, HEADERS, BODY) == Answer(status=200)
    assert await caller.post(receiver.url, HEADERS, BODY) == Answer(status=200)


async def test_no_cookie_no_proxy_and_no_connection_is_kept(
    receiver: Receiver, caller: HttpCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    receiver.answers = [status(200, "set-cookie: a=b; path=/")]
    for _ in range(2):
        assert (await caller.post(receiver.url, HEADERS, BODY)).is_success
    assert [call.headers.get("cookie") for call in receiver.calls] == [None, None]
    assert receiver.connections == 2


async def test_a_login_in_the_url_is_sent_as_such(receiver: Receiver, caller: HttpCaller) -> None:
    url = receiver.url.replace("127.0.0.1", "bird:p%40ss@127.0.0.1")
    assert (await caller.post(url, HEADERS, BODY)).is_success
    (call,) = receiver.calls
    assert call.headers["authorization"] == "Basic " + base64.b64encode(b"bird:p@ss").decode()
    assert "bird" not in call.headers["host"]


async def test_a_name_is_called_at_its_address_under_its_name(receiver: Receiver) -> None:
    names = Names(hooks_example=[["127.0.0.1"]])
    async with HttpCaller(resolve=names, allow_private=True) as caller:
        assert (await caller.post(f"http://hooks.example:{receiver.port}/", HEADERS, BODY)).is_success
    assert receiver.calls[0].headers["host"] == f"hooks.example:{receiver.port}"


async def test_a_name_that_is_rebound_leads_nowhere_else(receiver: Receiver) -> None:
    """What was checked is what is connected to: the name is asked once a try, and not by the connection."""
    async with Receiver.open("127.0.0.2", port=receiver.port) as outside:
        names = Names(hooks_example=[["127.0.0.2"], ["127.0.0.1"]])
        async with HttpCaller(resolve=names, permits=lambda address: address == "127.0.0.2") as caller:
            url = f"http://hooks.example:{receiver.port}/"
            assert (await caller.post(url, HEADERS, BODY)).is_success
            assert names.asked == ["hooks.example"]
            assert await caller.post(url, HEADERS, BODY) == Answer("ADDRESS_REFUSED")
            assert names.asked == ["hooks.example"] * 2
        assert (len(outside.calls), receiver.connections) == (1, 0)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["169.254.169.254"],
        ["fe80::1%eth0"],
        ["nonsense"],
        [],
    ],
)
async def test_a_name_with_any_address_inside_is_not_called(receiver: Receiver, addresses: list[str]) -> None:
    async with HttpCaller(resolve=Names(hooks_example=[addresses])) as caller:
        url = f"http://hooks.example:{receiver.port}/"
        assert await caller.post(url, HEADERS, BODY) == Answer("ADDRESS_REFUSED")
    assert receiver.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "user@127.0.0.1"])
async def test_a_url_that_leads_inside_is_not_called(receiver: Receiver, host: str) -> None:
    """As for a job of an earlier version, whose URL nobody has checked."""
    async with HttpCaller() as caller:
        answer = await caller.post(f"http://{host}:{receiver.port}/", HEADERS, BODY)
    assert answer == Answer("ADDRESS_REFUSED")
    assert receiver.connections == 0


async def test_no_redirect_leads_inside(receiver: Receiver) -> None:
    async with Receiver.open("127.0.0.2") as outside:
        outside.answers = [status(307, f"location: {receiver.url}")]
        async with HttpCaller(permits=lambda address: address == "127.0.0.2") as caller:
            answer = await caller.post(f"http://127.0.0.2:{outside.port}/", HEADERS, BODY)
    assert answer == Answer("HTTP_307", 307)
    assert receiver.connections == 0


async def test_another_address_of_the_name_is_tried_where_one_does_not_answer(receiver: Receiver) -> None:
    names = Names(hooks_example=[["127.0.0.3", "127.0.0.1"]])
    async with HttpCaller(resolve=names, allow_private=True) as caller:
        assert (await caller.post(f"http://hooks.example:{receiver.port}/", HEADERS, BODY)).is_success
    assert len(receiver.calls) == 1


async def test_a_url_that_is_not_plain_is_a_failure_like_others(caller: HttpCaller) -> None:
    assert await caller.post("http://2130706433/", HEADERS, BODY) == Answer("BAD_URL")


async def test_a_name_that_is_not_there(caller: HttpCaller) -> None:
    assert await caller.post("http://no-such-name.invalid/", HEADERS, BODY) == Answer("NAME_NOT_FOUND")


async def test_the_systems_resolver_does_not_hold_up_the_loop() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(tick())
    assert "127.0.0.1" in await NameLookups()("localhost", 80)
    ticking.cancel()
    assert ticks > 0


def _looks_up_for_ever(*_: object, **__: object) -> list[object]:
    time.sleep(1.0)
    return []


async def test_lookups_that_hang_hold_up_neither_loop_nor_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "TOTAL_SECONDS", 0.3)
    monkeypatch.setattr(name_lookups, "MOST_AT_ONCE", 2)
    monkeypatch.setattr("app.name_lookups.socket.getaddrinfo", _looks_up_for_ever)
    async with HttpCaller(allow_private=True) as caller:
        began = time.monotonic()
        answers = await asyncio.gather(
            *(caller.post("http://hooks.example/", HEADERS, BODY) for _ in range(3))
        )
        assert sorted(answer.problem for answer in answers) == ["NAME_NOT_FOUND", "TIMEOUT", "TIMEOUT"]
        assert time.monotonic() - began < 0.9
        assert await asyncio.to_thread(lambda: 1) == 1  # the pool of others is free


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of hooks.example, signed by itself, with its key beside it."""
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=hooks.example"
        " -addext subjectAltName=DNS:hooks.example -keyout key.pem -out cert.pem"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture
async def secure(certificate: Path) -> AsyncIterator[Receiver]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, certificate.with_name("key.pem"))
    async with Receiver.open(tls=tls) as opened:
        yield opened


@pytest.mark.parametrize(
    ("host", "problem"), [("hooks.example", ""), ("other.example", "TLS_FAILED"), ("127.0.0.1", "TLS_FAILED")]
)
async def test_the_certificate_must_be_the_names_though_the_address_is_called(
    secure: Receiver, certificate: Path, host: str, problem: str
) -> None:
    names = Names(hooks_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    trusting = ssl.create_default_context(cafile=certificate)
    async with HttpCaller(resolve=names, tls=trusting, allow_private=True) as caller:
        answer = await caller.post(f"https://{host}:{secure.port}/", HEADERS, BODY)
    assert answer.problem == problem
    assert len(secure.calls) == (0 if problem else 1)


async def test_a_connection_of_one_name_is_never_used_for_another(
    secure: Receiver, certificate: Path
) -> None:
    names = Names(hooks_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    trusting = ssl.create_default_context(cafile=certificate)
    async with HttpCaller(resolve=names, tls=trusting, allow_private=True) as caller:
        for host, problem in (("hooks.example", ""), ("other.example", "TLS_FAILED"), ("hooks.example", "")):
            answer = await caller.post(f"https://{host}:{secure.port}/", HEADERS, BODY)
            assert answer.problem == problem


async def test_a_certificate_that_nobody_trusts(secure: Receiver) -> None:
    names = Names(hooks_example=[["127.0.0.1"]])
    async with HttpCaller(resolve=names, allow_private=True) as caller:
        answer = await caller.post(f"https://hooks.example:{secure.port}/", HEADERS, BODY)
    assert answer == Answer("TLS_FAILED")
    assert secure.calls == []
