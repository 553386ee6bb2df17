"""Whatever a walk does not know graphql-core completes: the same data, errors, paths and places as stock."""

from __future__ import annotations

import asyncio
import enum
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
import strawberry
from graphql import GraphQLError, Undefined, parse
from strawberry.scalars import JSON

from schema.scalars import Long
from tests.unit.compiled_sides import Context, Sides

Info = strawberry.Info[Context, None]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@strawberry.enum
class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class OtherColour(enum.StrEnum):
    RED = "red"


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Stone(Named):
    weight: int


@strawberry.type
class Leaf(Named):
    colour: Colour


@strawberry.type
class Twig:
    length: float


Found = Annotated[Stone | Twig, strawberry.union("Found")]


@strawberry.type
class Thing:
    id: strawberry.ID = strawberry.ID("1")
    text: str = "a"
    text_or_none: str | None = None
    whole: int = 1
    whole_or_none: int | None = None
    number: float = 0.5
    truth: bool = True
    colour: Colour = Colour.RED
    moment: datetime = NOON
    large: Long = Long(2**40)
    any: JSON | None = None
    texts: list[str] = field(default_factory=list)
    numbers_or_none: list[float | None] | None = None
    rows: list[list[int]] = field(default_factory=list)
    stone: Stone | None = None
    stones: list[Stone] = field(default_factory=list)
    named: Named | None = None
    found: list[Found] = field(default_factory=list)


@strawberry.type
class Query:
    @strawberry.field
    def thing(self, info: Info) -> Thing:
        return info.context.value  # type: ignore[no-any-return]

    @strawberry.field
    def things(self, info: Info) -> list[Thing | None]:
        return [Thing(), info.context.value, Thing()]

    @strawberry.field
    def named(self, info: Info) -> Named | None:
        return info.context.value  # type: ignore[no-any-return]


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def thing(self, info: Info) -> AsyncIterator[Thing]:
        for value in info.context.value:
            yield value


SELECTED = """{ __typename id text textOrNone whole wholeOrNone number truth colour moment large any texts
    numbersOrNone rows stone { name weight } stones { weight }
    named { __typename name ... on Leaf { colour } }
    found { __typename ... on Stone { weight } ... on Twig { length } } }"""


@pytest.fixture(scope="module")
def sides() -> Sides:
    return Sides(Query, subscription=Subscription, types=[Leaf])


def thing(**values: Any) -> Thing:
    return Thing(**values)


class Text(str):
    """No plain text."""


class Several(list[str]):
    """No plain list."""


@dataclass
class LikeAStone:
    name: str = "like"
    weight: int = 2


class Heavier(Stone):
    """No `Stone` itself."""


def lacks_an_attribute() -> Thing:
    made = Thing()
    del made.__dict__["whole"]
    return made


def cast_stone(to: type) -> Stone:
    return strawberry.cast(to, Stone(name="cast", weight=1))


async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


async def one_by_one(*values: Any) -> AsyncIterator[Any]:
    for value in values:
        yield value


