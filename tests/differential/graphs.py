"""Random values for the types of a schema: an object graph that is right, but for its mischief.

`World` holds a few objects of each type, that refer to each other; the same seed makes the same world again.
Its `mischief` is the share of values that nobody declared so: of a wrong type, missing, raised, returned as
an exception, awaited, a generator in place of a list.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any

import strawberry
from graphql import (
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    parse_type,
)
from graphql.utilities import type_from_ast

from tests.differential.things import Colour, Size, Trunk

DEFINITION = "strawberry-definition"
OF_EACH_TYPE = 2
MISSING = object()
EPOCH = datetime(2026, 1, 1)


class Whole(int):
    pass


class Words(str):
    pass


class Spoken(str):
    def __str__(self) -> str:
        return "spoken"


class Several(list[Any]):
    pass


class Backwards(list[Any]):
    def __iter__(self) -> Any:
        return reversed(self)


class Loose(dict[str, Any]):
    pass


class Raised:
    """An attribute that raises when it is read."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Later:
    """Can be awaited, as often as one likes."""

    def __init__(self, value: Any, turns: int) -> None:
        self._value = value
        self._turns = turns

    def __await__(self) -> Generator[None, None, Any]:
        for _ in range(self._turns):
            yield
        if isinstance(self._value, Raised):
            raise self._value.error
        return self._value


class Posing:
    """Says that it is of the other's class, and has its attributes."""

    def __init__(self, other: Any) -> None:
        self._other = other

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._other)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._other, name)


async def _slowly(values: list[Any]) -> AsyncGenerator[Any, None]:
    for value in values:
        yield value


LEAVES: Mapping[str, Callable[[random.Random], Any]] = {
    "Int": lambda rng: rng.choice((0, 1, -7, 2**31 - 1, -(2**31))),
    "Float": lambda rng: rng.choice((0.0, 0.5, -1e300, 3, 2**60)),
    "String": lambda rng: rng.choice(("", "word", "\u2603", 'a"b\\')),
    "Boolean": lambda rng: rng.random() < 0.5,
    "ID": lambda rng: rng.choice(("", "7", "an id")),
    "DateTime": lambda rng: EPOCH + timedelta(seconds=rng.randrange(10)),
    "Odd": lambda rng: rng.choice(("odd", "", "other")),
    "JSON": lambda rng: rng.choice(("x", 1, 1.5, [], {"b": 1, "a": [None, True]}, {}, False)),
}
STRANGE: tuple[Callable[[], Any], ...] = (
    lambda: 2**31,
    lambda: -(2**31) - 1,
    lambda: 2**53 + 1,
    lambda: 2**2000,
    lambda: float("nan"),
    lambda: float("-inf"),
    lambda: 3.0,
    lambda: -0.0,
    lambda: 3.5,
    lambda: 1,
    lambda: 1.0,
    lambda: True,
    lambda: "LARGE",
    lambda: Size.LARGE,
    lambda: Spoken("written"),
    lambda: strawberry.UNSET,
    lambda: Undefined,
    lambda: "12",
    lambda: "",
    lambda: "raises",
    lambda: "refuses",
    lambda: "nothing",
    lambda: "r",
    lambda: "RED",
    lambda: Whole(4),
    lambda: Words("words"),
    lambda: Decimal("1.5"),
    lambda: Decimal(3),
    lambda: b"bytes",
    lambda: 1j,
    lambda: Colour.BLUE,
    lambda: EPOCH,
    lambda: object,
    lambda: len,
    lambda: lambda: 5,
    dict,
    lambda: Loose(id="7", text="loose", weight=1),
    lambda: SimpleNamespace(id="7", text="simple", weight=1, guess="Hen"),
    lambda: SimpleNamespace(__typename="Lamp", id="8", label=None),
    list,
    lambda: [None],
    lambda: [[1], ["x"]],
)
# by type, what is taken for it most easily
NEARLY: Mapping[str, tuple[Any, ...]] = {
    "Int": (2**31, -(2**31) - 1, True, 3.0, 3.5, "12", Whole(4)),
    "Float": (float("nan"), float("inf"), True, "1.5", 2**2000, Whole(4)),
    "String": (5, True, 1.5, Words("words"), Spoken("written"), b"bytes"),
    "Boolean": (1, 0, 1.0, "true", None),
    "ID": (5, 2.0, True, Words("words"), Whole(4)),
    "Odd": ("raises", "refuses", "nothing", Words("raises")),
    "DateTime": ("2026-01-01", 5, EPOCH.date()),
    "Colour": ("r", "RED", Size.SMALL, "VERT"),
    "Size": (1, True, 2.0, "LARGE", Colour.RED),
}


def _errors(number: int) -> list[Exception]:
    return [
        ValueError(f"a value {number}"),
        GraphQLError("of GraphQL", extensions={"number": number}),
        GraphQLError("placed", path=["elsewhere", number]),
        KeyError("key"),
        AttributeError("attribute"),
        StopIteration("stop"),
        StopAsyncIteration("stop"),
        RecursionError("deep"),
        TimeoutError(),
    ]


