"""Which walks were made for an operation, and how long they live.

A plan belongs to the parsed operation: it is found by the identity of the operation, of its fragments and of
the selected nodes, and it goes when the parsed operation goes: with the document of `schema.documents`, or
with the request that alone had it. The most recently used operations are kept, and few variants of each:
the values of the variables that @skip and @include ask for make one.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from graphql import (
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import FieldDetailsList

from schema.compiled.conditions import conditions
from schema.compiled.source import Collect, Source, Walk

MAX_OPERATIONS = 1_000
MAX_FIELDS = 50_000  # in all that is kept
MAX_VARIANTS = 8
MAX_PLANS = 2_000  # of one variant
_Key: TypeAlias = tuple[object, ...]


class Plans:
    """The walks of one operation with the same fields selected; None where a selection is not plain.

    Nodes are told apart by identity: their operation and its fragments are alive as long as anybody asks.
    """

    def __init__(self, *, moments_stay: bool = False) -> None:
        self._moments_stay = moments_stay
        self._values: dict[_Key, Walk | None] = {}
        self._fields: dict[_Key, Walk | None] = {}
        self.told: set[str] = set()
        self.weight = 0

    def value(
        self, schema: GraphQLSchema, collect: Collect, type_: GraphQLOutputType, details: FieldDetailsList
    ) -> Walk | None:
        """For values of the type that those nodes select from."""
        key = (type_, *[id(one.node) for one in details])
        if key not in self._values:
            source = Source(schema, collect, moments_stay=self._moments_stay)
            self._keep(self._values, key, source, lambda: source.value(type_, details))
        return self._values[key]

    def field(
        self, schema: GraphQLSchema, collect: Collect, parent: GraphQLObjectType, details: FieldDetailsList
    ) -> Walk | None:
        """For the objects that have the field of those nodes."""
        key = (parent, *[id(one.node) for one in details])
        if key not in self._fields:
            source = Source(schema, collect, moments_stay=self._moments_stay)
            self._keep(self._fields, key, source, lambda: source.field(parent, details))
        return self._fields[key]

    def _keep(
        self, kept: dict[_Key, Walk | None], key: _Key, source: Source, make: Callable[[], Walk]
    ) -> None:
        """What is not plain raises; what goes wrong otherwise, graphql-core meets where it matters."""
        if len(kept) >= MAX_PLANS:
            kept.clear()
        try:
            kept[key] = make()
            self.weight += source.fields
        except Exception:
            kept[key] = None


@dataclass
class _Operation:
    """Its fragments are held, for they are told apart by identity; the operation itself is free to go."""

    node: weakref.ref[OperationDefinitionNode]
    fragments: tuple[FragmentDefinitionNode, ...]
    conditions: tuple[str, ...]
    variants: dict[_Key, Plans] = field(default_factory=dict)

    def plans(self, variables: dict[str, object], moments_stay: bool) -> Plans:
        variant = (moments_stay, *[variables.get(name) for name in self.conditions])
        if variant not in self.variants:
            if len(self.variants) >= MAX_VARIANTS:
                self.variants.clear()
            self.variants[variant] = Plans(moments_stay=moments_stay)
        return self.variants[variant]


class Operations:
    """The plans of one schema's operations."""

    def __init__(self, most: int = MAX_OPERATIONS, most_fields: int = MAX_FIELDS) -> None:
        self._most, self._most_fields = most, most_fields
        self._kept: OrderedDict[_Key, _Operation] = OrderedDict()
        self._gone: deque[_Key] = deque()  # noted at any moment; taken out when nothing goes through `_kept`

    def plans(
        self,
        node: OperationDefinitionNode,
        fragments: dict[str, FragmentDefinitionNode],
        variables: dict[str, object],
        *,
        moments_stay: bool = False,
    ) -> Plans:
        self._forget_gone()
        key = (id(node), *map(id, fragments.values()))
        if key in self._kept:
            self._kept.move_to_end(key)
        else:
            self._make_room()
            parts, gone = tuple(fragments.values()), self._gone
            reference = weakref.ref(node, lambda _: gone.append(key))
            self._kept[key] = _Operation(reference, parts, conditions(node, parts))
        return self._kept[key].plans(variables, moments_stay)

    @property
    def weight(self) -> int:
        """The fields of all walks that are kept."""
        return sum(plans.weight for one in self._kept.values() for plans in one.variants.values())

    def __len__(self) -> int:
        self._forget_gone()
        return len(self._kept)

    def _forget_gone(self) -> None:
        """Before an identity is looked up: that of what is gone may have been given to another by now."""
        while self._gone:
            key = self._gone.popleft()
            known = self._kept.get(key)
            if known is not None and known.node() is None:
                del self._kept[key]

    def _make_room(self) -> None:
        while self._kept and (len(self._kept) >= self._most or self.weight > self._most_fields):
            self._kept.popitem(last=False)
