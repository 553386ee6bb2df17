"""What a client calls its fields never becomes code, and the order of keys is that of the document."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
import strawberry
from graphql import (
    DocumentNode,
    FieldNode,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    execute,
    parse,
)
from tortoise.timezone import get_default_timezone

from schema.compiled.plain import NotPlain, attribute
from schema.execution import Execution
from tests.unit.compiled_sides import Context, Sides

WORDS = [
    "None",
    "def",
    "value",
    "a0",
    "item",
    "done",
    "Surprise",
    "__class__",
    "__import__",
    "class",
    "type_1",
]
HOSTILE = [
    "'",
    '"',
    "\\",
    "\n",
    "'}; raise SystemExit #",
    '"""',
    "{0}",
    "%s",
    "a': 1, **{'b",
    "\u2028",
    "\x00",
    "",
]


@strawberry.type
class Thing:
    name: str = "n"
    size: int = 1


@strawberry.type
class Query:
    thing: Thing = strawberry.field(resolver=lambda: Thing())


@pytest.fixture(scope="module")
def sides() -> Sides:
    return Sides(Query)


async def test_words_of_python_as_aliases(sides: Sides) -> None:
    run = await sides.both(f"{{ thing {{ {' '.join(f'{word}: name' for word in WORDS)} }} }}")
    assert run.result.data == {"thing": dict.fromkeys(WORDS, "n")}
    assert run.context.count("compiled") == 1


@pytest.mark.parametrize("alias", HOSTILE, ids=ascii)
def test_aliases_that_no_parser_would_let_in(sides: Sides, alias: str) -> None:
    tree = aliased(alias)
    context = Context()
    new, again, stock = (
        execute(schema.core, tree, context_value=context, executor_class=Execution, operation_extensions=None)
        for schema in (sides.compiled, sides.compiled, sides.stock)
    )
    assert new == again == stock
    assert again.data == {"thing": {alias: "n"}}  # type: ignore[union-attr]
    assert context.count("compiled") == 1


def aliased(alias: str) -> DocumentNode:
    """`{ thing { <alias>: name } }`, made by hand."""
    name = FieldNode(name=NameNode(value="name"), alias=NameNode(value=alias), arguments=(), directives=())
    thing = FieldNode(
        name=NameNode(value="thing"),
        arguments=(),
        directives=(),
        selection_set=SelectionSetNode(selections=(name,)),
    )
    (operation,) = parse("{ thing { name } }").definitions
    assert isinstance(operation, OperationDefinitionNode)
    made: Any = OperationDefinitionNode(
        operation=operation.operation,
        directives=(),
        variable_definitions=(),
        selection_set=SelectionSetNode(selections=(thing,)),
    )
    return DocumentNode(definitions=(made,))


@pytest.mark.parametrize("name", ["class", "a b", "a;b", "ﬁ", "1a"])
def test_attributes_that_are_no_plain_names(sides: Sides, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Nobody can declare such a field, but what gets into the text is checked all the same."""
    known: Any = sides.compiled.core.type_map["Thing"]
    field = known.fields["name"]
    assert attribute(field, Thing) == "name"
    monkeypatch.setattr(field.extensions["strawberry-definition"], "python_name", name)
    with pytest.raises(NotPlain):
        attribute(field, Thing)


async def test_keys_are_in_the_order_of_the_document(sides: Sides) -> None:
    run = await sides.both("{ thing { size ...F name b: name } } fragment F on Thing { name a: size size }")
    assert run.result.data is not None
    assert list(run.result.data["thing"]) == ["size", "name", "a", "b"]


MOMENTS = [
    datetime(2026, 1, 31, 12, tzinfo=UTC),
    datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 31, 12),
    datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=-3, seconds=17))),
    datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=ZoneInfo("UTC")),
    datetime(2026, 1, 31, 12, tzinfo=get_default_timezone()),  # as rows of the database have it
    datetime(1, 1, 1, tzinfo=ZoneInfo("Europe/Amsterdam")),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=ZoneInfo("Europe/Amsterdam")),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=repr)
def test_moments_that_orjson_writes(moment: datetime) -> None:
    stay, text = served(moment, moments_stay=True), served(moment, moments_stay=False)
    assert stay["time"]["at"] is moment
    assert type(text["time"]["at"]) is str
    assert orjson.dumps(stay) == orjson.dumps(text)


def test_what_is_no_moment_does_not_stay() -> None:
    assert served(date(2026, 1, 31), moments_stay=True) == {"time": {"at": "2026-01-31"}}


class Odd(tzinfo):
    """No zone of Python's: what orjson makes of it is asked for each moment."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(hours=1)

    def dst(self, moment: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, moment: datetime | None) -> str:
        return "odd"


def test_a_zone_that_orjson_may_refuse_does_not_stay() -> None:
    at = served(datetime(2026, 1, 31, 12, tzinfo=Odd()), moments_stay=True)["time"]["at"]
    assert at == served(datetime(2026, 1, 31, 12, tzinfo=Odd()), moments_stay=False)["time"]["at"]
    assert type(at) is str


def served(moment: Any, *, moments_stay: bool) -> Any:
    """What a compiled selection makes of it: of an operation that comes again."""
    core, tree, context = Sides(Clock).compiled.core, parse("{ time { at } }"), Context()
    for _ in range(2):
        result: Any = execute(
            core,
            tree,
            root_value=moment,
            context_value=context,
            executor_class=Execution,
            operation_extensions=None,
            moments_stay=moments_stay,
        )
    assert (result.errors, context.count("compiled")) == (None, 1)
    return result.data


@strawberry.type
class Time:
    at: datetime


@strawberry.type
class Clock:
    time: Time = strawberry.field(resolver=lambda root: Time(at=root))
