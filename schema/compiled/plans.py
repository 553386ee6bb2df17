"""Which walks were made for an operation, and how long they live.

A plan belongs to the parsed operation: it is found by the identity of the operation, of its fragments and of
the selected nodes, and it goes when the parsed operation goes: with the document of `schema.documents`, or
with the request that alone had it. The most recently used operations are kept, and variants of each: the
values of the variables that @skip and @include ask for make one.
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
MAX_FIELDS = 50_000  # in all that is kept, each walk counts as one more
MAX_VARIANTS = 32
MAX_PLANS = 2_000  # of one variant
MANY = 20  # items of a list: a field is compiled in the time that graphql-core needs to complete ten
_Key: TypeAlias = tuple[object, ...]


class Plans:
    """The walks of one operation with the same fields selected; None where a selection is not plain.

    Nodes are told apart by identity: their operation and its fragments are alive as long as anybody asks.
    Each change of `weight` is told to `grow`.
    """

    def __init__(self, grow: Callable[[int], None], *, moments_stay: bool = False) -> None:
        self._grow = grow
        self._moments_stay = moments_stay
        self._values: dict[_Key, Walk | None] = {}
        self._fields: dict[_Key, Walk | None] = {}
        self.pays = False
        self.told: set[str] = set()
        self.weight = 0

    def pays_for(self, value: object) -> bool:
        """Whether to compile, from now on. Nobody else is served meanwhile, and a client that writes values
        into its documents never sends one again: it pays when this one comes again (`pays` is set then), or
        at once where a list is long."""
        if not self.pays and (type(value) is list or type(value) is tuple):
            self.pays = len(value) >= MANY
        return self.pays

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

    def let_go(self) -> int:
        """Its weight. Whoever walks by it goes on doing so; what it grows from now on counts nowhere."""
        self._grow = _uncounted
        return self.weight

    def _keep(
        self, kept: dict[_Key, Walk | None], key: _Key, source: Source, make: Callable[[], Walk]
    ) -> None:
        """What is not plain raises; what goes wrong otherwise, graphql-core meets where it matters."""
        if len(kept) >= MAX_PLANS:
            self._values.clear()
            self._fields.clear()
            self._weigh(-self.weight)
        try:
            kept[key] = make()
        except Exception:
            kept[key] = None
        self._weigh(1 if kept[key] is None else 1 + source.fields)

    def _weigh(self, more: int) -> None:
        self.weight += more
        self._grow(more)


def _uncounted(_: int) -> None:
    """Of plans that nobody keeps."""


@dataclass
class _Operation:
    """Its fragments are held, for they are told apart by identity; the operation itself is free to go."""

    node: weakref.ref[OperationDefinitionNode]
    fragments: tuple[FragmentDefinitionNode, ...]
    conditions: tuple[str, ...]
    variants: OrderedDict[_Key, Plans] = field(default_factory=OrderedDict)


class Operations:
    """The plans of one schema's operations; `weight` is the fields of all walks that are kept."""

    def __init__(self, most: int = MAX_OPERATIONS, most_fields: int = MAX_FIELDS) -> None:
        self._most, self._most_fields = most, most_fields
        self._kept: OrderedDict[_Key, _Operation] = OrderedDict()
        self._gone: deque[_Key] = deque()  # noted at any moment; taken out when nothing goes through `_kept`
        self.weight = 0

    def plans(
        self,
        node: OperationDefinitionNode,
        fragments: dict[str, FragmentDefinitionNode],
        variables: dict[str, object],
        *,
        moments_stay: bool = False,
    ) -> Plans:
        """Those of the operation that comes with these variables: asked for once each time that it comes."""
        operation = self._operation(node, tuple(fragments.values()))
        known = operation.variants
        variant = (moments_stay, *[variables.get(name) for name in operation.conditions])
        if variant in known:
            known.move_to_end(variant)
            known[variant].pays = True
        else:
            if len(known) >= MAX_VARIANTS:
                self._let_go(known.popitem(last=False)[1])
            known[variant] = Plans(self._grew, moments_stay=moments_stay)
        return known[variant]

    def __len__(self) -> int:
        self._forget_gone()
        return len(self._kept)

    def _operation(
        self, node: OperationDefinitionNode, fragments: tuple[FragmentDefinitionNode, ...]
    ) -> _Operation:
        self._forget_gone()
        key = (id(node), *map(id, fragments))
        if key in self._kept:
            self._kept.move_to_end(key)
        else:
            if len(self._kept) >= self._most:
                self._drop_oldest()
            gone = self._gone
            reference = weakref.ref(node, lambda _: gone.append(key))
            self._kept[key] = _Operation(reference, fragments, conditions(node, fragments))
        return self._kept[key]

    def _forget_gone(self) -> None:
        """Before an identity is looked up: that of what is gone may have been given to another by now."""
        while self._gone:
            key = self._gone.popleft()
            known = self._kept.get(key)
            if known is not None and known.node() is None:
                self._let_go(*self._kept.pop(key).variants.values())

    def _grew(self, fields: int) -> None:
        """Walks were made: the operation that they are for goes last, but it goes if it alone is too much."""
        self.weight += fields
        while self._kept and self.weight > self._most_fields:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, oldest = self._kept.popitem(last=False)
        self._let_go(*oldest.variants.values())

    def _let_go(self, *all_plans: Plans) -> None:
        self.weight -= sum(plans.let_go() for plans in all_plans)