class World:
    def __init__(self, schema: GraphQLSchema, seed: int, mischief: float) -> None:
        self._schema = schema
        self._seed = seed
        self._mischief = mischief
        self._rng = random.Random(seed)
        self._favourite = self._rng.random()
        self._is_late = self._rng.random() < mischief
        kept = [each for each in schema.type_map.values() if _is_kept(schema, each)]
        self._pool = {each.name: [_bare(each) for _ in range(OF_EACH_TYPE)] for each in kept}
        for each in kept:
            for thing in self._pool[each.name]:
                self._fill(thing, each)

    @property
    def root(self) -> Any:
        return self._pool["Query"][0]

    def some(self, type_text: str, *place: object) -> Any:
        """A value of the type for a resolver: the same one for the same place."""
        self._rng = random.Random(f"{self._seed} {place}")
        return self._value(_type(self._schema, type_text))

    def sooner_or_later(self, value: Any) -> Any:
        return Later(value, 1) if self._is_late else value

    def _fill(self, thing: Any, type_: Any) -> None:
        for each in type_.fields.values():
            definition = each.extensions[DEFINITION]
            if definition.base_resolver is None:
                self._set(thing, definition.python_name, self._value(each.type, type_.name))

    def _set(self, thing: Any, name: str, value: Any) -> None:
        if isinstance(value, Raised):
            thing.__class__ = _raising(type(thing), name, value.error)
        elif value is not MISSING:
            is_true = name == "guess" and self._rng.random() >= self._mischief
            setattr(thing, name, type(thing).__name__ if is_true else value)

    def _value(self, type_: Any, owner: str = "") -> Any:
        """There are many more leaves than objects, so objects are wrong more often."""
        is_leaf = is_leaf_type(get_named_type(type_))
        if self._rng.random() < (self._mischief if is_leaf else min(5 * self._mischief, 0.15)):
            return self._wrong(type_)
        return self._right(type_)

    def _right(self, type_: Any) -> Any:
        if is_non_null_type(type_):
            return self._present(type_.of_type)
        return None if self._rng.random() < 0.15 else self._present(type_)

    def _present(self, type_: Any) -> Any:
        if is_list_type(type_):
            return [self._value(type_.of_type) for _ in range(self._rng.choice((0, 1, 2, 2, 3)))]
        if is_enum_type(type_):
            return self._rng.choice(list(type_.extensions[DEFINITION].wrapped_cls))
        if is_leaf_type(type_):
            return LEAVES[type_.name](self._rng)
        if is_abstract_type(type_):
            type_ = self._rng.choice(self._schema.get_possible_types(type_))
        return self._rng.choice(self._pool[type_.name])

    def _wrong(self, type_: Any) -> Any:
        rng = self._rng
        inner = type_.of_type if is_non_null_type(type_) else type_
        match rng.randrange(13):
            case 0:
                return None
            case 1:
                return rng.choice(_errors(rng.randrange(9)))
            case 2:
                return Raised(rng.choice(_errors(rng.randrange(9))))
            case 3:
                return Later(self._value(type_), rng.randrange(3))
            case 4:
                return rng.choice(STRANGE)()
            case 5:
                return MISSING
        if is_list_type(inner):
            return self._wrong_list(self._present(inner))
        if is_leaf_type(inner):
            return self._pick(NEARLY.get(inner.name, (None, object())))
        return self._wrong_object(self._present(inner))

    def _pick(self, ways: Sequence[Any]) -> Any:
        """Each world has its favourites, so that something rare is frequent in some of them."""
        return self._rng.choice((ways[int(self._favourite * len(ways))], self._rng.choice(ways)))

    def _wrong_list(self, items: list[Any]) -> Any:
        ways: tuple[Callable[[], Any], ...] = (
            lambda: tuple(items),
            lambda: (item for item in items),
            lambda: iter(items),
            lambda: _slowly(items),
            lambda: Several(items),
            lambda: Backwards(items),
            lambda: deque(items),
            lambda: dict(enumerate(items)),
            lambda: dict(enumerate(items)).values(),
            lambda: [items],
            lambda: items[0] if items else None,
            lambda: range(2),
        )
        return self._pick(ways)()

    def _wrong_object(self, right: Any) -> Any:
        cls = type(right)
        ways: tuple[Callable[[], Any], ...] = (
            lambda: Posing(right),
            lambda: dict(getattr(right, "__dict__", {})),
            lambda: SimpleNamespace(**getattr(right, "__dict__", {})),
            lambda: self._rng.choice(self._pool[self._rng.choice(list(self._pool))]),
            lambda: _copied(right, type(cls.__name__, (cls,), {"__slots__": ()})),
            lambda: _cast(right, self._any_class()),
            lambda: cls,
            lambda: _copied(right, Trunk),
            lambda: [right],
        )
        return self._pick(ways)()

    def _any_class(self) -> type:
        return type(self._pool[self._rng.choice(("Crate", "Lamp"))][0])


def _is_kept(schema: GraphQLSchema, type_: Any) -> bool:
    is_ours = isinstance(type_, GraphQLObjectType) and DEFINITION in type_.extensions
    return is_ours and type_ not in (schema.mutation_type, schema.subscription_type)


def _bare(type_: Any) -> Any:
    """An object without attributes: what is not set is the default of its class, or missing."""
    return object.__new__(type_.extensions[DEFINITION].origin)


def _copied(thing: Any, cls: type) -> Any:
    if not hasattr(thing, "__dict__"):
        return thing
    copy: Any = object.__new__(cls)
    copy.__dict__.update(thing.__dict__)
    return copy


def _cast(thing: Any, to: type) -> Any:
    copy = _copied(thing, type(thing))
    return thing if copy is thing else strawberry.cast(to, copy)


def _raising(cls: type, name: str, error: Exception) -> type:
    """A subclass whose attribute raises, of the same layout, so that an object may become one."""

    def read(self: Any) -> Any:
        raise error

    return type(cls.__name__, (cls,), {"__slots__": (), name: property(read)})


@cache
def _type(schema: GraphQLSchema, text: str) -> Any:
    return type_from_ast(schema, parse_type(text))
