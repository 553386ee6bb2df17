"""One schema twice, compiled and stock, and what each makes of an operation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from graphql import DocumentNode, parse
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionResult

from domain.tallies import Tallies
from schema.scalars import SCALARS
from schema.starling import StarlingSchema
from schema.tallies import COMPILED


@dataclass
class Context:
    """Of one operation: what its resolvers serve, and what was counted. A `document` was parsed before."""

    value: Any = None
    document: DocumentNode | None = None
    tallies: Tallies = field(default_factory=Tallies)
    seen: list[str] = field(default_factory=list)

    @property
    def services(self) -> SimpleNamespace:
        return SimpleNamespace(tallies=self.tallies)

    def count(self, outcome: str) -> int:
        return int(self.tallies.totals().get((COMPILED.name, outcome), 0))


class Parsed(SchemaExtension):
    """The operation has been parsed before, so it may come again."""

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = getattr(self.execution_context.context, "document", None)
        yield


@dataclass
class Run:
    """What came of one operation, in words that tell any two outcomes apart."""

    result: ExecutionResult
    context: Context

    @property
    def told(self) -> str:
        errors = [(repr(e.formatted), repr(e.original_error)) for e in self.result.errors or ()]
        return repr((self.result.data, errors))


class Sides:
    def __init__(self, query: type, **options: Any) -> None:
        config = StrawberryConfig(scalar_map=SCALARS)
        self.compiled, self.stock = (
            StarlingSchema(query=query, compiled=compiled, config=config, extensions=[Parsed], **options)
            for compiled in (True, False)
        )

    async def both(self, text: str, value: Any = None, variables: dict[str, Any] | None = None) -> Run:
        """The compiled outcome; the stock one was the same."""
        return await self.made(text, lambda: value, variables)

    async def made(self, text: str, make: Callable[[], Any], variables: dict[str, Any] | None = None) -> Run:
        """The same where a value can be served only once: each run has its own. An operation that comes for
        the first time is new: the compiled outcome is that of the second."""
        tree = parse(text)
        new = await self._run(self.compiled, text, Context(make(), tree), variables)
        run = await self._run(self.compiled, text, Context(make(), tree), variables)
        stock = await self._run(self.stock, text, Context(make(), tree), variables)
        assert new.told == run.told == stock.told
        assert stock.context.tallies.totals() == {}
        return run

    async def events(self, text: str, value: Any) -> list[Run]:
        """The compiled outcomes of a subscription; the stock ones were the same."""
        context = Context(value)
        runs = [Run(result, context) async for result in await self._events(self.compiled, text, context)]
        stock = await self._events(self.stock, text, Context(value))
        assert [run.told for run in runs] == [Run(result, context).told async for result in stock]
        return runs

    async def _events(
        self, schema: StarlingSchema, text: str, context: Context
    ) -> AsyncIterator[ExecutionResult]:
        stream: Any = await schema.subscribe(text, context_value=context)
        assert isinstance(stream, AsyncGenerator)
        return stream

    async def _run(
        self, schema: StarlingSchema, text: str, context: Context, variables: dict[str, Any] | None
    ) -> Run:
        return Run(await schema.execute(text, variables, context), context)
