"""How much of a request's body is read: a budget in the scope, and 413 in the family's words beyond it.

JSON bodies get one size everywhere; a route that streams an upload to disk asks for more before it reads.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON_BYTES = 1024**2
_BUDGET = "starling.body_budget"


@dataclass
class BodyBudget:
    """Bytes that may still be read."""

    limit: int
    read: int = 0

    def spend(self, size: int) -> None:
        self.read += size
        if self.read > self.limit:
            raise HTTPException(413, f"the request body is too large: at most {self.limit} bytes are allowed")


class BodyLimitMiddleware:
    def __init__(self, app: ASGIApp, limit: int = JSON_BYTES) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        budget = scope[_BUDGET] = BodyBudget(self.limit)

        async def counted() -> Message:
            message = await receive()
            budget.spend(len(message.get("body", b"")))
            return message

        await self.app(scope, counted, send)


def allow_body(request: Request, limit: int) -> None:
    """Let this request's body have `limit` bytes in all; for routes that stream it to disk."""
    request.scope[_BUDGET].limit = limit
