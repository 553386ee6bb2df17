"""From the text of a document to what was parsed, limited and validated; kept by text.

Only valid documents are kept, and no more text than `MAX_KEPT_CHARACTERS` in all: the least used go.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from schema.cost import Cost, excess
from schema.limits import excesses, fragments_of

MAX_KEPT_CHARACTERS = 2_000_000
MAX_ERRORS = 20
ABORTED = "Validation aborted."  # how graphql-core ends what would take it too long
TOO_INTRICATE = "The document is too intricate to be validated: select each field once, in fewer fragments"
# built once: a rule class made for each request would defeat every cache
RULES: tuple[type[ASTValidationRule], ...] = (
    *specified_rules,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


@dataclass
class Document:
    """A valid document. The cost of an operation is kept where no variable takes part in it."""

    tree: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    costs: dict[str | None, int] = field(default_factory=dict)

    def excess(
        self, schema: GraphQLSchema, operation_name: str | None, variables: Mapping[str, Any]
    ) -> GraphQLError | None:
        points = self.costs.get(operation_name)
        if points is None:
            cost = Cost(schema, self.fragments, self.operations[operation_name], variables)
            points = cost.points
            if not cost.varies:
                self.costs[operation_name] = points
        return excess(points)


class Documents:
    """The valid documents of one schema by their text."""

    def __init__(self, most_characters: int = MAX_KEPT_CHARACTERS) -> None:
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0
        self._most_characters = most_characters
        self.hits = 0

    def find(self, text: str) -> Document | None:
        document = self._kept.get(text)
        if document is not None:
            self._kept.move_to_end(text)
            self.hits += 1
        return document

    def keep(self, text: str, document: Document) -> None:
        if text in self._kept or len(text) > self._most_characters // 10:
            return
        self._kept[text] = document
        self._characters += len(text)
        while self._characters > self._most_characters:
            oldest, _ = self._kept.popitem(last=False)
            self._characters -= len(oldest)

    def __len__(self) -> int:
        return len(self._kept)


def checked(schema: GraphQLSchema, tree: DocumentNode) -> Document | list[GraphQLError]:
    """The limits first: the rules of GraphQL are quadratic in places, but quick within the limits."""
    errors = excesses(tree) or validate(schema, tree, RULES, max_errors=MAX_ERRORS)
    if any(error.message == ABORTED for error in errors):
        return [GraphQLError(TOO_INTRICATE)]
    return errors or Document(tree, operations_of(tree), fragments_of(tree))


def operations_of(tree: DocumentNode) -> dict[str | None, OperationDefinitionNode]:
    """By name; the first one is also there without a name, for requests that name none."""
    found: dict[str | None, OperationDefinitionNode] = {}
    for node in tree.definitions:
        if isinstance(node, OperationDefinitionNode):
            found.setdefault(None, node)
            if node.name is not None:
                found.setdefault(node.name.value, node)
    return found
