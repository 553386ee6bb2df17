"""A result as the bytes of a message: made once, however many are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError
from strawberry.types.execution import ExecutionResult

from schema.errors import INTERNAL

NEXT, ERROR = "next", "error"
COMPLETE = b',"type":"complete"}'
# graphql-ws 6 counts an operation twice whose `complete` it reads together with a `next` at which its
# consumer leaves, as urql does at each answer, and closes the socket under all others. So `complete` waits
# until a client has most likely read what came before: a turn of the loop is too short for half of them.
# What a slow line or a busy client puts together again, no server can keep apart.
COMPLETE_AFTER_SECONDS = 0.005
_FAILED = GraphQLError("Internal error", extensions={"code": INTERNAL})
_REJECTED = GraphQLError("Incremental delivery is not supported over graphql-transport-ws")


@dataclass(frozen=True, slots=True)
class Frame:
    """What follows the id in a message, and the mark of whoever was told; `before` is the mark before it.

    Frames of one group are numbered.
    """

    body: bytes
    mark: Any
    before: Any = None
    number: int = 0


def head_of(id: str) -> bytes:
    """How each message of an operation begins; the id is whatever its client chose."""
    return b'{"id":' + orjson.dumps(id)


def body_of(result: Any) -> tuple[bytes, bool]:
    """What follows the head; and whether it is an `error`: it could not begin, or its stream broke."""
    if not isinstance(result, ExecutionResult):
        return _body(ERROR, [_REJECTED.formatted]), True
    errors = result.errors or []
    if result.data is None and errors and not any(error.path for error in errors):
        return _body(ERROR, [error.formatted for error in errors]), True
    payload: dict[str, Any] = {"data": result.data}
    if errors:
        payload["errors"] = [error.formatted for error in errors]
    if result.extensions:
        payload["extensions"] = result.extensions
    return _body(NEXT, payload), False


def failed() -> bytes:
    """For an operation that a fault of ours has ended. A client that reads `complete` believes in the end."""
    return _body(ERROR, [_FAILED.formatted])


def _body(kind: str, payload: object) -> bytes:
    return b"".join((b',"type":"', kind.encode(), b'","payload":', orjson.dumps(payload), b"}"))
