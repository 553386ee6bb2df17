"""Strawberry's schema with what ours has besides: the documents that it knows already."""

from __future__ import annotations

from functools import cached_property

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.types.execution import ExecutionContext

from schema.documents import Documents


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
