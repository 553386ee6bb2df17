"""From the text of a document to what was parsed, limited and validated; kept by text.

Only valid documents are kept, and no more than weigh `MAX_KEPT_BYTES` in all: the least used go. A tree
weighs up to 200 times its text, and 617 bytes a token at most (a field is one token and two nodes; by
tracemalloc), so tokens are what is counted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from sys import getsizeof
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

MAX_KEPT_BYTES = 50_000_000
BYTES_A_TOKEN = 650  # with the nodes that are made of it
MAX_ERRORS = 20
ABORTED = "Validation aborted."  # how graphql-core ends what would take it too long
SEVERAL = "Must provide operation name if query contains multiple operations."  # graphql-core's own words
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

    @property
    def is_choice(self) -> bool:
        """Whether a request has to name one of several operations."""
        return len(self.operations) > 2  # each by its name, and the first without

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

    def __init__(self, most_bytes: int = MAX_KEPT_BYTES) -> None:
        self._kept: OrderedDict[str, tuple[Document, int]] = OrderedDict()
        self._bytes = 0
        self._most_bytes = most_bytes
        self.hits = 0

    def find(self, text: str) -> Document | None:
        kept = self._kept.get(text)
        if kept is None:
            return None
        self._kept.move_to_end(text)
        self.hits += 1
        return kept[0]

    def keep(self, text: str, document: Document) -> None:
        weight = weight_of(text, document.tree)
        if text in self._kept or weight > self._most_bytes // 10:
            return
        self._kept[text] = document, weight
        self._bytes += weight
        while self._bytes > self._most_bytes:
            _, (_, lost) = self._kept.popitem(last=False)
            self._bytes -= lost

    def __len__(self) -> int:
        return len(self._kept)


def checked(schema: GraphQLSchema, tree: DocumentNode) -> Document | list[GraphQLError]:
    """The limits first: the rules of GraphQL are quadratic in places, but quick within the limits."""
    errors = excesses(tree) or validate(schema, tree, RULES, max_errors=MAX_ERRORS)
    if any(error.message == ABORTED for error in errors):
        return [GraphQLError(TOO_INTRICATE)]
    return errors or Document(tree, operations_of(tree), fragments_of(tree))


def weight_of(text: str, tree: DocumentNode) -> int:
    """Bytes, rather too many than too few. Comments are tokens too; the text of strings is kept twice."""
    tokens = 0
    token = tree.loc.start_token if tree.loc else None
    while token is not None:
        tokens += 1
        token = token.next
    return 2 * getsizeof(text) + BYTES_A_TOKEN * tokens


def operations_of(tree: DocumentNode) -> dict[str | None, OperationDefinitionNode]:
    """By name; the first one is also there without a name."""
    found: dict[str | None, OperationDefinitionNode] = {}
    for node in tree.definitions:
        if isinstance(node, OperationDefinitionNode):
            found.setdefault(None, node)
            if node.name is not None:
                found.setdefault(node.name.value, node)
    return found
