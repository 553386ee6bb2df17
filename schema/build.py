"""The schema, built once, and its text."""

from __future__ import annotations

from functools import cache

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from schema.documents import Documents
from schema.mutation import Mutation
from schema.operation import Operation
from schema.query import Query
from schema.scalars import SCALARS
from schema.subscription import Subscription


class StarlingSchema(strawberry.Schema):
    """With the documents that it knows already."""

    def __init__(self) -> None:
        super().__init__(
            query=Query,
            mutation=Mutation,
            subscription=Subscription,
            extensions=[Operation],
            config=StrawberryConfig(scalar_map=SCALARS),
        )
        self.documents = Documents()

    @property
    def core(self) -> GraphQLSchema:
        return self._schema

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Logs nothing: `schema.errors` logs faults of ours, a client's mistake is not worth a line."""


@cache
def schema() -> StarlingSchema:
    return StarlingSchema()


def sdl() -> str:
    """The schema as text, without a line break at its end."""
    return schema().as_str()
