"""A schema of the tests' own, with every kind of field and type that GraphQL and Strawberry know.

Each kind of value is there in every shape (`shaped`): alone and in lists, with and without null. Resolvers
note that they ran in `info.context.calls`, and take what they answer with from `info.context.world`.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime  # noqa: F401 (`shaped` names it)
from typing import Annotated, Any, Generic, NewType, TypeVar

import strawberry
from graphql import GraphQLError
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.scalars import JSON  # noqa: F401

Info = strawberry.Info[Any, None]
Type = TypeVar("Type", bound=type)
T = TypeVar("T")
SHAPES = {
    "": "{}",
    "_or_none": "{} | None",
    "_list": "list[{}]",
    "_list_or_none": "list[{} | None] | None",
    "_rows": "list[list[{}]]",
    "_rows_or_none": "list[list[{} | None] | None] | None",
}


def shaped(**kinds: str) -> Callable[[Type], Type]:
    """Adds fields: each of the kinds in each of the shapes."""

    def add(cls: Type) -> Type:
        for name, kind in kinds.items():
            for suffix, shape in SHAPES.items():
                cls.__annotations__[name + suffix] = shape.format(kind)
        return cls

    return add


def note(info: Info, *values: object) -> int:
    """This resolver runs, here and with these arguments. A number that tells such calls apart."""
    return int(info.context.noted(info.path, values))


Odd = NewType("Odd", str)


def odd_out(value: Any) -> Any:
    if value == "raises":
        raise ValueError("this odd value is refused")
    if value == "refuses":
        raise GraphQLError("this odd value is refused", extensions={"code": "ODD"})
    return None if value == "nothing" else [value]


def odd_in(value: Any) -> str:
    if value == "raises":
        raise ValueError("this odd value is not understood")
    return str(value)


SCALARS: dict[object, Any] = {Odd: strawberry.scalar(name="Odd", serialize=odd_out, parse_value=odd_in)}


@strawberry.enum
class Colour(enum.Enum):
    RED = "r"
    GREEN = strawberry.enum_value("g", name="VERT", deprecation_reason="say it in English")
    BLUE = "b"


@strawberry.enum
class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Allowed(BasePermission):
    message = "not this one"
    error_extensions = {"code": "FORBIDDEN"}  # noqa: RUF012

    def has_permission(self, source: Any, info: Info, **arguments: Any) -> bool:
        return note(info, "allowed", arguments) % 3 > 0


class AllowedLater(Allowed):
    async def has_permission(self, source: Any, info: Info, **arguments: Any) -> bool:  # type: ignore[override]
        return note(info, "allowed later") % 3 > 0


class Seen(FieldExtension):
    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **arguments: Any) -> Any:
        note(info, "seen", arguments)
        return next_(source, info, **arguments)


class Instead(FieldExtension):
    """Asks twice, or not at all."""

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **arguments: Any
    ) -> Any:
        if note(info, "instead") % 2:
            return None
        await next_(source, info, **arguments)
        return await next_(source, info, **arguments)


@strawberry.input
class Wish:
    number: int
    colours: list[Colour] = strawberry.field(default_factory=lambda: [Colour.RED])
    odd: Odd | None = None
    within: Wish | None = None


@strawberry.interface
class Thing:
    id: strawberry.ID
    label: str | None
    leaf: Leaf
    thing_or_none: Thing | None

    @strawberry.field
    def counted(self, info: Info, times: int = 1) -> int:
        return note(info, times) * times


@strawberry.interface
class Measured(Thing):
    width: int
    height: float | None


@strawberry.type
@shaped(number="int", ratio="float", text="str", is_set="bool", key="strawberry.ID")
class Leaf:
    secret: strawberry.Private[str]
    renamed: int = strawberry.field(name="otherwise")
    old: int | None = strawberry.field(deprecation_reason="there is number")
    usual: int = 7
    usual_text: str | None = "usual"


@strawberry.type
@shaped(colour="Colour", size="Size", moment="datetime", odd="Odd", any="JSON")
class Lamp(Measured):
    guarded: int = strawberry.field(permission_classes=[Allowed])
    watched: int | None = strawberry.field(extensions=[Seen()])


@strawberry.type
@shaped(leaf="Leaf", thing="Thing", lamp="Lamp", note="Note", measured="Measured")
class Crate(Thing):
    pair: Pair[Leaf]
    numbers: Pair[int] | None

    @strawberry.field
    def told(self, info: Info, wish: Wish | None = None, colour: Colour | None = Colour.BLUE) -> str:
        return f"{note(info, wish, colour)} {wish} {colour}"

    @strawberry.field
    async def awaited(self, info: Info, wishes: list[Wish] | None = None) -> Leaf | None:
        note(info, wishes)
        return await later(info, info.context.world.some("Leaf", info.path))

    @strawberry.field
    async def awaited_list(self, info: Info, at_most: int = 3) -> list[Thing]:
        note(info, at_most)
        found = info.context.world.some("[Thing!]!", info.path)
        return await later(info, found[:at_most] if isinstance(found, list) else found)

    @strawberry.field
    def raising(self, info: Info, odd: Odd | None = None) -> int:
        if (number := note(info, odd)) % 2:
            raise (
                GraphQLError("raised", extensions={"number": number}) if number % 3 else ValueError("raised")
            )
        return number

    @strawberry.field
    async def raising_later(self, info: Info) -> Leaf:
        if note(info) % 2:
            raise await later(info, KeyError("raised later"))
        return await later(info, info.context.world.some("Leaf!", info.path))

    @strawberry.field
    def returned(self, info: Info) -> int | None:
        return ValueError("returned") if note(info) % 2 else 5  # type: ignore[return-value]

    @strawberry.field(permission_classes=[Allowed, AllowedLater])
    async def guarded(self, info: Info, number: int = 0) -> Leaf | None:
        note(info, number)
        return await later(info, info.context.world.some("Leaf!", info.path))

    @strawberry.field(extensions=[PermissionExtension([Allowed()], fail_silently=True)])
    def hidden(self, info: Info) -> list[Leaf]:
        note(info)
        return info.context.world.some("[Leaf!]!", info.path)

    @strawberry.field(extensions=[Instead()])
    async def instead(self, info: Info) -> Thing | None:
        note(info)
        return info.context.world.some("Thing!", info.path)

    @strawberry.field
    def streamed(self, info: Info) -> list[Leaf]:
        note(info)
        return _streamed(info.context.world.some("[Leaf!]!", info.path))  # type: ignore[return-value]

    @strawberry.field
    def anything(self, info: Info) -> Anything | None:
        note(info)
        return info.context.world.some("Anything!", info.path)


async def later(info: Info, value: T) -> T:
    await info.context.turn(len(info.path.as_list()) % 3)
    return value


async def _streamed(values: list[Leaf]) -> AsyncGenerator[Leaf, None]:
    for value in values:
        yield value


@strawberry.type
class Trunk(Crate):
    """No type of the schema."""


@strawberry.type
@dataclass(slots=True)
class Note:
    text: str
    page: int | None
    leaf: Leaf
    nested: Anything | None


@strawberry.type
class Pair(Generic[T]):
    first: T
    second: T | None
    all: list[T]


@strawberry.type
class Stone:
    """Whatever has weight is a stone, unless it is -7."""

    weight: int
    next_or_none: Anything | None

    @classmethod
    def is_type_of(cls, value: Any, info: Any) -> bool:
        return hasattr(value, "weight") and value.weight != -7


@strawberry.interface
class Guessed:
    """What it is is told by the value, right or wrong."""

    guess: str
    other: Guessed | None

    @classmethod
    def resolve_type(cls, value: Any, info: Any, *_: Any) -> Any:
        return value.guess


@strawberry.type
class Hen(Guessed):
    eggs: list[Egg]


@strawberry.type
class Egg(Guessed):
    weight: int

    @classmethod
    def is_type_of(cls, value: Any, info: Any) -> Any:
        return info.context.world.sooner_or_later(isinstance(value, cls))


Anything = Annotated[Crate | Lamp | Stone | Note | Pair[Leaf], strawberry.union("Anything")]


@strawberry.type
@shaped(leaf="Leaf", thing="Thing", lamp="Lamp", anything="Anything", guessed="Guessed", crate="Crate")
class Hall:
    """Nothing but plain fields: what the root has to show."""


@strawberry.type
class Query:
    @strawberry.field
    def hall(self, info: Info) -> Hall:
        note(info)
        return info.context.world.some("Hall!", info.path)

    @strawberry.field
    async def things(self, info: Info, first: int = 2, wish: Wish | None = None) -> list[Thing]:
        note(info, first, wish)
        return await later(info, info.context.world.some("[Thing!]!", info.path))

    @strawberry.field
    async def crate_rows(self, info: Info) -> list[list[Crate]] | None:
        note(info)
        return await later(info, info.context.world.some("[[Crate!]!]!", info.path))

    @strawberry.field
    def anything(self, info: Info, key: strawberry.ID | None = None) -> Anything | None:
        note(info, key)
        return info.context.world.some("Anything", info.path)

    @strawberry.field
    def guesses(self, info: Info, colours: list[Colour] | None = None) -> list[Guessed | None] | None:
        note(info, colours)
        return info.context.world.some("[Guessed]", info.path)

    @strawberry.field
    async def number(self, info: Info, number: int, ratio: float | None = None) -> int | None:
        return note(info, number, ratio) % 100 + number

    plain: str = "plain"
    hall_at_root: Hall | None


@strawberry.type
class Mutation:
    @strawberry.mutation
    def build(self, info: Info, wish: Wish) -> Hall | None:
        note(info, wish)
        return info.context.world.some("Hall", info.path)

    @strawberry.mutation
    async def move(self, info: Info, to: int = 1) -> list[Thing | None]:
        note(info, to)
        return await later(info, info.context.world.some("[Thing]!", info.path))


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def halls(self, info: Info, count: int = 3) -> AsyncGenerator[Hall, None]:
        for number in range(min(count, 4)):
            note(info, number)
            yield info.context.world.some("Hall!", info.path, number)

    @strawberry.subscription
    async def maybe_things(self, info: Info, count: int = 3) -> AsyncGenerator[Thing | None, None]:
        for number in range(min(count, 4)):
            if note(info, number) % 50 == 0:
                raise ValueError("the stream is broken")
            yield info.context.world.some("Thing", info.path, number)
