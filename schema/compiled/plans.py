"""Which walks were made for an operation, and how long they live.

A plan belongs to the parsed operation: it is found by the identity of the operation, of its fragments and of
the selected nodes, and it goes when the parsed operation goes: with the document of `schema.documents`, or
with the request that alone had it. The most recently used operations are kept, and few variants of each:
the values of the variables that @skip and @include ask for make one.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from dataclasses import dataclass, field

from graphql import FragmentDefinitionNode, GraphQLOutputType, GraphQLSchema, OperationDefinitionNode
from graphql.execution.collect_fields import FieldDetailsList

from schema.compiled.conditions import conditions
from schema.compiled.source import Collect, Walk, walk_of

MAX_OPERATIONS = 1_000
MAX_VARIANTS = 8
MAX_WALKS = 200  # of one variant: the runtime types of many lists, where no walk goes through them all


@dataclass
class Plan:
    """The walk for values of one selection, as one type; None where it is not plain."""

    walk: Walk | None
    has_surprised: bool = False


class Plans:
    """The plans of one operation, with the same fields selected: by type and nodes."""

    def __init__(self) -> None:
        self._plans: dict[tuple[object, ...], Plan] = {}

    def find(
        self, schema: GraphQLSchema, collect: Collect, type_: GraphQLOutputType, details: FieldDetailsList
    ) -> Plan:
        key = (type_, *[id(one.node) for one in details])
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= MAX_WALKS:
                self._plans.clear()
            plan = self._plans[key] = Plan(_made(schema, collect, type_, details))
        return plan

    def __len__(self) -> int:
        return len(self._plans)


@dataclass
class _Operation:
    """The fragments are held, and so is what their identity stands for; the operation must be free to go."""

    node: weakref.ref[OperationDefinitionNode]
    fragments: tuple[FragmentDefinitionNode, ...]
    conditions: tuple[str, ...]
    variants: dict[tuple[object, ...], Plans] = field(default_factory=dict)


class Operations:
    """The plans of one schema's operations."""

    def __init__(self, most: int = MAX_OPERATIONS) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[int, ...], _Operation] = OrderedDict()

    def plans(
        self,
        node: OperationDefinitionNode,
        fragments: dict[str, FragmentDefinitionNode],
        variables: dict[str, object],
    ) -> Plans:
        operation = self._operation(node, tuple(fragments.values()))
        variant = tuple(variables.get(name) for name in operation.conditions)
        plans = operation.variants.get(variant)
        if plans is None:
            if len(operation.variants) >= MAX_VARIANTS:
                operation.variants.clear()
            plans = operation.variants[variant] = Plans()
        return plans

    def __len__(self) -> int:
        return len(self._kept)

    def _operation(
        self, node: OperationDefinitionNode, fragments: tuple[FragmentDefinitionNode, ...]
    ) -> _Operation:
        key = (id(node), *map(id, fragments))
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known
        gone = weakref.ref(node, lambda _: self._kept.pop(key, None))
        known = self._kept[key] = _Operation(gone, fragments, conditions(node, fragments))
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return known


def _made(
    schema: GraphQLSchema, collect: Collect, type_: GraphQLOutputType, details: FieldDetailsList
) -> Walk | None:
    """None where it is not plain. What else goes wrong graphql-core meets where it matters, and says so."""
    try:
        return walk_of(schema, collect, type_, details)[0]
    except Exception:
        return None
