"""How an operation is executed: by graphql-core, but for what is said here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any, cast

from graphql import (
    ExecutionResult,
    Executor,
    GraphQLAbstractType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    OperationType,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.compiled.selections import NOT_WALKED, Selections, Walks
from schema.deadline import in_time


class Execution(StrawberryGraphQLCoreExecutionContext):
    """Lists and objects go the compiled way where there is one (`schema.compiled`), else graphql-core's.

    `moments_stay` is for who gives `data` to `orjson.dumps`, without options: it may hold moments then, which
    orjson writes as the same text, at a tenth of the price.
    """

    def __init__(self, *args: Any, moments_stay: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self._moments_stay = moments_stay

    def execute_operation(self, serially: bool | None = None) -> Any:
        """A query has its deadline here, whichever way it came. A mutation has none: it may be half done."""
        result = super().execute_operation(serially)
        if self.operation.operation is OperationType.QUERY and self.is_awaitable(result):
            return in_time(cast(Awaitable[ExecutionResult], result))
        return result

    def build_per_event_executor(self, payload: Any) -> Executor:
        """Nothing of one event is kept for the next: as it comes, each event of a subscription leaves behind
        what it found out of the document, a kilobyte, until the subscription ends."""
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        details: FieldDetailsList,
        path: Path,
        position: Any,
    ) -> Any:
        """Of an object that is not completed in one go; the fields of the root never are."""
        walks = self._walks if path.prev is not None else None
        completed = NOT_WALKED if walks is None else walks.field(self, parent_type, details, source)
        if completed is NOT_WALKED:
            return super().execute_field(parent_type, source, details, path, position)
        return completed

    def complete_list_value(
        self,
        return_type: GraphQLList,
        details: FieldDetailsList,
        info: GraphQLResolveInfo,
        path: Path,
        result: Any,
        position: Any,
    ) -> Any:
        by_core = super().complete_list_value
        return self._completed(by_core, return_type, details, info, path, result, position)

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo,
        path: Path,
        result: Any,
        position: Any,
    ) -> Any:
        by_core = super().complete_object_value
        return self._completed(by_core, return_type, details, info, path, result, position)

    def complete_abstract_value(
        self,
        return_type: GraphQLAbstractType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo,
        path: Path,
        result: Any,
        position: Any,
    ) -> Any:
        by_core = super().complete_abstract_value
        return self._completed(by_core, return_type, details, info, path, result, position)

    def _completed(
        self,
        by_core: Callable[..., Any],
        type_: GraphQLOutputType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo,
        path: Path,
        value: Any,
        position: Any,
    ) -> Any:
        walks = self._walks
        completed = NOT_WALKED if walks is None else walks.value(self, type_, details, info, value)
        if completed is NOT_WALKED:
            return by_core(type_, details, info, path, value, position)
        return completed

    @cached_property
    def _walks(self) -> Walks | None:
        """Found when the first value is completed; for each event of a subscription anew, which counts as its
        operation coming again."""
        selections: Selections = self.schema._strawberry_schema.selections  # type: ignore[attr-defined]
        return selections.walks(self, moments_stay=self._moments_stay)
