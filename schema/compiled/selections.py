"""What one schema has compiled: whether there can be anything, how it went, what is counted and logged of it.

A selection that surprises is completed by graphql-core: right, but many times slower, and nobody would see
it. So each time is counted, and the first is a line in the log.
"""

from __future__ import annotations

import logging
from typing import Any

from graphql import Executor, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.execute import assume_not_awaitable
from graphql.pyutils.is_awaitable import is_awaitable
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable

from domain.tallies import Tallies
from schema.compiled.gate import obstacle
from schema.compiled.plans import Operations, Plans
from schema.compiled.source import Surprise
from schema.tallies import COMPILED

NOT_WALKED = object()
MAX_WARNINGS = 100
_KNOWN: tuple[object, ...] = (optimized_is_awaitable, is_awaitable, assume_not_awaitable)

log = logging.getLogger(__name__)


class Selections:
    """`operations` is None where nothing of this schema is compiled."""

    def __init__(self, schema: Schema, *, compiled: bool = True) -> None:
        why_not = obstacle(schema) if compiled else None
        self.operations = Operations() if compiled and why_not is None else None
        self._warnings = 0
        self._is_hindered = why_not is not None
        self._told_why_not = False
        if why_not is not None:
            log.warning("no selection is compiled, large pages will be slow: %s", why_not)

    def walks(self, executor: Executor, *, moments_stay: bool = False) -> Walks | None:
        """What there is for the operation of this executor."""
        tallies = _tallies(executor.context_value)
        if self.operations is None:
            if self._is_hindered:
                _count(tallies, "off")
            return None
        why_not = _hindrance(executor)
        if why_not is not None:
            _count(tallies, "off")
            if not self._told_why_not:
                self._told_why_not = True
                log.warning("no selection of an operation is compiled, large pages will be slow: %s", why_not)
            return None
        try:
            plans = self.operations.plans(
                executor.operation,
                executor.fragment_definitions,
                executor.variable_values.coerced,
                moments_stay=moments_stay,
            )
        except TypeError:  # a variable that cannot be a key: the document was never validated
            return None
        if not plans.pays:
            _count(tallies, "new")
        return Walks(self, plans, tallies)

    def tell(self, plans: Plans, place: str, surprise: Exception) -> None:
        """Of a place's first surprise loudly, unless there are too many places. Values are not logged."""
        where = str(surprise) if isinstance(surprise, Surprise) else f"{type(surprise).__name__} in {place}"
        is_first = where not in plans.told and self._warnings < MAX_WARNINGS
        plans.told.add(where)
        self._warnings += is_first
        log.log(
            logging.WARNING if is_first else logging.DEBUG,
            "a compiled selection did not expect what is at %s: graphql-core completes it, many times slower",
            where,
        )


class Walks:
    """Those of one operation. `NOT_WALKED` in place of a value: graphql-core has to complete it."""

    def __init__(self, selections: Selections, plans: Plans, tallies: Tallies | None) -> None:
        self._selections, self._plans, self._tallies = selections, plans, tallies

    def value(
        self,
        executor: Executor,
        type_: GraphQLOutputType,
        details: FieldDetailsList,
        info: GraphQLResolveInfo,
        value: Any,
    ) -> Any:
        """A list, an object, or an object of an interface or union type, completed."""
        if not self._plans.pays_for(value):
            return NOT_WALKED
        walk = self._plans.value(executor.schema, executor.collect_subfields, type_, details)
        if walk is None:
            _count(self._tallies, "not_plain")
            return NOT_WALKED
        try:
            completed = walk(value)
        except Exception as surprise:
            self._surprised(f"{info.parent_type.name}.{info.field_name}", surprise)
            return NOT_WALKED
        _count(self._tallies, "compiled")
        return completed

    def field(
        self, executor: Executor, parent: GraphQLObjectType, details: FieldDetailsList, source: Any
    ) -> Any:
        """A plain field beside others that are not."""
        if not self._plans.pays:
            return NOT_WALKED
        walk = self._plans.field(executor.schema, executor.collect_subfields, parent, details)
        if walk is None:
            return NOT_WALKED
        try:
            completed = walk(source)
        except Exception as surprise:
            self._surprised(f"{parent.name}.{details[0].node.name.value}", surprise)
            return NOT_WALKED
        if type(completed) is dict or type(completed) is list:  # counting each number would cost too much
            _count(self._tallies, "compiled")
        return completed

    def _surprised(self, place: str, surprise: Exception) -> None:
        _count(self._tallies, "surprised")
        self._selections.tell(self._plans, place, surprise)


def _hindrance(executor: Executor) -> str | None:
    """What in this operation might see every field, or judge values otherwise than the walks do."""
    if executor.middleware_manager is not None and executor.middleware_manager.middlewares:
        return "an extension has a `resolve` hook"
    if executor.abort_signal is not None:
        return "it can be aborted"
    if executor.is_awaitable not in _KNOWN:
        return "it has its own idea of what is awaitable"
    if any(fragment.variable_signatures for fragment in executor.fragments.values()):
        return "a fragment has variables"
    return None


def _tallies(context: object) -> Tallies | None:
    """Those of our context; a bare schema may be executed with any other."""
    tallies = getattr(getattr(context, "services", None), "tallies", None)
    return tallies if isinstance(tallies, Tallies) else None


def _count(tallies: Tallies | None, outcome: str) -> None:
    if tallies is not None:
        tallies.add(COMPILED, outcome)
