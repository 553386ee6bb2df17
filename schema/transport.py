"""The graphql-transport-ws protocol, where Strawberry's own handler is stricter or laxer than PROTOCOL.md.

- `payload: null` of `connection_init` is accepted; a frame that is no object, or whose members have the wrong
  type, closes the socket with 4400.
- An operation that cannot begin (syntax, validation, unknown operation) or whose stream breaks ends with an
  `error` message; the socket and its other operations go on.
- A socket that vanished ends its operations without a word.

Operations are members of `schema.live`.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from contextlib import suppress
from typing import Any

from graphql import GraphQLError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from resolvers.context import Context
from schema.live.hub import Hub
from schema.live.keys import Request
from schema.live.members import Member
from schema.live.writers import Writer

_LOG = logging.getLogger("starling.graphql")
_OPTIONAL = (dict, type(None))
_NO_NAME = "The operationName must be a string"


class TransportHandler(BaseGraphQLTransportWSHandler[Context, None]):
    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._hub: Hub = given["view"].hub
        self._writer: Writer = given["websocket"].writer
        self._members: dict[str, Member] = {}
        self._surroundings = contextvars.copy_context()
        self._init_timer: asyncio.TimerHandle | None = None

    def on_request_accepted(self) -> None:
        """A timer waits for `connection_init`, not a task: there are many sockets."""
        seconds = self.connection_init_wait_timeout.total_seconds()
        self._init_timer = asyncio.get_running_loop().call_later(seconds, self._init_is_late)

    def _init_is_late(self) -> None:
        if not self.connection_init_received:
            self.connection_timed_out = True
            closing = self.websocket.close(code=4408, reason="Connection initialisation timeout")
            self.connection_init_timeout_task = asyncio.create_task(closing)
            self.connection_init_timeout_task.add_done_callback(self._task_done)

    async def handle_message(self, message: Any) -> None:
        problem = _problem(message)
        if problem is not None:
            await self.handle_invalid_message(problem)
            return
        if message["type"] == "connection_init":
            self._stop_init_timer()
            message = {**message, "payload": message.get("payload") or {}}
        await super().handle_message(message)

    async def handle_subscribe(self, message: Any) -> None:
        id, payload = message["id"], message["payload"]
        if not self.connection_acknowledged:
            await self.websocket.close(code=4401, reason="Unauthorized")
        elif id in self._members:
            await self.websocket.close(code=4409, reason=f"Subscriber for {id} already exists")
        elif len(self._members) >= (self.max_subscriptions_per_connection or 0):
            refusal = GraphQLError("Subscription limit reached")
            await self.send_message({"id": id, "type": "error", "payload": [refusal.formatted]})
        else:
            self._members[id] = self._member(id, payload)

    async def handle_complete(self, message: Any) -> None:
        member = self._members.pop(message["id"], None)
        if member is not None:
            member.close()

    async def shutdown(self) -> None:
        """Nothing of the socket runs any more when this returns, but for groups that take long to end."""
        self._stop_init_timer()
        await super().shutdown()
        members = list(self._members.values())
        self._members.clear()
        groups = {member.group for member in members if member.group is not None}
        tasks = [member.task for member in members if member.task is not None]
        for member in members:
            member.close()
        for task in tasks:
            with suppress(Exception, asyncio.CancelledError):  # gather would let itself be cancelled
                await task
        await self._writer.close()
        await self._hub.settle(groups)

    async def handle_task_exception(self, error: Exception) -> None:
        if not isinstance(error, WebSocketDisconnected):
            _LOG.error("an operation of a socket failed", exc_info=error)

    def _member(self, id: str, payload: dict[str, Any]) -> Member:
        request = Request(
            payload["query"], payload.get("operationName"), payload.get("variables"), self.context
        )
        return Member(self._hub, id, request, self._writer, self._surroundings, self._forget)

    def _forget(self, member: Member) -> None:
        if self._members.get(member.id) is member:
            del self._members[member.id]

    def _stop_init_timer(self) -> None:
        if self._init_timer is not None:
            self._init_timer.cancel()
            self._init_timer = None


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
