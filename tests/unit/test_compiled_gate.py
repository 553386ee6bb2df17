"""When nothing is compiled, and how one gets to know: by a line in the log and a number."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import strawberry
from graphql import DocumentNode, execute, parse
from graphql.pyutils import AbortController
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from schema.build import schema
from schema.compiled import gate
from schema.compiled.plans import MANY
from schema.execution import Execution
from schema.scalars import SCALARS
from schema.starling import StarlingSchema
from schema.tallies import COMPILED
from tests.unit.compiled_sides import Context, Sides

Info = strawberry.Info[Context, None]
LOGGER = "schema.compiled.selections"


@strawberry.type
class Thing:
    name: str = "n"
    size: int = 1


@strawberry.type
class Query:
    @strawberry.field
    def things(self, info: Info) -> list[Thing | None]:
        return [Thing(), info.context.value]

    @strawberry.field
    def many(self, info: Info) -> list[Thing | None]:
        return [Thing()] * MANY + [info.context.value]


class Watching(SchemaExtension):
    def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
        self.execution_context.context.seen.append(info.field_name)
        return _next(root, info, *args, **kwargs)


def built(**options: Any) -> StarlingSchema:
    return StarlingSchema(query=Query, config=StrawberryConfig(scalar_map=SCALARS), **options)


def executed(made: StarlingSchema, document: DocumentNode, context: Context, **options: Any) -> Any:
    options = {"executor_class": Execution, "operation_extensions": None, **options}
    return execute(made.core, document, context_value=context, **options)


async def asked(made: StarlingSchema, value: Any = None, text: str = "{ things { name size } }") -> Context:
    context = Context(value)
    result = await made.execute(text, context_value=context)
    assert result.data is not None
    return context


def test_the_installed_versions_are_known() -> None:
    """Where this fails a pinned version has changed: see `docs/serving.md`."""
    assert gate.obstacle(schema()) is None
    codes = (
        gate.READS_ONE_ATTRIBUTE,
        gate.IS_TYPE_OF_BY_CLASS,
        gate.INTERFACE_TYPE_BY_CLASS,
        gate.UNION_TYPE_BY_CLASS,
    )
    assert [len(code) for code in codes] == [1, 1, 1, 1]


async def test_other_versions(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "KNOWN_VERSIONS", frozenset({("3.3.2", "0.0.1")}))
    made = built()
    for _ in range(3):
        assert (await asked(made)).tallies.totals() == {(COMPILED.name, "off"): 1}
    (line,) = (record.getMessage() for record in caplog.records)
    assert "no selection is compiled" in line
    assert gate.installed()[1] in line


async def test_the_setting_is_no_obstacle_to_be_counted(caplog: pytest.LogCaptureFixture) -> None:
    assert (await asked(built(compiled=False))).tallies.totals() == {}
    assert caplog.records == []


async def test_incremental_delivery() -> None:
    config = StrawberryConfig(scalar_map=SCALARS, enable_experimental_incremental_execution=True)
    made = StarlingSchema(query=Query, config=config)
    assert (await asked(made)).tallies.totals() == {(COMPILED.name, "off"): 1}


async def test_an_extension_that_sees_every_field(caplog: pytest.LogCaptureFixture) -> None:
    made = built(extensions=[Watching])
    for _ in range(3):
        context = await asked(made)
        assert context.seen == ["things", "name", "size"]
        assert (context.count("off"), context.count("compiled")) == (1, 0)
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.endswith("large pages will be slow: an extension has a `resolve` hook")


def test_an_operation_that_may_be_aborted() -> None:
    made, context = built(), Context(Thing())
    document = parse("{ things { name } }")
    result = executed(made, document, context, abort_signal=AbortController().signal)
    assert result.errors is None
    assert context.count("off") == 1


def test_another_idea_of_what_is_awaitable() -> None:
    made, context = built(), Context(Thing())
    document = parse("{ things { name } }")
    result = executed(made, document, context, is_awaitable=lambda value: False)
    assert result.errors is None
    assert context.count("off") == 1


async def test_the_first_surprise_of_a_place_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, LOGGER)
    made = built()
    text = "{ things { name size } }"
    tree = parse(text)
    for _ in range(3):
        executed(made, tree, Context(Thing(size="secret")))  # type: ignore[arg-type]
    loud = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    quiet = [record for record in caplog.records if record.levelno == logging.DEBUG]
    assert loud == [
        "a compiled selection did not expect what is at Thing.size:"
        " graphql-core completes it, many times slower"
    ]
    assert len(quiet) > 3
    assert "secret" not in caplog.text


async def test_lines_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    made = built()
    for _ in range(150):  # each text is parsed anew: a selection of its own
        await asked(made, Thing(size=None), "{ many { name size } }")  # type: ignore[arg-type]
    assert len(caplog.records) == 100


async def test_any_context_will_do() -> None:
    sides = Sides(Query)
    for context in (None, {"services": 1}, Context):
        result = await sides.compiled.execute("{ __typename }", context_value=context)
        assert result.errors is None
    bare = await Sides(Bare).compiled.execute("{ things { name } }")
    assert bare.data == {"things": [{"name": "n"}]}


@strawberry.type
class Bare:
    things: list[Thing] = strawberry.field(resolver=lambda: [Thing()])
