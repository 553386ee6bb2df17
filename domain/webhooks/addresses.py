"""Where a callback may go: which URLs are taken, and which addresses are outside.

A URL that two programs could read differently is not taken at all (other letters than ASCII, a backslash,
numbers in place of a dotted address), so what is checked is what is called. A name says nothing about
where it leads: its addresses are checked when it is called, all of them, and one of these is called.
The list of what is inside follows the special-purpose registries of IANA (RFC 6890), as `ipaddress` knows
them, and what may carry an inside address within an outside one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from domain.errors import InvalidInput
from domain.ports import Webhooks

Address = IPv4Address | IPv6Address

MAX_URL_CHARACTERS = 2_000
PORTS = {"http": 80, "https": 443}
_TAKEN = re.compile(r"[!#-;=?-\[\]_a-zA-Z~]+")  # RFC 3986: no space, no quote, none of <>\^`{|}
_AUTHORITY = re.compile(r"(?:[^@\[\]]*@)?(?P<host>\[[0-9a-fA-F:.]+\]|[^@:\[\]]+)(?P<port>:[0-9]{0,5})?")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# What `ipaddress` of some versions takes for global, or what leads on to another address (Teredo, 6to4).
_SPECIAL_4 = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_SPECIAL_6 = (IPv6Network("2001::/23"), IPv6Network("2002::/16"), IPv6Network("3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")


class BadUrl(ValueError):
    """The URL cannot be called; the message says why and holds no part of the URL."""


@dataclass(frozen=True)
class Target:
    """A URL taken apart. `host` is a name in lower case or an address without brackets."""

    scheme: str
    host: str
    port: int
    path: str  # with the query
    user: str | None = None
    password: str = ""

    @property
    def address(self) -> Address | None:
        """The host, where it is an address and no name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def authority(self) -> str:
        """As in a Host header: without what may be secret, so it may be logged."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str) -> Target:
    """Take a URL apart. Raises BadUrl for one that is not plain."""
    if len(url) > MAX_URL_CHARACTERS or not _TAKEN.fullmatch(url):
        raise BadUrl(f"must be an http or https URL of up to {MAX_URL_CHARACTERS} ASCII characters")
    parts = _split(url)
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if parts.scheme not in PORTS or authority is None:
        raise BadUrl("must be an http or https URL that names a host")
    port = int((authority["port"] or "").removeprefix(":") or PORTS[parts.scheme])
    if not 1 <= port <= 65_535:
        raise BadUrl("must have a port of 1 to 65535")
    return Target(
        scheme=parts.scheme,
        host=_host(authority["host"].lower()),
        port=port,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        user=None if parts.username is None else unquote(parts.username),
        password=unquote(parts.password or ""),
    )


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise BadUrl("must be an http or https URL that names a host") from error


def _host(host: str) -> str:
    """One spelling of a host. What ends in a number is an address for some programs (2130706433, 0x7f.1,
    0177.0.0.1): only the usual form of one is taken."""
    name = host.removesuffix(".")
    try:
        if host.startswith("["):
            return str(IPv6Address(host.strip("[]")))
        if _NUMBER.fullmatch(name.rpartition(".")[2]):
            return str(IPv4Address(name))
    except ValueError:
        return _no_host()
    return name if _NAME.fullmatch(name) else _no_host()


def _no_host() -> str:
    raise BadUrl("must name a host, or an address in its usual form")


def is_outside(address: Address) -> bool:
    """Whether the address is one of the public Internet, and leads to no other."""
    if isinstance(address, IPv4Address):
        is_special = address.is_multicast or address.is_reserved or _within(address, _SPECIAL_4)
        return address.is_global and not is_special
    if address.ipv4_mapped is not None:
        return is_outside(address.ipv4_mapped)
    if address in _NAT64:
        return is_outside(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _GLOBAL_UNICAST and address.is_global and not _within(address, _SPECIAL_6)


def _within(address: Address, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)


def refusal(target: Target, webhooks: Webhooks) -> str | None:
    """Why this target is never called, as far as the URL alone can tell; None where it may be."""
    if webhooks.allow_private:
        return None
    if target.port not in PORTS.values():
        return f"must use port 80 or 443, not {target.port}"
    if target.host == "localhost" or target.host.endswith(".localhost"):
        return "must not lead into this machine"
    if target.address is not None and not is_outside(target.address):
        return "must not lead to an address inside the network"
    return None


def checked(url: str, webhooks: Webhooks | None) -> str:
    """The URL itself. Raises InvalidInput where it will never be called."""
    try:
        target = target_of(url)
    except BadUrl as error:
        raise InvalidInput("callbackUrl", f"callbackUrl {error}") from error
    if webhooks is None:
        raise InvalidInput("callbackUrl", "callbackUrl needs the setting STARLING_WEBHOOK_SECRET to be set")
    if (reason := refusal(target, webhooks)) is not None:
        raise InvalidInput("callbackUrl", f"callbackUrl {reason}")
    return url
