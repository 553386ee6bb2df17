"""Taking the address that the API answers on, and saying which it is."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from app.settings import Settings

BACKLOG = 2048


class CannotListen(RuntimeError):
    """The address cannot be served; the message is a sentence that says what to do."""


def listen(settings: Settings, host: str, port: int) -> socket.socket:
    """Take the address. Raises CannotListen: it is taken, it is none, or nobody allowed it.

    Without accounts everybody who reaches the server owns it, so by default only this machine does.
    """
    if not settings.allow_open and not _is_loopback(host):
        raise CannotListen(
            f"This server has no accounts, so it listens on this machine only, not on {host}:"
            " set STARLING_ALLOW_OPEN=yes if everybody who reaches it may use it."
        )
    if not 0 <= port <= 65535:  # getaddrinfo would take what is left of it
        raise CannotListen(f"{port} is no port: choose one of 1 to 65535 with --port.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise CannotListen(f"{host} port {port} is no address to listen on: {error}.") from error
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise CannotListen(
            f"Port {port} of {host} cannot be used ({error.strerror}): choose another with --port."
        ) from error
    return listening


def base_url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{port}"


def addresses_line(url: str) -> str:
    return f"Starling answers at {url} (GraphQL {url}/graphql, REST {url}/docs)"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
