"""`schema.asked` as an extension of Strawberry's, for what goes its way: every operation of a socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from strawberry.extensions import SchemaExtension

from schema.asked import Asked
from schema.limits import MAX_TOKENS

if TYPE_CHECKING:
    from strawberry.types.execution import StreamExecutionResult


class Operation(SchemaExtension):
    """One instance serves one operation."""

    _streamed = False

    def on_operation(self) -> Iterator[None]:
        now = self.execution_context
        context = now.context = now.context.fresh()
        self._asked = Asked(now.schema, now.query or "", now.variables, context)  # type: ignore[arg-type]
        now.parse_options = {"max_tokens": MAX_TOKENS}
        try:
            yield
            result = now.result
            if result is not None and not self._streamed:
                result.errors = self._asked.presented(result.errors)
        finally:
            self._asked.ends()

    def on_parse(self) -> Iterator[None]:
        """A kept document is parsed no more. Others are parsed by Strawberry, that knows how to refuse."""
        self.execution_context.graphql_document = self._asked.tree
        yield
        self._asked.tree = self.execution_context.graphql_document

    def on_validate(self) -> Iterator[None]:
        now = self.execution_context
        now.pre_execution_errors = self._asked.refusals(now._provided_operation_name)
        yield

    def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:
        self._streamed = True
        self._asked.sends()
        if errors := getattr(result, "errors", None):
            result.errors = self._asked.presented(errors)  # type: ignore[union-attr]
        yield
