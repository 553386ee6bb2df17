"""What surrounds each operation: its loaders, the kept document, the limits, errors as clients see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graphql import GraphQLError
from strawberry.extensions import SchemaExtension

from resolvers.context import Context
from schema.documents import Document, checked
from schema.errors import presented
from schema.limits import MAX_TOKENS
from schema.starling import StarlingSchema
from schema.tallies import Measured

if TYPE_CHECKING:
    from strawberry.types.execution import StreamExecutionResult


class Operation(SchemaExtension):
    """One instance serves one operation."""

    _streamed = False
    _document: Document | None = None

    def on_operation(self) -> Iterator[None]:
        self._context: Context = self.execution_context.context.fresh()
        self.execution_context.context = self._context
        self.execution_context.parse_options = {"max_tokens": MAX_TOKENS}
        self._measured = Measured(self._context.services.tallies)
        try:
            yield
            result = self.execution_context.result
            if result is not None and not self._streamed:
                result.errors = self._presented(result.errors)
        finally:
            self._measured.ends()

    def on_parse(self) -> Iterator[None]:
        """A kept document is parsed no more. Others are parsed by the schema, that knows how to refuse."""
        self._document = self._schema.documents.find(self.execution_context.query or "")
        if self._document is not None:
            self.execution_context.graphql_document = self._document.tree
        yield

    def on_validate(self) -> Iterator[None]:
        errors = self.execution_context.pre_execution_errors = self._errors()
        if not errors:
            now = self.execution_context
            self._measured.begins(now.operation_type.value, now.operation_name)
        yield

    def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:
        self._streamed = True
        self._measured.sends()
        if errors := getattr(result, "errors", None):
            result.errors = self._presented(errors)  # type: ignore[union-attr]
        yield

    @property
    def _schema(self) -> StarlingSchema:
        return self.execution_context.schema  # type: ignore[return-value]

    def _errors(self) -> list[GraphQLError]:
        now = self.execution_context
        if self._document is None:
            assert now.graphql_document is not None
            found = checked(self._schema.core, now.graphql_document)
            if isinstance(found, list):
                return found
            self._document = found
            self._schema.documents.keep(now.query or "", found)
        excess = self._document.excess(self._schema.core, now.operation_name, now.variables or {})
        return [] if excess is None else [excess]

    def _presented(self, errors: list[GraphQLError] | None) -> list[GraphQLError] | None:
        if not errors:
            return errors
        tree = self.execution_context.graphql_document
        found = [presented(error, tree, self._context.request_id) for error in errors]
        self._measured.refuses(found)
        return found
