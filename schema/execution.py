"""How an operation is executed: by graphql-core, but for what is said here."""

from __future__ import annotations

from typing import Any

from graphql import Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext


class Execution(StrawberryGraphQLCoreExecutionContext):
    def build_per_event_executor(self, payload: Any) -> Executor:
        """Nothing of one event is kept for the next: as it comes, each event of a subscription leaves behind
        what it found out of the document, a kilobyte, until the subscription ends."""
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor
