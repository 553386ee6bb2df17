"""An HTTP client that asks one thing over and over, on a few kept connections, each waiting for its answer.

The first answer is read as HTTP has it; every other one must be of the same length to the byte, and be a 200.
So this costs a few microseconds a request, and a server that begins to refuse is found out.
"""

from __future__ import annotations

import json
import select
import socket
import time
from array import array
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

STALLED_SECONDS = 30.0
AT_ONCE = 262_144  # bytes


@dataclass(frozen=True)
class Load:
    """What came of it; `took` are milliseconds, `own` is the share of a core that this client used."""

    requests: int
    seconds: float
    took: array[float]
    own: float


@dataclass(frozen=True)
class Asked:
    """One request as bytes, what it is answered with, and how long that is with its head."""

    request: bytes
    body: bytes
    answer_bytes: int


def posted(query: str) -> bytes:
    body = json.dumps({"query": query}).encode()
    return (
        b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )


def ask(port: int, query: str) -> Asked:
    """Ask it once, after which the server knows the operation. ValueError for what is no 200."""
    request = posted(query)
    with socket.create_connection(("127.0.0.1", port), STALLED_SECONDS) as connection:
        connection.sendall(request)
        data = b""
        while (body := whole_body(data)) is None:
            received = connection.recv(AT_ONCE)
            if not received:
                raise ConnectionError("the server closed the connection")
            data += received
    if not is_success(data):
        raise ValueError(data[:500].decode(errors="replace"))
    return Asked(request, body, len(data))


def is_success(answer: bytes) -> bool:
    return answer.startswith(b"HTTP/1.1 200 ")


def whole_body(data: bytes) -> bytes | None:
    """The body of an answer that is all there; None where some of it is to come. It must say its length."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return None
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return body if len(body) == int(value) else None
    raise ValueError(f"an answer without a length: {head.decode(errors='replace')}")


class _Connection:
    def __init__(self, port: int, asked: Asked) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), STALLED_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._asked = asked
        self._left = 0
        self._began = 0.0

    def send(self) -> None:
        self._left = self._asked.answer_bytes
        self._began = time.perf_counter()
        self.socket.send(self._asked.request)

    def receive(self) -> float:
        """Take what is there; the milliseconds of the answer where that ends it, else 0."""
        data = self.socket.recv(AT_ONCE)
        begins = self._left == self._asked.answer_bytes
        self._left -= len(data)
        if not data or self._left < 0 or (begins and not is_success(data)):
            raise ValueError(f"another answer than the first: {data[:500].decode(errors='replace')}")
        return 0.0 if self._left else 1000 * (time.perf_counter() - self._began)


def loaded(port: int, asked: Asked, connections: int, seconds: float) -> Load:
    """Ask on so many connections for so long. ValueError for an answer that is not like the first."""
    with ExitStack() as stack:
        poll = stack.enter_context(select.epoll())
        by_descriptor = {}
        for _ in range(connections):
            one = _Connection(port, asked)
            by_descriptor[stack.enter_context(one.socket).fileno()] = one
            poll.register(one.socket, select.EPOLLIN)
        used, began = time.process_time(), time.perf_counter()
        took = _answers(poll, by_descriptor, began + seconds)
        elapsed = time.perf_counter() - began
        return Load(len(took), elapsed, took, (time.process_time() - used) / elapsed)


def _answers(poll: select.epoll, connections: Mapping[int, _Connection], until: float) -> array[float]:
    """The milliseconds of all that was asked before `until`."""
    took = array("d")
    for one in connections.values():
        one.send()
    waiting = len(connections)
    while waiting:
        ready = poll.poll(STALLED_SECONDS)
        if not ready:
            raise TimeoutError("the server does not answer")
        for descriptor, _ in ready:
            one = connections[descriptor]
            if ms := one.receive():
                took.append(ms)
                if time.perf_counter() < until:
                    one.send()
                else:
                    waiting -= 1
    return took
