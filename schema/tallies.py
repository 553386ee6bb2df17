"""What is counted of GraphQL operations, whichever way they came."""

from __future__ import annotations

import time
from collections.abc import Sequence

from graphql import GraphQLError

from domain.tallies import Counter, Histogram, Level, Tallies

OPERATION_SECONDS = Histogram(
    "starling_graphql_operation_duration_seconds",
    "How long queries and mutations took, from their text to their result",
    ("type", "name"),
)
RUNNING = Level("starling_graphql_operations_running", "Operations that run now", ("type",))
ERRORS = Counter("starling_graphql_errors_total", "Errors in results, by their code", ("code",))
EVENTS_SENT = Counter("starling_subscription_events_sent_total", "Results that subscriptions sent", ("name",))
COMPILED = Counter(
    "starling_graphql_compiled_total",
    "Lists and objects that a compiled selection completed, that graphql-core completed after a surprise or"
    " because their selection is not plain; operations that were new; and those for which compiling was off",
    ("outcome",),
)

GROUPS = Level("starling_subscription_groups", "Subscriptions that run, each for all who asked for it")

FAMILIES = (OPERATION_SECONDS, RUNNING, ERRORS, EVENTS_SENT, COMPILED, GROUPS)
NAMES = "graphql operations"  # the group of names for `Tallies.known`
ANONYMOUS = "anonymous"
SUBSCRIPTION = "subscription"
INVALID = "invalid"  # in place of the name of what could not begin


class Measured:
    """One operation from its text to its end, on behalf of `schema.asked`.

    With `is_part` it is a part of a subscription that others may share: `schema.live` counts whom it serves.
    """

    def __init__(self, tallies: Tallies, *, is_part: bool = False) -> None:
        self._tallies = tallies
        self._is_part = is_part
        self._began = time.perf_counter()
        self._type = self._name = INVALID
        self._is_running = False

    def begins(self, kind: str, name: str | None) -> None:
        """It is valid: its kind (query, mutation, subscription) and its name are what it says."""
        self._type = kind
        self._is_running = kind != SUBSCRIPTION or not self._is_part
        self._name = ANONYMOUS if name is None else self._tallies.known(NAMES, name)
        if self._is_running:
            self._tallies.move(RUNNING, 1, kind)

    def sends(self) -> None:
        """A result goes out; of a subscription that is an event."""
        if self._type == SUBSCRIPTION and not self._is_part:
            self._tallies.add(EVENTS_SENT, self._name)

    def refuses(self, errors: Sequence[GraphQLError]) -> None:
        for error in errors:
            code = str((error.extensions or {}).get("code", ""))
            self._tallies.add(ERRORS, self._tallies.known("graphql codes", code))

    def ends(self) -> None:
        """It has ended, in whichever way."""
        if self._is_running:
            self._tallies.move(RUNNING, -1, self._type)
        if self._type != SUBSCRIPTION:  # one of those takes as long as its reader likes
            self._tallies.observe(
                OPERATION_SECONDS, time.perf_counter() - self._began, self._type, self._name
            )
