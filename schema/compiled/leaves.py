"""How a scalar or an enum is completed: lines of source that take and leave the value in one variable.

The built-in scalars give back what they get, for one exact Python type each. Other scalars are asked for
every value, and only about builtin types, which are neither errors nor awaitable. Enums are looked up by what
graphql-core says of each of their members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import NoneType
from uuid import UUID
from zoneinfo import ZoneInfo

from graphql import GraphQLEnumType, GraphQLLeafType, GraphQLScalarType
from graphql.type import scalars
from strawberry.schema.schema_converter import CustomGraphQLEnumType

from schema import scalars as scalars_of_ours
from schema.compiled.plain import NotPlain, is_inert

# a value of exactly one of these is neither an error, nor null, nor to be awaited
ORDINARY = frozenset(
    {str, int, float, bool, bytes, dict, list, tuple, date, datetime, time, timedelta, Decimal, UUID}
)
# orjson writes a moment in one of these without fail, and `datetime_out` is orjson's own text
ZONES = (timezone, ZoneInfo, NoneType)
Named = Callable[[str, object], str]  # makes a value known to the source, and gives the name it has there


def lines(
    type_: GraphQLLeafType, x: str, fail: str, named: Named, *, moments_stay: bool = False
) -> list[str]:
    """`fail` is the statement that raises the surprise, `x` the variable. With `moments_stay` a moment is
    left to orjson, which writes the very text that the scalar would have it write."""
    if isinstance(type_, GraphQLEnumType):
        names = named("names", _names_of_members(type_))
        return [f"{x} = {names}.get(id({x}))", f"if {x} is None: {fail}"]
    match type_.coerce_output_value:
        case scalars.serialize_string | scalars.serialize_id:
            return [f"if type({x}) is not str: {fail}"]
        case scalars.serialize_boolean:
            return [f"if type({x}) is not bool: {fail}"]
        case scalars.serialize_int:
            low, high = scalars.GRAPHQL_MIN_INT, scalars.GRAPHQL_MAX_INT
            return [f"if type({x}) is not int or not {low} <= {x} <= {high}: {fail}"]
        case scalars.serialize_float as coerce:
            return _float(x, fail, named("coerce", coerce))
        case scalars_of_ours.datetime_out as coerce if moments_stay:
            custom = _custom(type_, x, fail, named("coerce", coerce), named("ordinary", ORDINARY))
            return [f"if {_does_not_stay(x, named)}:", *(f"    {line}" for line in custom)]
        case coerce:
            return _custom(type_, x, fail, named("coerce", coerce), named("ordinary", ORDINARY))


def _does_not_stay(x: str, named: Named) -> str:
    zone = f"{x}.tzinfo"  # UTC is asked first, the others are found more slowly
    is_other = f"{zone} is not {named('utc', UTC)} and not isinstance({zone}, {named('zones', ZONES)})"
    return f"type({x}) is not {named('datetime', datetime)} or ({is_other})"


def _float(x: str, fail: str, coerce: str) -> list[str]:
    return [
        f"if type({x}) is not float:",
        f"    if type({x}) is not int: {fail}",
        f"    {x} = {coerce}({x})",
        f"elif {x} - {x} != 0.0: {fail}",  # not a number, or infinite
    ]


def _custom(type_: GraphQLScalarType, x: str, fail: str, coerce: str, ordinary: str) -> list[str]:
    if type(type_) is not GraphQLScalarType:
        raise NotPlain
    return [
        f"if type({x}) not in {ordinary}: {fail}",
        f"{x} = {coerce}({x})",
        f"if type({x}) not in {ordinary}: {fail}",
    ]


def _names_of_members(type_: GraphQLEnumType) -> dict[int, str]:
    """By identity: each member is one object for as long as its class lives, and that is the schema's."""
    if type(type_) is not CustomGraphQLEnumType or not is_inert(type_.wrapped_cls):
        raise NotPlain
    names = {}
    members: Iterable[object] = type_.wrapped_cls.__members__.values()
    for member in members:
        try:
            names[id(member)] = type_.coerce_output_value(member)
        except Exception:  # noqa: S112  (no value of the enum: a surprise, should it be served)
            continue
    return names
