"""Subscriptions of a schema that knows no parts: each is executed for its one member, and comes as it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack

import pytest
import strawberry
from strawberry.extensions import SchemaExtension

from domain.ports import Services
from schema.operation import Operation
from schema.starling import StarlingSchema
from tests.support.graphql_ws import Socket, socket
from tests.support.held_sockets import held_for
from tests.support.inprocess import nothing_left, served, until
from tests.support.raw_ws import KERNEL_BYTES, begun

KILOBYTE = "x" * 1_000
EVENTS = 300  # more of them, and more bytes, than a shared chunk may have
COUNT = "subscription ($most: Int, $failsAt: Int) { count(most: $most, failsAt: $failsAt) { number text } }"


class Made:
    """What the executions of a test did."""

    def __init__(self) -> None:
        self.begun = self.ended = self.events = 0


@strawberry.type
class Event:
    number: int
    text: str


@strawberry.type
class Query:
    hello: str = "hello"


def counting(made: Made, extensions: list[type[SchemaExtension]]) -> StarlingSchema:
    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def count(
            self, most: int | None = None, fails_at: int | None = None
        ) -> AsyncGenerator[Event, None]:
            """To `most`, or for ever, and never with a pause."""
            made.begun += 1
            number = 0
            try:
                while most is None or number < most:
                    number += 1
                    if number == fails_at:
                        raise ValueError("in the middle")
                    made.events += 1
                    yield Event(number=number, text=KILOBYTE)
            finally:
                made.ended += 1

    return StarlingSchema(query=Query, subscription=Subscription, extensions=extensions)


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.fixture(params=[[Operation], []], ids=["our schema's extension", "none"])
async def base_url(request: pytest.FixtureRequest, made: Made, services: Services) -> AsyncIterator[str]:
    """And nothing is left of what was streamed."""
    async with served(services, schema=counting(made, request.param)) as url, nothing_left(services):
        yield url
        await until(lambda: made.begun == made.ended)


async def numbers(client: Socket, id: str, count: int) -> list[int]:
    found = []
    for _ in range(count):
        frame = await client.receive()
        assert (frame["type"], frame["id"]) == ("next", id), frame
        assert frame["payload"]["data"]["count"]["text"] == KILOBYTE
        found.append(frame["payload"]["data"]["count"]["number"])
    return found


async def test_all_events_come_and_then_the_end(base_url: str, made: Made) -> None:
    async with socket(base_url) as client:
        for _ in range(2):  # the second time its document is known
            id = await client.subscribe(COUNT, most=EVENTS)
            assert await numbers(client, id, EVENTS) == list(range(1, EVENTS + 1))
            assert await client.receive() == {"id": id, "type": "complete"}
    assert made.events == 2 * EVENTS


async def test_each_member_has_its_own(base_url: str, made: Made) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(socket(base_url)) for _ in range(5)]
        for client in clients:
            await client.subscribe(COUNT, "1", most=EVENTS)
        for client in clients:
            assert await numbers(client, "1", EVENTS) == list(range(1, EVENTS + 1))
            assert await client.receive() == {"id": "1", "type": "complete"}
    assert made.begun == 5


async def test_one_that_leaves_in_the_middle_is_told_no_more(base_url: str, made: Made) -> None:
    async with socket(base_url) as client:
        await client.subscribe(COUNT, "endless")
        assert await numbers(client, "endless", 3) == [1, 2, 3]
        await client.send({"type": "complete", "id": "endless"})
        await until(lambda: made.ended == 1)
        await client.subscribe(COUNT, "other", most=1)
        while (frame := await client.receive())["id"] == "endless":  # they were on their way
            assert frame["type"] == "next"
        assert frame["id"] == "other"
        assert await client.receive() == {"id": "other", "type": "complete"}


async def test_one_that_breaks_in_the_middle_ends_with_an_error(base_url: str) -> None:
    async with socket(base_url) as client:
        id = await client.subscribe(COUNT, failsAt=150)
        assert await numbers(client, id, 149) == list(range(1, 150))
        frame = await client.receive()
        assert (frame["type"], frame["id"]) == ("error", id)
        await client.is_told_nothing()


async def test_no_more_is_made_than_is_taken(base_url: str, made: Made) -> None:
    """An endless one for a client that reads nothing, until its socket goes."""
    async with begun(base_url, KERNEL_BYTES) as client:
        held = held_for(client)
        await client.subscribe("1", COUNT)
        await until(lambda: made.events > 0 and not held.writable.is_set())
        assert made.events < 100
        assert held.transport.get_write_buffer_size() < 2 * len(KILOBYTE)
        before = made.events
        for _ in range(before):
            assert (await client.json())["type"] == "next"
        await until(lambda: made.events > before)
        assert made.begun == 1
        assert made.ended == 0
