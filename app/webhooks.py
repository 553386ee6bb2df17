"""Calling receivers of webhooks: `domain.ports.Caller` over httpx.

A name is resolved once for each try, every address of it is checked, and one of those very addresses is
connected to, with the name in the Host header and in the TLS handshake: what the name leads to a moment
later has no effect. No redirect is followed, no cookie is kept, no proxy of the environment is used, and no
connection serves two tries. What a receiver sends is read for a moment, up to a few KB, and thrown away.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import httpx

from app.name_lookups import NameLookups
from domain.ports import Answer
from domain.webhooks import BadUrl, Target, is_outside, target_of

TOTAL_SECONDS = 10.0
STATUS_SECONDS = 9.0  # of the total
CONNECT_SECONDS = 5.0
READ_SECONDS = 1.0  # for what comes after the status
MOST_BYTES = 4096
MOST_CONNECTIONS = 64

Resolve = Callable[[str, int], Awaitable[list[str]]]
Permits = Callable[[str], bool]


def is_public(address: str) -> bool:
    try:
        return is_outside(ip_address(address))
    except ValueError:
        return False


class HttpCaller:
    """Use within `async with`. `resolve` and `permits` are what a test replaces."""

    def __init__(
        self,
        *,
        resolve: Resolve | None = None,
        permits: Permits = is_public,
        tls: ssl.SSLContext | None = None,
        allow_private: bool = False,
    ) -> None:
        self._resolve = resolve or NameLookups()
        self._permits: Permits = (lambda address: True) if allow_private else permits
        self._tls = tls
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            await self._transport.aclose()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            target = target_of(url)
            async with asyncio.timeout(TOTAL_SECONDS):
                return await self._post(target, headers, body)
        except BadUrl:
            return Answer(problem="BAD_URL")
        except TimeoutError:
            return Answer(problem="TIMEOUT")

    async def _post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            addresses = await self._addresses(target)
        except OSError:
            return Answer(problem="NAME_NOT_FOUND")
        if not addresses or not all(self._permits(address) for address in addresses):
            return Answer(problem="ADDRESS_REFUSED")
        transport = await self._opened()
        answer = Answer(problem="NOT_CONNECTED")
        for address in addresses:
            answer, has_connected = await _try(transport, _request(target, address, headers, body))
            if has_connected:
                break
        return answer

    async def _addresses(self, target: Target) -> list[str]:
        if target.address is not None:
            return [target.host]
        return await self._resolve(target.host, target.port)

    async def _opened(self) -> httpx.AsyncHTTPTransport:
        """Made with the first call: reading the trusted certificates takes a while, and most never call."""
        async with self._opening:
            if self._transport is None:
                trusted = self._tls
                if trusted is None:
                    trusted = await asyncio.to_thread(httpx.create_ssl_context)
                self._transport = httpx.AsyncHTTPTransport(
                    verify=trusted,
                    trust_env=False,
                    limits=httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=0),
                )
            return self._transport


def _request(target: Target, address: str, headers: Mapping[str, str], body: bytes) -> httpx.Request:
    """A request to this very address that names the host that was asked for."""
    url = httpx.URL(
        scheme=target.scheme, host=address, port=target.port, raw_path=target.path.encode("ascii")
    )
    sent = {**headers, "host": target.authority, "accept": "*/*", "connection": "close"}
    if target.user is not None:
        login = base64.b64encode(f"{target.user}:{target.password}".encode()).decode()
        sent["authorization"] = f"Basic {login}"
    return httpx.Request(
        "POST",
        url,
        headers=sent,
        content=body,
        extensions={
            "sni_hostname": target.host,
            "timeout": {
                "connect": CONNECT_SECONDS,
                "read": STATUS_SECONDS,
                "write": STATUS_SECONDS,
                "pool": STATUS_SECONDS,
            },
        },
    )


async def _try(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> tuple[Answer, bool]:
    """The answer, and whether the address was reached at all: else another one may be."""
    try:
        response = await transport.handle_async_request(request)
    except httpx.ConnectTimeout:
        return Answer(problem="TIMEOUT"), False
    except httpx.ConnectError as error:
        is_tls = isinstance(_root(error), ssl.SSLError)
        return Answer(problem="TLS_FAILED" if is_tls else "NOT_CONNECTED"), is_tls
    except httpx.TimeoutException:
        return Answer(problem="TIMEOUT"), True
    except httpx.HTTPError:
        return Answer(problem="CONNECTION_BROKEN"), True
    try:
        await _throw_away(response)
    finally:
        await response.aclose()
    return _answer(response), True


def _root(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


async def _throw_away(response: httpx.Response) -> None:
    """Let the receiver finish its answer, within reason; the status is known whatever comes."""
    left = MOST_BYTES
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for block in response.aiter_raw():
                left -= len(block)
                if left <= 0:
                    return
    except (TimeoutError, httpx.HTTPError):
        return


def _answer(response: httpx.Response) -> Answer:
    status = response.status_code
    if 200 <= status < 300:
        return Answer(status=status)
    asked = response.headers.get("retry-after", "")
    seconds = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None
    return Answer(problem=f"HTTP_{status}", status=status, retry_after_seconds=seconds)
