"""For which versions of graphql-core and Strawberry selections may be compiled.

What is overridden and what the proofs look at is not public there. On any other pair of versions graphql-core
completes everything, as if selections had never been compiled; `docs/serving.md` says how a pair gets known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version
from types import CodeType
from typing import Any

from strawberry import Schema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.union import StrawberryUnion

KNOWN_VERSIONS = frozenset({("3.3.2", "0.341.2")})


def installed() -> tuple[str, str]:
    return version("graphql-core"), version("strawberry-graphql")


def obstacle(schema: Schema, versions: tuple[str, str] | None = None) -> str | None:
    """Why no selection of this schema may be compiled, or None."""
    core, strawberry = found = versions or installed()
    if found not in KNOWN_VERSIONS:
        return f"graphql-core {core} with strawberry-graphql {strawberry} is not a pair that it is known for"
    if schema.config.enable_experimental_incremental_execution:
        return "@defer and @stream are on"
    return None


def _inner(function: Callable[..., Any], name: str) -> frozenset[CodeType]:
    """The code of the functions of that name which `function` makes: what they are known by ever after."""
    return frozenset(_inner_codes(function.__code__, name))


def _inner_codes(code: CodeType, name: str) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_name == name:
                yield constant
            yield from _inner_codes(constant, name)


# how Strawberry resolves a field without a resolver, and finds the type of a value where nobody told it how
READS_ONE_ATTRIBUTE = _inner(GraphQLCoreConverter.from_resolver, "_get_basic_result")
IS_TYPE_OF_BY_CLASS = _inner(GraphQLCoreConverter.from_object, "is_type_of")
INTERFACE_TYPE_BY_CLASS = _inner(GraphQLCoreConverter.from_interface, "resolve_type")
UNION_TYPE_BY_CLASS = _inner(StrawberryUnion.get_type_resolver, "_resolve_union_type")
