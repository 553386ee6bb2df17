"""The schema, built once each way, and its text."""

from __future__ import annotations

from functools import cache

from strawberry.schema.config import StrawberryConfig

from schema.mutation import Mutation
from schema.operation import Operation
from schema.query import Query
from schema.scalars import SCALARS
from schema.starling import StarlingSchema
from schema.subscription import Subscription


@cache
def schema(*, compiled: bool = True) -> StarlingSchema:
    """`compiled` is that of `StarlingSchema`."""
    return StarlingSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extensions=[Operation],
        compiled=compiled,
        config=StrawberryConfig(scalar_map=SCALARS),
    )


def sdl() -> str:
    """The schema as text, without a line break at its end."""
    return schema().as_str()
