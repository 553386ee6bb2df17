"""Compiled selections answer as graphql-core does: random operations over random graphs, right and wrong.

Equal are the data with the order of keys, the errors with messages, paths and places, and every call of a
resolver, a permission or an extension. `SEED=n` repeats a run.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from graphql import parse, validate
from strawberry.extensions import SchemaExtension

from schema.documents import RULES
from schema.operation import Operation
from tests.differential.operations import Writer
from tests.differential.play import play, play_at_once, play_subscriptions
from tests.differential.sides import Kept, Sides, abandoned
from tests.support.figures import Figures

pytestmark = abandoned


class Watching(SchemaExtension):
    """An extension with a `resolve` hook has to see every field."""

    def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
        self.execution_context.context.noted(info.path, "watched")
        return _next(root, info, *args, **kwargs)


@pytest.fixture(scope="module")
def sides() -> Sides:
    return Sides.of(Kept)


def test_what_is_written_is_valid(sides: Sides, rng: random.Random) -> None:
    for number in range(100):
        writer = Writer(sides.stock.schema.core, rng)
        write = (writer.query, writer.query, writer.mutation, writer.subscription)[number % 4]
        text = write().text
        assert validate(sides.stock.schema.core, parse(text), RULES) == [], text


@pytest.mark.timeout(400)
async def test_random_operations(sides: Sides, rng: random.Random, figures: Figures) -> None:
    score = await play(sides, rng, 1_000)
    score.shown(figures, "own schema")
    figures.note("", "differential, own schema: values compiled", sides.compiled.completed("compiled"))
    figures.note("", "differential, own schema: values that surprised", sides.compiled.completed("surprised"))
    assert score.with_errors > score.runs / 20
    assert score.compiled > score.runs / 4
    assert score.fields_left < 0.9 * score.fields
    assert sides.compiled.completed("compiled") > score.runs / 2
    assert sides.compiled.completed("surprised") > score.runs / 20
    assert sides.stock.completed("compiled") == 0


async def test_what_is_as_declared_surprises_nobody(rng: random.Random) -> None:
    """But for `streamed`, whose list is an asynchronous generator."""
    sides = Sides.of(Kept)
    await play(sides, rng, 150, mischiefs=[0.0])
    assert sides.compiled.completed("compiled") > 100
    assert sides.compiled.completed("surprised") <= 0.05 * sides.compiled.completed("compiled")


@pytest.mark.xdist_group("waiting")
@pytest.mark.slow
@pytest.mark.timeout(1_500)
async def test_many_random_operations(sides: Sides, rng: random.Random, figures: Figures) -> None:
    score = await play(sides, rng, 2_000)
    score.shown(figures, "own schema, long")


async def test_one_document_at_once(sides: Sides, rng: random.Random) -> None:
    score = await play_at_once(sides, rng, 100)
    assert score.runs == 400


async def test_subscriptions(sides: Sides, rng: random.Random, figures: Figures) -> None:
    score = await play_subscriptions(sides, rng, 200)
    score.shown(figures, "subscriptions")
    assert score.events > score.operations
    assert score.compiled > score.runs / 4


@pytest.mark.parametrize(
    "sides",
    [
        pytest.param(Sides.of(Operation), id="within our own extension"),
        pytest.param(Sides.of(Kept, Watching), id="watched by an extension"),
        pytest.param(
            Sides.of(Kept, default_resolver=lambda thing, name: getattr(thing, name, 5)), id="resolver"
        ),
    ],
)
async def test_other_schemas(sides: Sides, rng: random.Random) -> None:
    await play(sides, rng, 100)
    await play_subscriptions(sides, rng, 20)
