"""Every response carries X-Request-ID, that to a refused handshake of a WebSocket too; a sane one that came
in is kept, so that callers can follow it.

The id is in `scope["state"]["request_id"]`, in every log line of the request, and one line about the
request itself is logged when it has been answered. What a request raised is logged here, since the server
that it would come to next knows no ids, and would close the connection of a client that has its answer.
"""

from __future__ import annotations

import logging
import re
import secrets
import time

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.headers import header
from domain.belonging import belonging_to

HEADER = "X-Request-ID"
_NAME = b"x-request-id"
SANE = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
QUIET_PATHS = ("/health", "/ready", "/metrics")
MOST_CHARACTERS = 500  # of a path
STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")

log = logging.getLogger("app.requests")


class RequestIds:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        given = header(scope, _NAME) or ""
        this = given if SANE.fullmatch(given) else secrets.token_hex(16)
        scope.setdefault("state", {})["request_id"] = this
        began, status, is_answered = time.perf_counter(), 0, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, is_answered
            if message["type"] == "websocket.close" and status == 0 and _can_answer(scope):
                await _refuse_handshake(message, send_with_id)
                return
            if message["type"] in STARTS:
                status = message.get("status", 101)
                _name(message, this)
            await send(message)
            is_answered = message["type"] == "http.response.body" and not message.get("more_body", False)

        with belonging_to(request_id=this):
            try:
                await self.app(scope, receive, send_with_id)
            except Exception:
                log.exception("a request failed")
                if not is_answered:
                    raise
            finally:
                if scope["path"] not in QUIET_PATHS:
                    _log(scope, status, time.perf_counter() - began)


def _name(start: Message, request_id: str) -> None:
    others = [pair for pair in start.get("headers", ()) if pair[0] != _NAME]
    start["headers"] = [*others, (_NAME, request_id.encode())]


def _can_answer(scope: Scope) -> bool:
    return "websocket.http.response" in scope.get("extensions", {})


async def _refuse_handshake(close: Message, send: Send) -> None:
    """A close before the handshake is a 403 without headers; this one has headers, and says why."""
    body = orjson.dumps({"detail": close.get("reason") or "Forbidden"})
    headers = [(b"content-type", b"application/json")]
    await send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


def _log(scope: Scope, status: int, seconds: float) -> None:
    """Without the query string, which may hold what is nobody else's business."""
    method, path = scope.get("method", "WEBSOCKET"), scope["path"][:MOST_CHARACTERS]
    extra = {"method": method, "path": path, "status": status, "seconds": round(seconds, 4)}
    log.info("%s %s %s", method, path, status, extra=extra)
