"""Which subscriptions are watched in parts (`resolvers.parts`): their field says so itself, with `IN_PARTS`.

What does not say so is executed for each of its members, and streamed as it comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
)
from strawberry.types.field import StrawberryField

IN_PARTS = {"starling.parts": True}  # the `metadata` of such a field
Fragments = Mapping[str, FragmentDefinitionNode]


def are_in_parts(operation: OperationDefinitionNode, fragments: Fragments, schema: GraphQLSchema) -> bool:
    """Whether all is that a valid subscription selects."""
    fields = schema.subscription_type.fields if schema.subscription_type else {}
    return all(
        name in fields and _says_so(fields[name].extensions) for name in _selected(operation, fragments)
    )


def _says_so(extensions: Mapping[str, object]) -> bool:
    """Strawberry leaves its own field in the extensions of graphql-core's."""
    declared = extensions.get("strawberry-definition")
    return isinstance(declared, StrawberryField) and IN_PARTS.items() <= declared.metadata.items()


def _selected(
    parent: OperationDefinitionNode | FragmentDefinitionNode | InlineFragmentNode, fragments: Fragments
) -> Iterator[str]:
    """The names of the fields of the root, those of its fragments among them."""
    for node in parent.selection_set.selections:
        match node:
            case FieldNode():
                yield node.name.value
            case FragmentSpreadNode():
                yield from _selected(fragments[node.name.value], fragments)
            case InlineFragmentNode():
                yield from _selected(node, fragments)
