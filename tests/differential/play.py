"""Random operations on both sides, held equal; what was played is counted: idling is no pass."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.differential.comparison import Answer, differences
from tests.differential.graphs import World
from tests.differential.operations import Operation, Writer
from tests.differential.sides import Fields, Kept, Sides, executed_fields
from tests.support.figures import Figures

MISCHIEF = (0.0, 0.0, 0.005, 0.01, 0.02, 0.1)
OPERATIONS_A_WORLD = 10
AT_ONCE = 4
QUERIES = (*["query"] * 9, "mutation")


@dataclass
class Score:
    """A run is compiled where graphql-core executed fewer fields than stock, stepped aside where no fewer."""

    operations: int = 0
    runs: int = 0
    events: int = 0
    compiled: int = 0
    with_errors: int = 0
    fields: int = 0
    fields_left: int = 0

    def add(self, stock: list[Answer], fields: int, fields_left: int) -> None:
        self.runs += 1
        self.events += len(stock)
        self.compiled += fields_left < fields
        self.with_errors += any(each.errors for each in stock)
        self.fields += fields
        self.fields_left += fields_left

    def shown(self, figures: Figures, what: str) -> None:
        figures.note("", f"differential, {what}: operations", self.operations)
        figures.note("", f"differential, {what}: runs of them, each equal", self.runs)
        figures.note("", f"differential, {what}: runs that were compiled in part", self.compiled)
        figures.note("", f"differential, {what}: runs with errors", self.with_errors)
        figures.note("", f"differential, {what}: fields", self.fields)
        figures.note("", f"differential, {what}: fields that were left to graphql-core", self.fields_left)


@dataclass(frozen=True)
class Twins:
    """Two worlds of one seed: each side uses up its own generators."""

    stock: World
    compiled: World

    @classmethod
    def born(cls, sides: Sides, rng: random.Random, mischiefs: Sequence[float] = MISCHIEF) -> Twins:
        seed, mischief = rng.randrange(10**9), rng.choice(mischiefs)
        return cls(*(World(side.schema.core, seed, mischief) for side in (sides.stock, sides.compiled)))


def operations(
    sides: Sides, rng: random.Random, count: int, kinds: Sequence[str] = QUERIES
) -> Iterator[Operation]:
    for _ in range(count):
        writer = Writer(sides.stock.schema.core, rng)
        operation: Operation = getattr(writer, rng.choice(kinds))()
        Kept.learn(operation.text)
        yield operation


async def play(sides: Sides, rng: random.Random, count: int, mischiefs: Sequence[float] = MISCHIEF) -> Score:
    """Each operation runs four times over other data, twice with the same variables: it is compiled when it
    comes again with the same fields selected."""
    score = Score()
    with executed_fields() as fields:
        for number, operation in enumerate(operations(sides, rng, count)):
            if number % OPERATIONS_A_WORLD == 0:
                worlds = [Twins.born(sides, rng, mischiefs) for _ in range(4)]
            score.operations += 1
            for first, again in (worlds[:2], worlds[2:]):
                variables = operation.values(rng)
                await _run(sides, operation, variables, first, score, fields)
                await _run(sides, operation, variables, again, score, fields)
    return score


async def _run(
    sides: Sides,
    operation: Operation,
    variables: dict[str, Any],
    twins: Twins,
    score: Score,
    fields: Fields,
) -> None:
    stock = await sides.stock.answer(operation, variables, twins.stock)
    done_by_stock = fields.taken()
    compiled = await sides.compiled.answer(operation, variables, twins.compiled)
    score.add([stock], done_by_stock, fields.taken())
    assert_equal(operation, variables, stock, compiled)


async def play_at_once(sides: Sides, rng: random.Random, count: int) -> Score:
    """One document several times at once, each with its own data, is what each is alone."""
    score = Score()
    for operation in operations(sides, rng, count):
        score.operations += 1
        twins = [Twins.born(sides, rng) for _ in range(AT_ONCE)]
        variables = [operation.values(rng) for _ in twins]
        both = list(zip(variables, twins, strict=True))
        alone = [await sides.stock.answer(operation, given, each.stock) for given, each in both]
        together = await asyncio.gather(
            *(sides.compiled.answer(operation, given, each.compiled) for given, each in both)
        )
        for given, stock, compiled in zip(variables, alone, together, strict=True):
            score.runs += 1
            assert_equal(operation, given, stock, compiled)
    return score


async def play_subscriptions(sides: Sides, rng: random.Random, count: int) -> Score:
    """Equal event by event."""
    score = Score()
    with executed_fields() as fields:
        for operation in operations(sides, rng, count, ["subscription"]):
            score.operations += 1
            twins = Twins.born(sides, rng)
            variables = operation.values(rng)
            stock = await sides.stock.events(operation, variables, twins.stock)
            done_by_stock = fields.taken()
            compiled = await sides.compiled.events(operation, variables, twins.compiled)
            assert len(stock) == len(compiled), _told(operation, variables)
            score.add(stock, done_by_stock, fields.taken())
            for one, other in zip(stock, compiled, strict=True):
                assert_equal(operation, variables, one, other)
    return score


def assert_equal(operation: Operation, variables: object, stock: Answer, compiled: Answer) -> None:
    assert not (found := differences(stock, compiled)), "\n".join([_told(operation, variables), *found])


def _told(operation: Operation, variables: object) -> str:
    return f"{operation.text}\nvariables {variables}"
