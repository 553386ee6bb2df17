"""Strawberry's schema with what ours has besides: the documents that it knows, and how it executes."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.types.execution import ExecutionContext

from schema.compiled.selections import Selections
from schema.documents import Documents
from schema.execution import Execution
from schema.operation import Operation


class StarlingSchema(strawberry.Schema):
    """`schema.build` fills it; `schema.asked` is what each operation of it has around it.

    `compiled` says whether selections of plain attributes are compiled; without it graphql-core does all.
    """

    def __init__(self, *args: Any, compiled: bool = True, **options: Any) -> None:
        options.setdefault("execution_context_class", Execution)
        super().__init__(*args, **options)
        self.selections = Selections(self, compiled=compiled)

    @cached_property
    def documents(self) -> Documents:
        return Documents()

    @property
    def core(self) -> GraphQLSchema:
        return self._schema

    @cached_property
    def is_direct(self) -> bool:
        """Whether nothing but our own `Operation` goes around an operation, so that `schema.answering` may
        answer without Strawberry's machinery for extensions."""
        is_ours = list(self.extensions) == [Operation] and not self.directives
        return is_ours and not self.config.enable_experimental_incremental_execution

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Logs nothing: `schema.errors` logs faults of ours, a client's mistake is not worth a line."""
