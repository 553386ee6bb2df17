"""The schema, built once, and its text."""

from __future__ import annotations

from functools import cache

from strawberry.schema.config import StrawberryConfig

from schema.mutation import Mutation
from schema.operation import Operation
from schema.query import Query
from schema.scalars import SCALARS
from schema.starling import Execution, StarlingSchema
from schema.subscription import Subscription


@cache
def schema() -> StarlingSchema:
    return StarlingSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extensions=[Operation],
        execution_context_class=Execution,
        config=StrawberryConfig(scalar_map=SCALARS),
    )


def sdl() -> str:
    """The schema as text, without a line break at its end."""
    return schema().as_str()
