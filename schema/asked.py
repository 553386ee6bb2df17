"""What every operation has around it: loaders of its own, the kept document, the limits, its tallies, and
errors as clients see them.

`schema.answering` goes by it straight, `schema.operation` through Strawberry's hooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse

from resolvers.context import Context
from schema.documents import SEVERAL, checked, operations_of
from schema.errors import presented
from schema.limits import MAX_TOKENS
from schema.tallies import Measured

if TYPE_CHECKING:
    from schema.starling import StarlingSchema


class Asked:
    """One operation that somebody asks for, with a context of its own: what it loads is nobody else's.

    `tree` is known from the start where the document is kept.
    """

    def __init__(
        self, schema: StarlingSchema, text: str, variables: dict[str, Any] | None, context: Context
    ) -> None:
        self.context = context
        self._schema = schema
        self._text = text
        self._variables = variables or {}
        self._measured = Measured(self.context.services.tallies, is_part=context.part is not None)
        self._document = schema.documents.find(text)
        self.tree: DocumentNode | None = None if self._document is None else self._document.tree

    def parsed(self) -> DocumentNode:
        """Raises GraphQLError."""
        if self.tree is None:
            self.tree = parse(self._text, max_tokens=MAX_TOKENS)
        return self.tree

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """That of the name, the first without a name. Raises GraphQLError where the text is no document."""
        if self._document is not None:
            return self._document.operations.get(name)
        return operations_of(self.parsed()).get(name)

    def refusals(self, name: str | None) -> list[GraphQLError]:
        """Why the operation that the client names may not run. If there is nothing, it counts as running."""
        errors = self._refusals(name)
        operation = None if errors else self.operation(name)
        if operation is not None:
            own_name = None if operation.name is None else operation.name.value
            self._measured.begins(operation.operation.value, own_name)
        return errors

    def sends(self) -> None:
        """One result of several goes out."""
        self._measured.sends()

    def presented(self, errors: list[GraphQLError] | None) -> list[GraphQLError] | None:
        """The same errors as the client may see them; they are counted."""
        if not errors:
            return errors
        found = [presented(error, self.tree, self.context.request_id) for error in errors]
        self._measured.refuses(found)
        return found

    def ends(self) -> None:
        """It has ended, in whichever way."""
        self._measured.ends()

    def _refusals(self, name: str | None) -> list[GraphQLError]:
        if self._document is None:
            found = checked(self._schema.core, self.parsed())
            if isinstance(found, list):
                return found
            self._document = found
            self._schema.documents.keep(self._text, found)
        if name is None and self._document.is_choice:
            return [GraphQLError(SEVERAL)]
        excess = self._document.excess(self._schema.core, name, self._variables)
        return [] if excess is None else [excess]
