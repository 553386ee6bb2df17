"""Selections that are made from the schema itself, so that nothing is left out of them when it grows."""

from __future__ import annotations

from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

READS_FILES = "peaks"  # it asks the storage, and the database for nothing
NODES = "nodes"
EDGES = "edges { node"
FIRST = "first"


def connections(schema: GraphQLSchema) -> set[str]:
    """Every field that gives a page, such as `Query.jobs`."""
    return fields_of(schema, *(name for name in schema.type_map if name.endswith("Connection")))


def fields_of(schema: GraphQLSchema, *names: str) -> set[str]:
    """Every field that gives a value of one of these types, such as `Mutation.cancelJob`."""
    return {
        f"{parent.name}.{name}"
        for parent in schema.type_map.values()
        if isinstance(parent, GraphQLObjectType)
        for name, field in parent.fields.items()
        if get_named_type(field.type).name in names
    }


def everything(schema: GraphQLSchema, name: str, place: str = NODES) -> str:
    """All that can be selected of a type, in braces, but what leads back into a type that it lies in.

    `place` is where the rows of a page are looked at: NODES or EDGES.
    """
    found = schema.get_type(name)
    assert found is not None, name
    return _selection(found, place, frozenset())


def _selection(type_: GraphQLNamedType, place: str, around: frozenset[str]) -> str:
    if isinstance(type_, GraphQLUnionType):
        members = [
            f"... on {one.name} {_selection(one, place, around)}"
            for one in type_.types
            if one.name not in around
        ]
        return f"{{ __typename {' '.join(members)} }}"
    assert isinstance(type_, GraphQLObjectType), type_
    if type_.name.endswith("Connection"):
        return _page(type_, place, around)
    selected = []
    for name, field in type_.fields.items():
        below = get_named_type(field.type)
        if is_leaf_type(below):
            selected.append(name)
        elif below.name not in around:
            arguments = f"({FIRST}: 1)" if FIRST in field.args else ""
            selected.append(f"{name}{arguments} {_selection(below, place, around | {type_.name})}")
    return f"{{ {' '.join(name for name in selected if name != READS_FILES)} }}"


def _page(type_: GraphQLObjectType, place: str, around: frozenset[str]) -> str:
    node = get_named_type(type_.fields[NODES].type)
    if node.name in around:
        return "{ totalCount }"
    rows = f"{place} {_selection(node, place, around)}"
    end = "}" * place.count("{")
    return f"{{ totalCount pageInfo {{ hasNextPage startCursor endCursor }} {rows} {end} }}"
