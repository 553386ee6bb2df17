"""The variables that decide which fields are selected: those that @skip and @include ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)

CONDITIONS = frozenset({GraphQLSkipDirective.name, GraphQLIncludeDirective.name})


def conditions(
    operation: OperationDefinitionNode, fragments: Iterable[FragmentDefinitionNode]
) -> tuple[str, ...]:
    """Their names, each once; those of all fragments, spread or not."""
    sets = [operation.selection_set, *(fragment.selection_set for fragment in fragments)]
    return tuple(dict.fromkeys(name for one in sets for name in _asked(one)))


def _asked(selected: SelectionSetNode) -> Iterator[str]:
    for node in selected.selections:
        yield from _asked_by(node)
        if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
            yield from _asked(node.selection_set)


def _asked_by(node: SelectionNode) -> Iterator[str]:
    for directive in node.directives or ():
        if directive.name.value in CONDITIONS:
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    yield argument.value.name.value
