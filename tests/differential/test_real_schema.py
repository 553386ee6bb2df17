"""The real schema over real rows answers alike, compiled or not: random operations with real ids and cursors.

The statements are equal too, and no operation finds what looking ahead forgot: that would be an
INTERNAL error, for both ways alike.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any, cast
from uuid import uuid4

import orjson
import pytest
from strawberry.schema.config import StrawberryConfig
from tortoise.context import TortoiseContext

from db import sql
from db.connection import open_database
from domain.accounts import Viewer, local_owner
from domain.ports import Services
from resolvers.context import Context
from schema.build import schema
from schema.execution import Execution
from schema.operation import Operation as Guarded
from schema.query import Query
from schema.scalars import SCALARS
from schema.starling import StarlingSchema
from tests.differential.comparison import Answer
from tests.differential.history import History
from tests.differential.operations import Operation, Writer
from tests.differential.play import Score, assert_equal
from tests.differential.sides import abandoned, completed, executed_fields, swept
from tests.support.figures import Figures
from tests.support.queries import counted

pytestmark = abandoned
BOTH = (schema(compiled=False), schema(compiled=True))
BAD_INPUT = 0.005
TRIES = 5
# the rows' bytes are nowhere; a filter may let no job through, and no commit may come
WITHOUT = ("peaks", "allJobUpdates", "repositoryUpdates")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[TortoiseContext]:
    """One connection: statements are answered in the order they are sent; which fails first is no race."""
    async with open_database(database_url, pool_size=1) as context:
        yield context


@pytest.fixture
async def viewer(services: Services) -> Viewer:
    return await local_owner()


@pytest.fixture
async def history(viewer: Viewer, services: Services, rng: random.Random) -> History:
    stranger = Viewer(uuid4(), "stranger", viewer.role, viewer.created_at)
    rows = History(rng)
    await rows.fill(viewer, services)
    foreign = History(rng)
    await foreign.fill(stranger, services)
    rows.jobs += foreign.jobs[:3]
    rows.systems += foreign.systems[:1]
    rows.repositories += foreign.repositories[:1]
    rows.commits += foreign.commits[:2]
    return rows


class WithMoments(Execution):
    """As for an answer that orjson writes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "moments_stay": True})


class Way:
    """One of both ways to execute an operation of the viewer's."""

    def __init__(self, schema: StarlingSchema, services: Services, viewer: Viewer) -> None:
        self._schema = schema
        self._context = Context(viewer, services, request_id="a request")

    async def answer(self, operation: Operation, variables: dict[str, Any]) -> Answer:
        with counted() as queries:
            result = await self._schema.execute(
                operation.text, variables, self._context, None, operation.name
            )
        if not result.errors:
            return self._answer(result, queries.statements)
        await _abandoned_statements_end()
        return self._answer(result, [])

    async def first_event(self, operation: Operation, variables: dict[str, Any]) -> Answer:
        stream = await self._schema.subscribe(operation.text, variables, self._context, None, operation.name)
        async with asyncio.timeout(30), aclosing(cast(AsyncGenerator[Any, None], stream)) as events:
            return self._answer(await anext(events), [])

    def _answer(self, result: Any, statements: list[str]) -> Answer:
        codes = {error.extensions["code"] for error in result.errors or ()}
        assert "INTERNAL" not in codes, result.errors
        return Answer.of(result, sorted(statements))  # of fields beside each other any may come first


async def _abandoned_statements_end() -> None:
    """An error ends an operation while others of its statements wait for the connection."""
    for _ in range(5):
        await sql.rows("SELECT 1")
    swept()


async def play(services: Services, viewer: Viewer, history: History, count: int) -> Score:
    stock, compiled = (Way(each, services, viewer) for each in BOTH)
    score = Score()
    rng = history.rng
    with executed_fields() as fields:
        for _ in range(count):
            operation = Writer(
                BOTH[0].core, rng, history.draw, depth=7, fields=24, without=("peaks",)
            ).query()
            score.operations += 1
            values = [operation.values(rng, BAD_INPUT) for _ in range(2)]
            for variables in (values[0], *values, values[1]):  # each a second time: then it is compiled
                expected = await stock.answer(operation, variables)
                done_by_stock = fields.taken()
                found = await compiled.answer(operation, variables)
                score.add([expected], done_by_stock, fields.taken())
                for _ in range(TRIES):
                    if not _raced(expected, found):
                        break
                    expected = await stock.answer(operation, variables)
                    found = await compiled.answer(operation, variables)
                fields.taken()
                assert_equal(operation, variables, expected, found)
    return score


def _raced(stock: Answer, compiled: Answer) -> bool:
    """Of two fields that each null the same object the first ends the other: which of their errors are told
    hangs on whose statement came back sooner. A difference of ours would come again each time."""
    return stock.data == compiled.data and stock.errors != compiled.errors


@pytest.mark.timeout(400)
async def test_random_operations(
    services: Services, viewer: Viewer, history: History, figures: Figures
) -> None:
    score = await play(services, viewer, history, 200)
    score.shown(figures, "real schema")
    assert score.with_errors < score.runs / 2
    assert score.compiled > score.runs / 4
    assert completed(services.tallies, "compiled") > score.runs / 2
    assert completed(services.tallies, "surprised") == 0


@pytest.mark.xdist_group("waiting")
@pytest.mark.slow
@pytest.mark.timeout(1_500)
async def test_many_random_operations(
    services: Services, viewer: Viewer, history: History, figures: Figures
) -> None:
    score = await play(services, viewer, history, 300)
    score.shown(figures, "real schema, long")


@pytest.mark.timeout(400)
async def test_first_events_of_subscriptions(services: Services, viewer: Viewer, history: History) -> None:
    stock, compiled = (Way(each, services, viewer) for each in BOTH)
    for _ in range(60):
        operation = Writer(BOTH[0].core, history.rng, history.draw, without=WITHOUT).subscription()
        variables = operation.values(history.rng, BAD_INPUT)
        expected = await stock.first_event(operation, variables)
        for _ in range(2):  # the second time it is compiled
            assert_equal(operation, variables, expected, await compiled.first_event(operation, variables))


async def test_moments_that_stay_are_written_alike(
    services: Services, viewer: Viewer, history: History
) -> None:
    stock, context = BOTH[0], Context(viewer, services)
    written = StarlingSchema(
        query=Query,
        extensions=[Guarded],
        config=StrawberryConfig(scalar_map=SCALARS),
        execution_context_class=WithMoments,
    )
    for _ in range(40):
        operation = Writer(stock.core, history.rng, history.draw, 7, 24, WITHOUT).query()
        asked = (operation.text, operation.values(history.rng, BAD_INPUT), context, None, operation.name)
        expected = await stock.execute(*asked)
        for _ in range(2):  # the second time it is compiled
            found = await written.execute(*asked)
            assert orjson.dumps(expected.data) == orjson.dumps(found.data), operation.text
    text = "{ jobs(first: 40) { nodes { createdAt stages { completedAt } } } }"
    result: Any = await written.execute(text, None, context)
    nodes = result.data["jobs"]["nodes"]
    assert {type(node["createdAt"]) for node in nodes} == {datetime}
    assert datetime in {type(stage["completedAt"]) for node in nodes for stage in node["stages"]}
