"""graphql-transport-ws as its PROTOCOL.md has it: what is answered, what is refused, by which code."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from app import graphql_socket as application
from domain.accounts import Viewer
from tests.support.graphql_ws import QUERY, socket
from tests.support.rows import a_system

UPDATES = "subscription ($id: ID!) { particleSystemUpdates(id: $id) { id name } }"


async def test_queries_and_mutations_run_over_a_socket_too(base_url: str) -> None:
    async with socket(base_url) as client:
        id = await client.subscribe(QUERY)
        data = {"viewer": {"authMode": "OPEN"}}
        assert await client.receive() == {"id": id, "type": "next", "payload": {"data": data}}
        assert await client.receive() == {"id": id, "type": "complete"}
        await client.subscribe('mutation { deleteAsset(id: "x") }', id)
        answer = await client.receive()
        assert answer["type"] == "next"
        assert answer["payload"]["errors"][0]["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("payload", [{}, {"payload": None}, {"payload": {}}, {"payload": {"token": "x"}}])
async def test_every_payload_of_the_protocol_begins_a_connection(
    payload: dict[str, Any], base_url: str
) -> None:
    async with socket(base_url, begun=False) as client:
        await client.send({"type": "connection_init", **payload})
        assert await client.receive() == {"type": "connection_ack"}


async def test_pings_are_answered_at_any_time(base_url: str) -> None:
    async with socket(base_url, begun=False) as client:
        for frame in (
            {"type": "ping"},
            {"type": "ping", "payload": {"n": 1}},
            {"type": "ping", "payload": None},
        ):
            await client.send(frame)
            assert (await client.receive())["type"] == "pong"
        await client.send({"type": "pong"})
        await client.begin()


BAD_FRAMES = [
    "{",
    "[]",
    '"x"',
    "1",
    "null",
    "{}",
    '{"type": 1}',
    '{"type": "nonsense"}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": [], "payload": {"query": "{ viewer { authMode } }"}}',
    '{"type": "subscribe", "id": "", "payload": {"query": "{ viewer { authMode } }"}}',
    '{"type": "subscribe", "id": {"a": 1}, "payload": {"query": "{ viewer { authMode } }"}}',
    '{"type": "subscribe", "id": "1", "payload": null}',
    '{"type": "subscribe", "id": "1", "payload": {}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "operationName": 1}}',
    '{"type": "complete"}',
    '{"type": "complete", "id": []}',
    '{"type": "ping", "payload": 1}',
    "[" * 100_000,
    b"{}",
]


@pytest.mark.parametrize("frame", BAD_FRAMES, ids=lambda frame: repr(frame)[:50])
async def test_a_frame_that_is_none_closes_with_4400(
    frame: str | bytes, base_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with socket(base_url) as client:
        await client.connection.send(frame)
        code, reason = await client.closed()
        assert (code, bool(reason)) == (4400, True)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("payload", [[], "x", 1, True])
async def test_a_payload_that_is_no_object_closes_with_4400(payload: object, base_url: str) -> None:
    async with socket(base_url, begun=False) as client:
        await client.send({"type": "connection_init", "payload": payload})
        assert (await client.closed())[0] == 4400


async def test_a_subscription_before_the_connection_began_is_4401(base_url: str) -> None:
    async with socket(base_url, begun=False) as client:
        await client.subscribe(QUERY)
        assert (await client.closed())[0] == 4401


async def test_beginning_twice_is_4429(base_url: str) -> None:
    async with socket(base_url) as client:
        await client.send({"type": "connection_init"})
        assert (await client.closed())[0] == 4429


@pytest.mark.parametrize("id", ["x", "x" * 10_000, "\u2603" * 100, '"\\'])
async def test_two_subscriptions_of_one_id_are_4409(id: str, base_url: str, viewer: Viewer) -> None:
    system = await a_system(viewer)
    async with socket(base_url) as client:
        await client.subscribe(UPDATES, id, id=str(system.id))
        assert (await client.receive())["id"] == id
        await client.send({"type": "subscribe", "id": id, "payload": {"query": QUERY}})
        assert (await client.closed())[0] == 4409


async def test_an_id_is_free_again_after_complete(base_url: str, viewer: Viewer) -> None:
    system = await a_system(viewer)
    async with socket(base_url) as client:
        for _ in range(3):
            await client.subscribe(UPDATES, "one", id=str(system.id))
            assert (await client.receive())["type"] == "next"
            await client.send({"type": "complete", "id": "one"})
        await client.send({"type": "complete", "id": "never begun"})
        await client.subscribe(QUERY, "two")
        assert (await client.receive())["id"] == "two"


async def test_who_does_not_begin_in_time_is_4408(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert application.INIT_SECONDS == 5
    async with socket(base_url, begun=False) as client:
        began = asyncio.get_running_loop().time()
        assert (await client.closed())[0] == 4408
        assert 4 < asyncio.get_running_loop().time() - began < 15


@pytest.mark.parametrize("protocols", [["graphql-ws"], ["nonsense"], None])
async def test_other_protocols_are_4406(protocols: list[Subprotocol] | None, base_url: str) -> None:
    async with connect(f"{base_url.replace('http', 'ws')}/graphql", subprotocols=protocols) as connection:
        await asyncio.wait_for(connection.wait_closed(), 10)
        assert connection.close_code == 4406


BAD_OPERATIONS = {
    "{": "BAD_USER_INPUT",
    "": "BAD_USER_INPUT",
    "{ nothing }": "BAD_USER_INPUT",
    "query a { viewer { authMode } } query a { viewer { authMode } }": "BAD_USER_INPUT",
    'subscription { jobUpdates(id: "x") { cursor } }': "NOT_FOUND",
    'subscription { jobUpdates(id: "00000000-0000-0000-0000-000000000000") { cursor } }': "NOT_FOUND",
    'subscription { particleSystemUpdates(id: "x") { id } }': "NOT_FOUND",
    'subscription { allJobUpdates(after: "x") { cursor } }': "BAD_USER_INPUT",
    "subscription ($id: ID!) { particleSystemUpdates(id: $id) { id } }": "BAD_USER_INPUT",
    "{ particleSystems(first: 100) { nodes { jobs(first: 100) { nodes { id kind status message"
    " attempts } } } } }": "COST_EXCEEDED",
}


@pytest.mark.parametrize("query", BAD_OPERATIONS)
async def test_an_operation_that_cannot_begin_ends_with_an_error_and_the_socket_goes_on(
    query: str, base_url: str
) -> None:
    async with socket(base_url) as client:
        for _ in range(2):
            id = await client.subscribe(query)
            answer = await client.receive()
            assert (answer["id"], answer["type"]) == (id, "error")
            assert answer["payload"][0]["extensions"]["code"] == BAD_OPERATIONS[query]
            assert answer["payload"][0]["message"]
        await client.subscribe(QUERY)
        assert (await client.receive())["type"] == "next"


async def test_an_operation_name_that_is_not_there_is_an_error(base_url: str) -> None:
    async with socket(base_url) as client:
        payload = {"query": "query a { viewer { authMode } }", "operationName": "b"}
        await client.send({"type": "subscribe", "id": "1", "payload": payload})
        assert (await client.receive())["type"] == "error"


async def test_a_socket_has_a_limit_of_operations(base_url: str, viewer: Viewer) -> None:
    system = await a_system(viewer)
    limit = application.OPERATIONS_A_SOCKET
    async with socket(base_url) as client:
        for _ in range(limit + 100):
            await client.subscribe(UPDATES, id=str(system.id))
        frames = [await client.receive() for _ in range(limit + 100)]
        refused = [frame for frame in frames if frame["type"] == "error"]
        assert len(refused) == 100
        assert "limit" in refused[0]["payload"][0]["message"].lower()
        await client.send({"type": "complete", "id": "1"})
        await client.subscribe(QUERY, "again")
        assert (await client.receive())["id"] == "again"


async def test_a_frame_beyond_the_limit_closes_with_1009(base_url: str) -> None:
    async with socket(base_url) as client:
        await client.subscribe(QUERY + " " * 300_000)
        assert (await client.closed())[0] == 1009


async def test_the_answer_is_a_text_frame(base_url: str) -> None:
    async with socket(base_url) as client:
        await client.subscribe(QUERY)
        assert isinstance(await client.connection.recv(), str)


async def test_sockets_need_their_path(base_url: str) -> None:
    with pytest.raises(InvalidStatus):
        await connect(f"{base_url.replace('http', 'ws')}/nothing")
