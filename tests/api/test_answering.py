"""Requests are answered straight or through Strawberry's extensions, alike; and a query ends in time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from domain.accounts import Viewer
from domain.ports import Services
from resolvers.context import Context
from schema import deadline
from schema.answering import GraphQLRequest, NoOperation, respond
from schema.build import schema
from schema.mutation import Mutation
from schema.operation import Operation
from schema.query import Query
from schema.scalars import SCALARS
from schema.starling import StarlingSchema
from schema.subscription import Subscription
from tests.support.graphql_http import Api
from tests.support.graphql_ws import socket

STRICT = {"accept": "application/graphql-response+json"}
STATS = "{ queueStats { pending } }"

REQUESTS: dict[str, dict[str, Any]] = {
    "a query": {"text": "{ viewer { authMode } __typename }"},
    "one of two, but which": {"text": "query A { viewer { authMode } } query B { particleTypes { name } }"},
    "the second of two": {
        "text": "query A { viewer { authMode } } query B { particleTypes { name } }",
        "name": "B",
    },
    "a variable": {"text": "query ($id: ID!) { job(id: $id) { id } }", "variables": {"id": "x"}},
    "a wrong variable": {"text": "query ($id: ID!) { job(id: $id) { id } }", "variables": {"id": []}},
    "a missing variable": {"text": "query ($id: ID!) { job(id: $id) { id } }"},
    "a fragment": {
        "text": "{ ...f } fragment f on Query { viewer { ...g } } fragment g on Viewer { authMode }"
    },
    "a mutation that is refused": {"text": 'mutation { deleteAsset(id: "x") }'},
    "an argument that is refused": {"text": "{ viewer { authMode } jobs(first: 0) { totalCount } }"},
    "no document": {"text": "{"},
    "an invalid document": {"text": "{ nothing viewer }"},
    "too many aliases": {"text": "{ " + " ".join(f"a{n}: __typename" for n in range(100)) + " }"},
    "too dear": {"text": "{ jobs(first: 100) { nodes { " + "id kind status " * 200 + "} } }"},
    "introspection": {"text": '{ __type(name: "Job") { name fields { name } } }'},
}
REFUSED: dict[str, dict[str, Any]] = {
    "nothing": {"text": ""},
    "an unknown name": {"text": "query A { __typename }", "name": "B"},
    "no operation": {"text": "fragment f on Query { __typename }"},
    "a subscription": {"text": 'subscription { jobUpdates(id: "x") { cursor } }'},
}


class Seen(SchemaExtension):
    """Somebody else's extension, which must see every operation."""

    count = 0

    def on_operation(self) -> Iterator[None]:
        Seen.count += 1
        yield


def extended() -> StarlingSchema:
    return StarlingSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extensions=[Operation, Seen],
        config=StrawberryConfig(scalar_map=SCALARS),
    )


def request(context: Context, given: dict[str, Any]) -> GraphQLRequest:
    rest = {"name": None, "variables": None, "extensions": None, **given}
    return GraphQLRequest(**rest, context=context.fresh(), kinds=("query", "mutation"))


async def test_both_ways_answer_the_same(services: Services, viewer: Viewer) -> None:
    context = Context(viewer=viewer, services=services, request_id="r")
    direct, around = schema(), extended()
    assert direct.is_direct
    assert not around.is_direct
    for name, given in REQUESTS.items():
        seen = Seen.count
        answers = [await respond(way, request(context, given)) for way in (direct, direct, around, around)]
        assert all(answer == answers[0] for answer in answers), name
        assert [list(answer) for answer in answers] == [list(answers[0])] * 4, name
        assert Seen.count == seen + 2


async def test_both_ways_refuse_the_same(services: Services, viewer: Viewer) -> None:
    context = Context(viewer=viewer, services=services, request_id="r")
    for name, given in REFUSED.items():
        refusals = []
        for way in (schema(), extended()):
            with pytest.raises(NoOperation) as caught:
                await respond(way, request(context, given))
            refusals.append((caught.value.message, caught.value.kind))
        assert refusals[0] == refusals[1], name


async def test_a_query_that_takes_too_long_is_cut_off(graphql: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = asyncio.Event()

    async def endless(*_: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    monkeypatch.setattr("domain.jobs.queue_stats", endless)
    monkeypatch.setattr(deadline, "QUERY_SECONDS", 0.05)
    failure = await graphql.refusal(STATS)
    assert failure.code == "TIMEOUT"
    assert "longer than 0.05 seconds" in failure.message
    await asyncio.wait_for(cut.wait(), 10)
    assert (await graphql.post({"query": STATS}, headers=STRICT)).status_code == 504


async def test_a_query_of_a_socket_is_cut_off_too(
    graphql: Api, services: Services, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("domain.jobs.queue_stats", endless)
    monkeypatch.setattr(deadline, "QUERY_SECONDS", 0.05)
    async with socket(graphql.base_url) as client:
        id = await client.subscribe(STATS)
        frame = await client.receive()
        assert (frame["id"], frame["type"]) == (id, "error")
    context = Context(viewer=viewer, services=services, request_id="r")
    answer = await respond(extended(), request(context, {"text": STATS}))
    assert answer["errors"] == frame["payload"]
    assert answer["errors"][0]["extensions"] == {"code": "TIMEOUT"}


async def test_a_mutation_may_take_its_time(graphql: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    began, may_end = asyncio.Event(), asyncio.Event()

    async def slow(*_: object, **__: object) -> None:
        began.set()
        await may_end.wait()

    monkeypatch.setattr("domain.assets.delete", slow)
    monkeypatch.setattr(deadline, "QUERY_SECONDS", 0.0)
    answer = asyncio.create_task(graphql.run(f'mutation {{ deleteAsset(id: "{uuid4()}") }}'))
    await asyncio.wait_for(began.wait(), 10)
    assert (await graphql.refusal(STATS)).code == "TIMEOUT"
    may_end.set()
    assert await answer == {"deleteAsset": True}
