"""What an operation answered, in a form that is equal only where a client and the resolvers saw the same."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError

_ADDRESS = re.compile(r"0x[0-9a-f]+")


@dataclass(frozen=True)
class Answer:
    """`calls` are the resolvers that ran, in order, each with its path and its arguments."""

    data: Any
    errors: tuple[Any, ...] = ()
    extensions: Any = None
    calls: tuple[Any, ...] = field(default=())

    @classmethod
    def of(cls, result: Any, calls: list[Any]) -> Answer:
        return cls(
            exact(result.data),
            tuple(told(error) for error in result.errors or ()),
            exact(result.extensions),
            tuple(calls),
        )


def exact(value: Any) -> Any:
    """With the order of keys, and the type of each value: 1, 1.0 and True differ, and so do [] and ()."""
    if isinstance(value, dict):
        return type(value).__name__, tuple((key, exact(each)) for key, each in value.items())
    if isinstance(value, list | tuple):
        return type(value).__name__, tuple(exact(each) for each in value)
    return type(value).__name__, _ADDRESS.sub("0x", repr(value))


def told(error: GraphQLError) -> tuple[Any, ...]:
    """All that an error says, and what it was made from."""
    nodes = tuple((node.kind, node.loc.start, node.loc.end) for node in error.nodes or () if node.loc)
    cause = error.original_error
    return (
        _ADDRESS.sub("0x", error.message),
        exact(error.path),
        tuple((place.line, place.column) for place in error.locations or ()),
        nodes,
        tuple(error.positions or ()),
        exact(error.extensions),
        error.source and error.source.body,
        (type(cause).__name__, _ADDRESS.sub("0x", str(cause))),
    )


def differences(stock: Answer, compiled: Answer) -> list[str]:
    """One sentence for each part that differs; none where the answers are equal."""
    parts = ("data", "errors", "extensions", "calls")
    return [
        f"{part}: stock {getattr(stock, part)!r}\n  compiled {getattr(compiled, part)!r}"
        for part in parts
        if getattr(stock, part) != getattr(compiled, part)
    ]
