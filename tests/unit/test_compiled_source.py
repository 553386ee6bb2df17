"""What a client calls its fields never becomes code, and the order of keys is that of the document."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

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
    results = [
        execute(schema.core, tree, context_value=context, executor_class=Execution, operation_extensions=None)
        for schema in (sides.compiled, sides.stock)
    ]
    assert results[0] == results[1]
    assert results[0].data == {"thing": {alias: "n"}}  # type: ignore[union-attr]
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
    date(2026, 1, 31),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_moments_that_orjson_writes(moment: Any) -> None:
    sides = Sides(Clock)
    tree = parse("{ time { at } }")
    written = [
        orjson.dumps(
            execute(
                sides.compiled.core,
                tree,
                root_value=moment,
                context_value=Context(),
                executor_class=Execution,
                operation_extensions=None,
                **options,  # type: ignore[arg-type]
            ).data  # type: ignore[union-attr]
        )
        for options in ({"moments_stay": True}, {"moments_stay": False}, {"moments_stay": True})
    ]
    assert written[0] == written[1] == written[2]
    assert b"null" not in written[0]


@strawberry.type
class Time:
    at: datetime


@strawberry.type
class Clock:
    time: Time = strawberry.field(resolver=lambda root: Time(at=root))
