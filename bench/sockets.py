"""Many GraphQL subscriptions of one process: `python -m bench.sockets PORT SOCKETS ARRIVALS`.

The subscribe message's payload is read from the first line of stdin; each socket has an id of its own. A line
with the number of subscribed sockets goes out when all are, and at the end of stdin another one: how many are
still, and the seconds of processor time since. ARRIVALS is written then: int64 pairs of the number in each
message `seq-<number>` and the nanoseconds of its arrival by the monotonic clock.

Frames are taken apart by hand, so that this costs far less than the server that is measured.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import select
import socket
import struct
import sys
import time
from array import array
from pathlib import Path
from uuid import uuid4

from bench.processes import raise_file_limit

MARK = b'"seq-'
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
CONNECT_SECONDS = 30.0
AT_ONCE = 50  # sockets that are opened before the first of them must have an answer


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame, masked with zeros."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload


def unframed(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The whole frames of a server, (opcode, payload) each, and the rest."""
    frames, at, size = [], 0, len(data)
    while size - at >= 2:
        length, head = data[at + 1], 2
        if length == 126:
            length, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
        elif length == 127:
            length, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
        if size - at < head + length or (head > 2 and size - at < head):
            break
        frames.append((data[at] & 15, data[at + head : at + head + length]))
        at += head + length
    return frames, data[at:]


class Client:
    """One socket with one subscription."""

    def __init__(self, port: int, payload: object) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )
        self._subscribe = {"id": str(uuid4()), "type": "subscribe", "payload": payload}

    def greet(self) -> None:
        """Read the answer to the upgrade, then subscribe."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._received()
        head, _, self._rest = data.partition(b"\r\n\r\n")
        if b" 101 " not in head.splitlines()[0]:
            raise ConnectionError(head.splitlines()[0].decode())
        self._send({"type": "connection_init"})
        self._until(b"connection_ack")
        self._send(self._subscribe)
        self._until(b'"next"')
        self.socket.setblocking(False)

    def _send(self, message: object) -> None:
        self.socket.sendall(frame(TEXT, json.dumps(message).encode()))

    def _received(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def _until(self, word: bytes) -> None:
        while True:
            frames, self._rest = unframed(self._rest)
            for opcode, payload in frames:
                if opcode == PING:  # a server may ask at any time
                    self._pong(payload)
                if word in payload:
                    return
                if b'"error"' in payload:
                    raise ConnectionError(payload.decode())
            self._rest += self._received()

    def _pong(self, payload: bytes) -> None:
        self.socket.send(frame(PONG, payload))

    def take(self, arrivals: array[int]) -> bool:
        """Note what has come; False where the connection has ended."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        now = time.monotonic_ns()
        frames, self._rest = unframed(self._rest + data if self._rest else data)
        for opcode, payload in frames:
            if opcode == PING:
                self._pong(payload)
            elif (at := payload.find(MARK)) >= 0:
                arrivals.append(int(payload[at + len(MARK) : payload.index(b'"', at + 1)]))
                arrivals.append(now)
        return bool(data)


class Crowd:
    """Many clients, and what arrived at them. Pings are answered while others still connect."""

    def __init__(self) -> None:
        self.arrivals = array("q")
        self._poll = select.epoll()
        self._by_descriptor: dict[int, Client] = {}

    def __len__(self) -> int:
        return len(self._by_descriptor)

    def connect(self, port: int, payload: object, wanted: int) -> None:
        """As many as can subscribe."""
        try:
            while len(self) < wanted:
                group = [Client(port, payload) for _ in range(min(AT_ONCE, wanted - len(self)))]
                for client in group:
                    client.greet()
                    self._by_descriptor[client.socket.fileno()] = client
                    self._poll.register(client.socket, select.EPOLLIN)
                self._take(0.0)
        except OSError as error:
            print(f"after {len(self)} sockets: {error}", file=sys.stderr)

    def receive_until(self, stop: int) -> None:
        """Until that descriptor ends."""
        self._poll.register(stop, select.EPOLLIN)
        while stop not in self._take(None):
            pass

    def _take(self, timeout: float | None) -> list[int]:
        """Note what has come; the descriptors that had something."""
        ready = [descriptor for descriptor, _ in self._poll.poll(timeout)]
        for descriptor in ready:
            client = self._by_descriptor.get(descriptor)
            if client is not None and not client.take(self.arrivals):
                self._poll.unregister(descriptor)
                del self._by_descriptor[descriptor]
        return ready


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    _, port, wanted, path = sys.argv
    raise_file_limit()
    payload = json.loads(os.read(sys.stdin.fileno(), 65536))
    crowd = Crowd()
    crowd.connect(int(port), payload, int(wanted))
    print(len(crowd), flush=True)
    began = processor_seconds()
    crowd.receive_until(sys.stdin.fileno())
    Path(path).write_bytes(crowd.arrivals.tobytes())
    print(json.dumps([len(crowd), processor_seconds() - began]), flush=True)


if __name__ == "__main__":
    main()
