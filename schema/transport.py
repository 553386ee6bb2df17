"""The graphql-transport-ws protocol, where Strawberry's own handler is stricter or laxer than PROTOCOL.md.

- `payload: null` of `connection_init` is accepted; a frame that is no object, or whose members have the wrong
  type, closes the socket with 4400.
- An operation that cannot begin (syntax, validation, unknown operation) or whose stream breaks ends with an
  `error` message; the socket and its other operations go on.
- A socket that vanished ends its operations without a word.
"""

from __future__ import annotations

import logging
from typing import Any

from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema.schema import StreamResult
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.types.execution import ExecutionResult

from domain.belonging import belonging_to
from resolvers.context import Context

_LOG = logging.getLogger("starling.graphql")
MOST_CHARACTERS = 64  # of an operation's id in the log
_OPTIONAL = (dict, type(None))
_NO_NAME = "The operationName must be a string"


class TransportHandler(BaseGraphQLTransportWSHandler[Context, None]):
    async def handle_message(self, message: Any) -> None:
        problem = _problem(message)
        if problem is not None:
            await self.handle_invalid_message(problem)
            return
        if message["type"] == "connection_init" and message.get("payload") is None:
            message = {**message, "payload": {}}
        await super().handle_message(message)

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        with belonging_to(operation_id=operation.id[:MOST_CHARACTERS]):
            await super().run_operation(operation)

    async def _send_result_stream(
        self, operation: Operation[Context, None], result_source: StreamResult
    ) -> None:
        async for result in result_source:
            if not isinstance(result, ExecutionResult):
                await self._reject_incremental_delivery(operation)
                return
            if result.data is None and result.errors and not any(error.path for error in result.errors):
                await operation.send_initial_errors(result.errors)
                return
            await operation.send_next(result)

    async def handle_task_exception(self, error: Exception) -> None:
        if not isinstance(error, WebSocketDisconnected):
            _LOG.error("an operation of a socket failed", exc_info=error)


def _problem(message: Any) -> str | None:
    """What is wrong with the shape of a frame, as the reason of a close."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message must be an object with a type"
    if message["type"] in ("subscribe", "complete") and not _is_id(message.get("id")):
        return "The id must be a string that is not empty"
    payload = message.get("payload")
    if message["type"] == "subscribe":
        return _problem_of_subscribe(payload)
    return None if isinstance(payload, _OPTIONAL) else "The payload must be an object"


def _problem_of_subscribe(payload: Any) -> str | None:
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
        return "The payload must be an object with a query"
    if not isinstance(payload.get("variables"), _OPTIONAL):
        return "The variables must be an object"
    if not isinstance(payload.get("extensions"), _OPTIONAL):
        return "The extensions must be an object"
    return None if isinstance(payload.get("operationName"), str | None) else _NO_NAME


def _is_id(value: object) -> bool:
    return isinstance(value, str) and value != ""
