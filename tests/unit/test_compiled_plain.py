"""Only what is proven to be one attribute read is compiled; all else is graphql-core's, and as before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any, Generic, TypeVar

import pytest
import strawberry
from graphql import parse
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

from schema.scalars import SCALARS
from schema.starling import StarlingSchema
from tests.unit.compiled_sides import Context, Parsed, Sides

Info = strawberry.Info[Context, None]
T = TypeVar("T")


class Allowed(BasePermission):
    message = "no"

    def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
        return True


class Shouting(FieldExtension):
    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        return str(next_(source, info, **kwargs)).upper()


@strawberry.type
class Odd:
    plain: str = "plain"
    permitted: str = strawberry.field(default="permitted", permission_classes=[Allowed])
    extended: str = strawberry.field(default="extended", extensions=[Shouting()])
    computed: str = "stored"

    @strawberry.field
    def resolved(self) -> str:
        return "resolved"

    @strawberry.field
    async def awaited(self) -> str:
        return "awaited"

    @strawberry.field
    def asked(self, word: str = "w") -> str:
        return word


Odd.computed = property(lambda self: "computed", lambda self, value: None)  # type: ignore[assignment]


@strawberry.type
class Getter:
    plain: str = "plain"

    def __getattr__(self, name: str) -> str:
        raise AttributeError(name)


@strawberry.type
class Everything:
    plain: str = "plain"

    def __getattribute__(self, name: str) -> Any:
        return super().__getattribute__(name)


@strawberry.type
class Judged:
    plain: str = "plain"

    @classmethod
    def is_type_of(cls, obj: object, info: Any) -> bool:
        return True


@strawberry.type
class Failure(Exception):
    plain: str = "plain"


@strawberry.type
class Box(Generic[T]):
    plain: T


@strawberry.interface
class Chosen:
    plain: str = "plain"

    @classmethod
    def resolve_type(cls, obj: object, *_: object) -> str:
        return "Choice"


@strawberry.type
class Choice(Chosen):
    more: int = 1


@strawberry.type
class Slotted:
    __slots__ = ("plain",)
    plain: str


@strawberry.type
class Deep:
    odds: list[Odd] = field(default_factory=lambda: [Odd(), Odd()])
    deep: Deep | None = None


@strawberry.type
class Stored:
    plain: str = "plain"


@strawberry.type
class Bare:
    stored: Stored = strawberry.field(resolver=lambda: Stored())


@strawberry.type
class Query:
    odd: Odd = strawberry.field(resolver=lambda: Odd())
    getter: Getter = strawberry.field(resolver=lambda: Getter())
    everything: Everything = strawberry.field(resolver=lambda: Everything())
    judged: Judged = strawberry.field(resolver=lambda: Judged())
    failure: Failure = strawberry.field(resolver=lambda: Failure())
    box: Box[str] = strawberry.field(resolver=lambda: Box(plain="boxed"))
    chosen: Chosen = strawberry.field(resolver=lambda: Choice())
    slotted: Slotted = strawberry.field(resolver=lambda: Slotted(plain="s"))
    deep: Deep = strawberry.field(resolver=lambda: Deep(deep=Deep()))


@pytest.fixture(scope="module")
def sides() -> Sides:
    return Sides(Query, types=[Choice])


PLAIN = ["odd { plain }", "odd { a: plain b: plain __typename }", "slotted { plain }"]
NOT_PLAIN = [
    "odd { permitted }",
    "odd { extended }",
    "odd { computed }",
    "odd { resolved }",
    "odd { awaited }",
    "odd { asked }",
    'odd { asked(word: "v") }',
    "getter { plain }",
    "everything { plain }",
    "judged { plain }",
    "box { plain }",
]


@pytest.mark.parametrize("selected", PLAIN)
async def test_plain(sides: Sides, selected: str) -> None:
    run = await sides.both(f"{{ {selected} }}")
    assert run.result.errors is None
    assert run.context.count("compiled") == 1


@pytest.mark.parametrize("selected", NOT_PLAIN)
async def test_not_plain(sides: Sides, selected: str) -> None:
    run = await sides.both(f"{{ {selected} }}")
    assert run.result.errors is None
    assert (run.context.count("compiled"), run.context.count("not_plain")) == (0, 1)


async def test_an_interface_with_its_own_idea_of_types(sides: Sides) -> None:
    run = await sides.both("{ chosen { plain ... on Choice { more } } }")
    assert run.result.data == {"chosen": {"plain": "plain", "more": 1}}
    assert (run.context.count("not_plain"), run.context.count("compiled")) == (1, 1)  # the object below it


async def test_an_error_that_is_an_object_type(sides: Sides) -> None:
    run = await sides.both("{ failure { plain } }")
    assert run.result.errors is not None


async def test_what_lies_below_and_beside_is_compiled(sides: Sides) -> None:
    run = await sides.both("{ deep { odds { plain resolved } deep { odds { plain } } } }")
    assert run.context.count("compiled") == 1  # `deep.deep`, all of it
    assert run.context.count("not_plain") == 4  # `deep`, its `odds`, and each of them


async def test_another_default_resolver() -> None:
    config = StrawberryConfig(scalar_map=SCALARS, default_resolver=lambda source, name: f"{name}!")
    assert await served_alone(StarlingSchema(query=Bare, config=config, extensions=[Parsed])) == "plain!"


async def test_a_resolver_that_was_put_in_later() -> None:
    config = StrawberryConfig(scalar_map=SCALARS)
    schema = StarlingSchema(query=Bare, config=config, extensions=[Parsed])
    schema.core.type_map["Stored"].fields["plain"].resolve = lambda source, info: "other"  # type: ignore[attr-defined]
    assert await served_alone(schema) == "other"


async def served_alone(schema: StarlingSchema) -> Any:
    text = "{ stored { plain } }"
    context = Context(document=parse(text))
    for _ in range(2):  # nothing is tried before an operation comes again
        result = await schema.execute(text, context_value=context)
    assert (context.count("compiled"), context.count("not_plain")) == (0, 1)
    assert result.data is not None
    return result.data["stored"]["plain"]
