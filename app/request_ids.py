"""Every response carries X-Request-ID; a sane one that came in is kept, so that callers can follow it.

The id is in `scope["state"]["request_id"]`, in every log line of the request, and one line about the
request itself is logged when it has been answered.
"""

from __future__ import annotations

import logging
import re
import time
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.logs import request_id

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
QUIET_PATHS = ("/health", "/ready")

log = logging.getLogger("app.requests")


class RequestIds:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        this = given if SANE.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = this
        began, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in (
                "http.response.start",
                "websocket.accept",
                "websocket.http.response.start",
            ):
                status = message.get("status", 101)
                message.setdefault("headers", [])
                MutableHeaders(scope=message)[HEADER] = this
            await send(message)

        token = request_id.set(this)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            if scope["path"] not in QUIET_PATHS:
                seconds = round(time.perf_counter() - began, 4)
                method = scope.get("method", "WEBSOCKET")
                extra = {"method": method, "path": scope["path"], "status": status, "seconds": seconds}
                log.info("%s %s %s", method, scope["path"], status, extra=extra)
            request_id.reset(token)
