"""One schema twice, stock and compiled, and how an operation is run on either."""

from __future__ import annotations

import asyncio
import gc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from graphql import DocumentNode, parse
from graphql.execution.executor import Executor
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from domain.tallies import Tallies
from resolvers.context import Context
from schema.starling import StarlingSchema
from schema.tallies import COMPILED
from tests.differential.comparison import Answer
from tests.differential.graphs import World
from tests.differential.operations import Operation
from tests.differential.things import SCALARS, Egg, Hen, Mutation, Query, Subscription

# graphql-core cancels the siblings of a field that failed; what those had not begun is never awaited. Both
# ways leave the same behind.
abandoned = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
TURNS_LEFT = 6  # what a failed operation leaves behind ends within so many turns of the loop


class Kept(SchemaExtension):
    """What is played is parsed once, so that plans may be kept for it, and is believed to be valid."""

    known: ClassVar[dict[str | None, DocumentNode]] = {}

    @classmethod
    def learn(cls, text: str) -> None:
        cls.known = {text: parse(text)}

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = self.known.get(self.execution_context.query)
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield


def swept() -> None:
    """Garbage goes now; what stays is frozen, so that the next sweep looks only at what is new."""
    gc.collect()
    gc.freeze()


NOBODY: Any = None


@dataclass
class Run(Context):
    """The context of one operation, that notes which resolvers ran."""

    world: World = field(kw_only=True)
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def noted(self, path: Any, values: object) -> int:
        call = (path.typename, *path.as_list(), repr(values))
        self.calls.append(call)
        return zlib.crc32(repr(call).encode()) % 10_000

    async def turn(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    async def settled(self) -> None:
        """What a failed operation leaves behind has ended, and is swept."""
        await self.turn(TURNS_LEFT)
        swept()


@dataclass(frozen=True)
class Side:
    """`services` are as many as an operation needs here."""

    schema: StarlingSchema
    services: Any = field(default_factory=lambda: SimpleNamespace(tallies=Tallies()))

    async def answer(self, operation: Operation, variables: dict[str, Any], world: World) -> Answer:
        run = Run(NOBODY, self.services, "a request", world=world)
        result = await self.schema.execute(operation.text, variables, run, world.root, operation.name)
        await run.settled()
        return Answer.of(result, run.calls)

    async def events(self, operation: Operation, variables: dict[str, Any], world: World) -> list[Answer]:
        """What a subscription answered with, event by event."""
        run = Run(NOBODY, self.services, "a request", world=world)
        found = []
        async for result in await self.schema.subscribe(operation.text, variables, run, None, operation.name):
            await run.settled()
            found.append(Answer.of(result, run.calls))
        return found

    def completed(self, outcome: str) -> int:
        return completed(self.services.tallies, outcome)


def completed(tallies: Tallies, outcome: str) -> int:
    """Lists and objects by who completed them: compiled, surprised or not_plain."""
    return int(tallies.totals().get((COMPILED.name, outcome), 0))


@dataclass(frozen=True)
class Sides:
    stock: Side
    compiled: Side

    @classmethod
    def of(cls, *extensions: Any, **config: Any) -> Sides:
        return cls(*(Side(_schema(is_compiled, extensions, config)) for is_compiled in (False, True)))


def _schema(is_compiled: bool, extensions: tuple[Any, ...], config: dict[str, Any]) -> StarlingSchema:
    return StarlingSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Hen, Egg],
        extensions=list(extensions),
        compiled=is_compiled,
        config=StrawberryConfig(scalar_map=SCALARS, **config),
    )


@dataclass
class Fields:
    """How many fields graphql-core executed itself, one by one."""

    count: int = 0

    def taken(self) -> int:
        taken, self.count = self.count, 0
        return taken


@contextmanager
def executed_fields() -> Iterator[Fields]:
    """Compiled fields are those that are missing here."""
    fields = Fields()
    execute_field = Executor.execute_field

    def counting(self: Any, *args: Any, **options: Any) -> Any:
        fields.count += 1
        return execute_field(self, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Executor, "execute_field", counting)
        yield fields
