"""What makes two subscriptions identical: the document's text, the operation, its variables, and the viewer.

Variables that the operation declares count by their value, in any order; others are not even kept. One
that is nothing but the `after` of a subscription does not count: it says where a reader begins, and those who
have come up to now are all at the same place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    VariableNode,
)

from domain.accounts import Viewer
from resolvers.context import Context
from schema.limits import fragments_of
from schema.live.declared import are_in_parts
from schema.tallies import ANONYMOUS

AFTER = "after"


@dataclass(frozen=True, slots=True)
class Request:
    """One operation as a client asks for it."""

    text: str
    operation_name: str | None
    variables: dict[str, Any] | None
    context: Context

    def with_only(self, declared: Collection[str]) -> Request:
        """Without what the operation knows nothing of: a client may send any amount of that."""
        given = self.variables or {}
        if given.keys() <= set(declared):
            return self
        return replace(self, variables={name: given[name] for name in given if name in declared})


@dataclass(frozen=True, slots=True)
class Key:
    text: str
    operation_name: str | None
    variables: bytes  # a digest: they may be long
    viewer: Viewer

    @classmethod
    def of(cls, request: Request, cursors: Collection[str]) -> Key:
        counting = {name: value for name, value in (request.variables or {}).items() if name not in cursors}
        try:
            variables = json.dumps(counting, sort_keys=True)
        except RecursionError:  # as deep as a parser takes them: like nobody else's
            variables = f"of {id(request)}"
        digest = hashlib.sha256(variables.encode()).digest()
        return cls(request.text, request.operation_name, digest, request.context.viewer)


@dataclass(frozen=True, slots=True)
class Shape:
    """What matters here of a valid operation. `cursors` are the variables that do not count, of those that
    are `declared`."""

    is_subscription: bool
    name: str
    declared: frozenset[str] = frozenset()
    cursors: frozenset[str] = frozenset()
    is_in_parts: bool = False  # a subscription, of whose fields each is watched so


def shape_of(tree: DocumentNode, operation_name: str | None, schema: GraphQLSchema) -> Shape:
    operation = _operation(tree, operation_name)
    name = operation.name.value if operation.name else ANONYMOUS
    declared = frozenset(defined.variable.name.value for defined in operation.variable_definitions or ())
    if operation.operation is not OperationType.SUBSCRIPTION:
        return Shape(False, name, declared)
    is_in_parts = are_in_parts(operation, fragments_of(tree), schema)
    return Shape(True, name, declared, frozenset(_cursors(tree, schema)), is_in_parts)


def _operation(tree: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [node for node in tree.definitions if isinstance(node, OperationDefinitionNode)]
    return next((node for node in operations if node.name and node.name.value == name), operations[0])


def _cursors(tree: DocumentNode, schema: GraphQLSchema) -> set[str]:
    """Variables that stand at `after` of a subscription's field, and nowhere else in the document."""
    fields = schema.subscription_type.fields if schema.subscription_type else {}
    begin = {name for name, field in fields.items() if AFTER in field.args}
    at_after: set[str] = set()
    elsewhere: set[str] = set()
    for name, is_cursor in _uses(tree, begin, False):
        (at_after if is_cursor else elsewhere).add(name)
    return at_after - elsewhere


def _uses(node: Node, begin: Collection[str], is_at_after: bool) -> Iterator[tuple[str, bool]]:
    """Each use of a variable, and whether it is the whole of such an argument."""
    if isinstance(node, VariableNode):
        yield node.name.value, is_at_after
        return
    for key in node.keys:
        if isinstance(node, VariableDefinitionNode) and key == "variable":
            continue
        below: Any = getattr(node, key, None)
        for child in below if isinstance(below, list | tuple) else (below,):
            if isinstance(child, Node):
                yield from _uses(child, begin, _is_after(node, key, child, begin, is_at_after))


def _is_after(parent: Node, key: str, child: Node, begin: Collection[str], so_far: bool) -> bool:
    """Only from the field down to its argument, and from that to its value."""
    if isinstance(parent, FieldNode):
        return key == "arguments" and parent.name.value in begin and _named(child) == AFTER
    return so_far and key == "value" and isinstance(child, VariableNode)


def _named(node: Node) -> str:
    name: Any = getattr(node, "name", None)
    return str(name.value)
