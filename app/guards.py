"""What keeps web pages of strangers from using a server that listens on somebody's own machine.

- `HostGuard`: DNS rebinding. A page of evil.example can point its own name at 127.0.0.1 and then is of the
  same origin as we are; but its requests say `Host: evil.example`. Addresses, loopback names, names
  without a dot and configured names are answered, every other name is not.
- `OriginGuard`: a form or a script of another site that sends what needs no preflight (multipart, text,
  no body at all), and WebSockets, which have no preflight. Browsers name the `Origin` of each such
  request; one that is neither ours nor allowed changes nothing. Programs send no Origin and pass.

After the Fetch standard (Origin header) and Go's net/http CrossOriginProtection. Who is allowed to read
answers is CORS, in `app.asgi`.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.headers import header

MAX_NAME = 253  # characters of a host name, RFC 1035
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
LOCAL_ORIGIN = r"https?://(localhost|[a-z0-9-]+\.localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?"


class HostGuard:
    """`names` are answered beside those that cannot be rebound. Others get 421."""

    def __init__(self, app: ASGIApp, names: tuple[str, ...] = ()) -> None:
        self.app = app
        self.names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            name = host_name(header(scope, b"host") or "")
            if name not in self.names and not cannot_be_rebound(name):
                await refuse(
                    421,
                    f"This server does not answer to the name {name[:99]!r}: set STARLING_ALLOWED_HOSTS.",
                )(scope, receive, send)
                return
        await self.app(scope, receive, send)


class OriginGuard:
    """`origins` may send what changes something, beside our own origin and those of this machine."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...] = ()) -> None:
        self.app = app
        self.origins = frozenset(origins)
        self.local = re.compile(LOCAL_ORIGIN)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" or (scope["type"] == "http" and scope["method"] not in SAFE_METHODS):
            origin, host = header(scope, b"origin"), header(scope, b"host") or ""
            if not self.allows(origin, host, header(scope, b"sec-fetch-site")):
                await refuse(
                    403,
                    "A page of another site may not do this: add its origin to STARLING_CORS_ORIGINS.",
                )(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def allows(self, origin: str | None, host: str, fetch_site: str | None) -> bool:
        if origin is None:
            return fetch_site in (None, "same-origin", "none")
        if origin in self.origins or self.local.fullmatch(origin):
            return True
        # Not taken apart by `urlsplit`, which raises for half of an IPv6 address.
        return host != "" and origin.partition("://")[2].lower() == host.lower()


def host_name(host: str) -> str:
    """The name in a Host header, without its port and the brackets of an IPv6 address."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def cannot_be_rebound(name: str) -> bool:
    """An address, a name of this machine, or one without a dot, which no registry gives to strangers.

    What is longer than any name is none, and nothing of it is remembered.
    """
    return len(name) <= MAX_NAME and _cannot_be_rebound(name)


@lru_cache(maxsize=256)
def _cannot_be_rebound(name: str) -> bool:
    if name.endswith(".localhost") or ("." not in name and ":" not in name):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def refuse(status: int, sentence: str) -> ASGIApp:
    """An answer for HTTP; a WebSocket is refused before it is accepted."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": sentence[:120]})
        else:
            await JSONResponse({"detail": sentence}, status)(scope, receive, send)

    return answer
