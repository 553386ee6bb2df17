"""Strawberry's schema with what ours has besides: the documents that it knows already."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import strawberry
from graphql import Executor, GraphQLError, GraphQLSchema
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.execution import ExecutionContext

from schema.documents import Documents


class Execution(StrawberryGraphQLCoreExecutionContext):
    def build_per_event_executor(self, payload: Any) -> Executor:
        """Nothing of one event is kept for the next: as it comes, each event of a subscription leaves behind
        what it found out of the document, a kilobyte, until the subscription ends."""
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor


class StarlingSchema(strawberry.Schema):
    """`schema.build` fills it; `schema.operation` runs around each operation of it."""

    @cached_property
    def documents(self) -> Documents:
        return Documents()

    @property
    def core(self) -> GraphQLSchema:
        return self._schema

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Logs nothing: `schema.errors` logs faults of ours, a client's mistake is not worth a line."""