KNOWN: dict[str, Callable[[], Thing]] = {
    "everything as declared": Thing,
    "null where it may be": lambda: thing(text_or_none=None),
    "whole numbers for a float": lambda: thing(number=3, numbers_or_none=[1, None, 0.5]),
    "lists and tuples": lambda: thing(texts=("a", "b"), rows=[[1], (2, 3), []]),
    "objects": lambda: thing(stone=Stone(name="s", weight=1), stones=[Stone(name="t", weight=2)]),
    "an interface": lambda: thing(named=Leaf(name="l", colour=Colour.BLUE)),
    "a union": lambda: thing(found=[Twig(length=2.0), Stone(name="s", weight=1)]),
    "any JSON": lambda: thing(any={"a": [1, None, {"b": "c"}]}),
}
UNKNOWN: dict[str, Callable[[], Any]] = {
    "null for text": lambda: thing(text=None),
    "null in a list": lambda: thing(texts=["a", None]),
    "null for a list": lambda: thing(texts=None),
    "null in a list of lists": lambda: thing(rows=[[1], [None], None]),
    "undefined": lambda: thing(text_or_none=Undefined),
    "an error": lambda: thing(text=ValueError("returned")),
    "an error where null may be": lambda: thing(text_or_none=ValueError("returned")),
    "an error of GraphQL": lambda: thing(whole_or_none=GraphQLError("no", extensions={"code": "NO"})),
    "an error in a list": lambda: thing(texts=["a", ValueError("returned")]),
    "an error for JSON": lambda: thing(any=ValueError("returned")),
    "a number for text": lambda: thing(text=1),
    "a number for an ID": lambda: thing(id=7),
    "text's own kind": lambda: thing(text=Text("a")),
    "an enum for text": lambda: thing(text=Colour.RED),
    "truth for a whole number": lambda: thing(whole=True),
    "too large a number": lambda: thing(whole=2**31),
    "too small a number": lambda: thing(whole=-(2**31) - 1),
    "half a number": lambda: thing(whole=0.5),
    "a number as text": lambda: thing(whole="5"),
    "a number as bad text": lambda: thing(whole="five"),
    "no number": lambda: thing(number=math.nan),
    "without end": lambda: thing(number=-math.inf),
    "a whole number too long for a float": lambda: thing(number=2**60 + 1),
    "truth for a float": lambda: thing(number=True),
    "a decimal for a float": lambda: thing(number=Decimal("0.5")),
    "a number for truth": lambda: thing(truth=1),
    "the value of a member": lambda: thing(colour="red"),
    "no value of a member": lambda: thing(colour="green"),
    "another enum's member": lambda: thing(colour=OtherColour.RED),
    "what cannot be a key": lambda: thing(colour=[]),
    "text for a moment": lambda: thing(moment="noon"),
    "truth for a long number": lambda: thing(large=True),
    "a long number too large": lambda: thing(large=2**60),
    "an iterator": lambda: thing(texts=iter(["a", "b"])),
    "a set": lambda: thing(texts={"a"}),
    "text for a list": lambda: thing(texts="ab"),
    "a list's own kind": lambda: thing(texts=Several(["a"])),
    "a dictionary for a list": lambda: thing(texts={"a": 1}),
    "no list": lambda: thing(texts=5),
    "an awaitable": lambda: thing(text=later("b")),
    "an awaitable object": lambda: thing(stone=later(Stone(name="s", weight=1))),
    "awaitables in a list": lambda: thing(texts=[later("b"), "c", later("d")]),
    "an awaitable null": lambda: thing(text_or_none=later(None)),
    "an async iterable": lambda: thing(texts=one_by_one("a", "b")),
    "an awaitable JSON": lambda: thing(any=later({})),
    "an attribute that is missing": lacks_an_attribute,
    "another class with the attributes": lambda: thing(stone=LikeAStone()),
    "a subclass": lambda: thing(stones=[Heavier(name="h", weight=9)]),
    "a wrong class": lambda: thing(stone=Twig(length=1.0)),
    "a class that is no member": lambda: thing(found=[Leaf(name="l", colour=Colour.RED)]),
    "a class that is no implementation": lambda: thing(named=Twig(length=1.0)),
    "an object that is cast": lambda: thing(stone=cast_stone(Leaf)),
    "a member that is cast": lambda: thing(found=[cast_stone(Twig)]),
    "an implementation that is cast": lambda: thing(named=cast_stone(Leaf)),
    "a cast that changes nothing": lambda: thing(named=cast_stone(Stone)),
    "an object that is no thing": object,
    "an error for an object": lambda: ValueError("returned"),
    "nothing": lambda: None,
}


@pytest.mark.parametrize("made", KNOWN.values(), ids=KNOWN.keys())
@pytest.mark.parametrize("root", ["thing", "things"])
async def test_what_is_known_is_walked(sides: Sides, root: str, made: Callable[[], Thing]) -> None:
    run = await sides.both(f"{{ {root} {SELECTED} }}", made())
    assert run.result.errors is None
    assert run.context.tallies.totals() == {("starling_graphql_compiled_total", "compiled"): 1}


@pytest.mark.parametrize("made", UNKNOWN.values(), ids=UNKNOWN.keys())
@pytest.mark.parametrize("root", ["thing", "things"])
async def test_what_is_unknown_is_completed_by_graphql_core(
    sides: Sides, root: str, made: Callable[[], Any]
) -> None:
    await sides.made(f"{{ {root} {SELECTED} }}", made)


async def test_a_surprise_costs_only_its_own_fields(sides: Sides) -> None:
    run = await sides.both(f"{{ things {SELECTED} }}", thing(texts={"a"}))
    assert run.context.count("surprised") == 4  # `things`, the thing, its field, and the list in it
    assert run.context.count("compiled") == 2 + 3  # the other things, and what else that one holds


async def test_events_of_a_subscription(sides: Sides) -> None:
    values = [Thing(), thing(whole=None), thing(texts=("a",)), Thing()]
    runs = await sides.events(f"subscription {{ thing {SELECTED} }}", values)
    assert [run.result.errors is None for run in runs] == [True, False, True, True]
    assert runs[0].context.count("new") == 1
    assert runs[0].context.count("compiled") == 2  # the first event was new, the second a surprise


def test_without_a_loop(sides: Sides) -> None:
    text = f"{{ thing {SELECTED} }}"
    for value in (Thing(), thing(text=None)):
        context = Context(value, parse(text))
        new, again, stock = (
            schema.execute_sync(text, context_value=context)
            for schema in (sides.compiled, sides.compiled, sides.stock)
        )
        assert repr(new) == repr(again) == repr(stock)
        assert context.count("compiled") == (again.errors is None)
