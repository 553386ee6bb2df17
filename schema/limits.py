"""How large an operation may be, checked before GraphQL's own validation (hostile documents slow it).

Fragments count as often as they are spread, by arithmetic: a bomb of them costs no more than its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

MAX_TOKENS = 4_000
MAX_DEPTH = 14
MAX_ALIASES = 60
MAX_DIRECTIVES = 60
MAX_FIELDS = 1_500
MAX_OPERATIONS = 20


@dataclass(frozen=True)
class Size:
    """What a selection amounts to, with its fragments spread out. Introspection counts for no depth."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0

    def beside(self, other: Size) -> Size:
        return Size(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


LIMITS = {"depth": MAX_DEPTH, "fields": MAX_FIELDS, "aliases": MAX_ALIASES, "directives": MAX_DIRECTIVES}
_SENTENCES = {
    "depth": "The operation is {found} levels deep; at most {limit} are allowed",
    "fields": "The operation selects {found} fields; at most {limit} are allowed",
    "aliases": "The operation has {found} aliases; at most {limit} are allowed",
    "directives": "The operation has {found} directives; at most {limit} are allowed",
}


def excesses(document: DocumentNode) -> list[GraphQLError]:
    """One error for each limit that an operation of the document is beyond."""
    fragments = fragments_of(document)
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) > MAX_OPERATIONS:
        return [
            GraphQLError(
                f"The document has {len(operations)} operations; at most {MAX_OPERATIONS} are allowed"
            )
        ]
    measure = _Measure(fragments)
    errors = []
    for operation in operations:
        size = measure.of(operation.selection_set)
        for name, limit in LIMITS.items():
            found = getattr(size, name)
            if found > limit:
                errors.append(GraphQLError(_SENTENCES[name].format(found=_shown(found), limit=limit)))
    return errors


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }


class _Measure:
    """Each fragment is measured once. A fragment within itself counts nothing: validation refuses it."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Size] = {}

    def of(self, selection_set: SelectionSetNode | None) -> Size:
        whole = Size()
        for selection in selection_set.selections if selection_set else ():
            size = Size(directives=len(selection.directives or ()))
            if isinstance(selection, FieldNode):
                size = size.beside(self._field(selection))
            elif isinstance(selection, InlineFragmentNode):
                size = size.beside(self.of(selection.selection_set))
            elif isinstance(selection, FragmentSpreadNode):
                size = size.beside(self._fragment(selection.name.value))
            whole = whole.beside(size)
        return whole

    def _field(self, field: FieldNode) -> Size:
        below = self.of(field.selection_set)
        depth = 0 if field.name.value.startswith("__") else below.depth + 1
        return Size(depth, below.fields + 1, below.aliases + bool(field.alias), below.directives)

    def _fragment(self, name: str) -> Size:
        if name not in self._known:
            self._known[name] = Size()
            fragment = self._fragments.get(name)
            self._known[name] = self.of(fragment.selection_set) if fragment else Size()
        return self._known[name]


def _shown(found: int) -> str:
    return str(found) if found < 10**6 else "more than a million"
