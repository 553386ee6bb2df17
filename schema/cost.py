"""What an operation may cost: the number of values that it can answer with, by the page sizes it asks for.

A field counts 1, times the `first` of every connection above it (a plain list counts as a few). So the limit
holds for nested pages, which depth and length alone let pass. Where page sizes are variables, they count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from domain.pages import MAX_PAGE

MAX_COST = 50_000
LIST_LENGTH = 4  # what a list without pages usually holds: stages, outputs, features
PAGE_ARGUMENT = "first"
COUNT_ARGUMENT = "count"  # values of one list, cheap each
VALUES_A_POINT = 100
COST_EXCEEDED = "COST_EXCEEDED"


def excess(cost: int) -> GraphQLError | None:
    if cost <= MAX_COST:
        return None
    return GraphQLError(
        f"The operation may answer with {cost} values; at most {MAX_COST} are allowed: ask for smaller pages",
        extensions={"code": COST_EXCEEDED, "cost": cost, "limit": MAX_COST},
    )


class Cost:
    """The cost of one operation of a valid document. `varies` says whether variables took part in it."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = _with_defaults(operation, variables)
        self.varies = False
        self._known: dict[tuple[str, str], int] = {}
        root = schema.get_root_type(operation.operation)
        self.points = self._selected(operation.selection_set, root) if root else 0

    def _selected(self, selection_set: SelectionSetNode | None, parent: GraphQLNamedType) -> int:
        points = 0
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FieldNode):
                points += self._field(selection, parent)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = self._schema.get_type(condition.name.value) if condition else parent
                points += self._selected(selection.selection_set, inner or parent)
            elif isinstance(selection, FragmentSpreadNode):
                points += self._fragment(selection.name.value)
        return points

    def _fragment(self, name: str) -> int:
        fragment = self._fragments[name]
        condition = fragment.type_condition.name.value
        if (name, condition) not in self._known:
            parent = self._schema.get_type(condition)
            self._known[name, condition] = self._selected(fragment.selection_set, parent) if parent else 0
        return self._known[name, condition]

    def _field(self, node: FieldNode, parent: GraphQLNamedType) -> int:
        field: GraphQLField | None = getattr(parent, "fields", {}).get(node.name.value)
        if field is None:  # __typename and introspection
            return 1
        below = self._selected(node.selection_set, get_named_type(field.type))
        if COUNT_ARGUMENT in field.args:
            return 1 + self._whole(node, field, COUNT_ARGUMENT, 10**6) // VALUES_A_POINT
        return 1 + below * self._length(node, field)

    def _length(self, node: FieldNode, field: GraphQLField) -> int:
        if PAGE_ARGUMENT in field.args:
            return self._whole(node, field, PAGE_ARGUMENT, MAX_PAGE)
        is_page = node.name.value in ("edges", "nodes")  # counted at the connection
        return LIST_LENGTH if is_list_type(get_nullable_type(field.type)) and not is_page else 1

    def _whole(self, node: FieldNode, field: GraphQLField, name: str, most: int) -> int:
        """What the argument will be, at least 1 and at most `most` (beyond it the resolver refuses)."""
        given = next(
            (argument.value for argument in node.arguments or () if argument.name.value == name), None
        )
        value: Any = field.args[name].default_value
        if isinstance(given, IntValueNode):
            value = int(given.value)
        elif isinstance(given, VariableNode):
            self.varies = True
            value = self._variables.get(given.name.value, value)
        return min(max(value, 1), most) if isinstance(value, int) else most


def _with_defaults(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {
        definition.variable.name.value: int(definition.default_value.value)
        for definition in operation.variable_definitions or ()
        if isinstance(definition.default_value, IntValueNode)
    }
    return {**defaults, **variables}
