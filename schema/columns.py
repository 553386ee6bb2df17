"""How the attributes of an object are made of its row: a function for each; `schema.lookahead` chooses.

What goes wrong with one attribute is that attribute's own affair: it holds the exception, which graphql-core
raises where the attribute is read, at exactly its path. So one bad row, or one load that fails, takes away
what it is about, and of a mutation that is done, or of a subscription that goes on, nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from operator import attrgetter
from typing import Any, TypeVar

from graphql import GraphQLError

Columns = Mapping[str, Callable[[Any], Any]]  # by attribute: what it is for a row
Member = TypeVar("Member", bound=Enum)


class NoColumn(LookupError):
    """A field without a resolver is selected, and nothing says how it is made of a row."""


def attributes(*names: str) -> Columns:
    """Columns that are the row's attributes of the same name."""
    return {name: attrgetter(name) for name in names}


def members(enum: type[Member]) -> Callable[[object], Member]:
    """A member by its value, as calling the class gives it; a page asks often enough for that to tell."""
    return {member.value: member for member in enum}.__getitem__


async def loaded(columns: Awaitable[Columns], *names: str) -> Columns:
    """Columns that have to be loaded; if that fails, each of the names holds why, in every row."""
    try:
        return await columns
    except NoColumn:
        raise
    except Exception as error:
        return dict.fromkeys(names, _failed(error))


def held(column: Callable[[Any], Any], row: Any) -> Any:
    """What the column makes of the row, or the exception that it raises."""
    try:
        return column(row)
    except Exception as error:
        return error


def _failed(error: Exception) -> Callable[[Any], GraphQLError]:
    """One for each row: an exception that is raised for many gathers the tracebacks of all."""
    return lambda row: GraphQLError(str(error), original_error=error)
