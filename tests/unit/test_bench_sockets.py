"""The client of the fan-out's bench reads and writes frames as the protocol has them."""

from __future__ import annotations

import os
import socket
from array import array

import pytest
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from bench import sockets


def _sent(*frames: tuple[Opcode, bytes]) -> bytes:
    """As a server puts them on the wire."""
    return b"".join(Frame(opcode, data).serialize(mask=False) for opcode, data in frames)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536])
def test_frames_are_taken_apart_wherever_they_are_cut(size: int) -> None:
    payload = os.urandom(size)
    data = _sent((Opcode.TEXT, payload), (Opcode.PING, b"?"))
    whole = [(sockets.TEXT, payload), (sockets.PING, b"?")]
    assert sockets.unframed(data) == (whole, b"")
    for cut in {1, 2, 3, 4, 9, 10, 11, size, len(data) - 1} & set(range(1, len(data))):
        first, rest = sockets.unframed(data[:cut])
        second, rest = sockets.unframed(rest + data[cut:])
        assert (first + second, rest) == (whole, b""), cut


@pytest.mark.parametrize("size", [0, 125, 126, 4_000])
def test_a_server_reads_what_the_client_writes(size: int) -> None:
    payload = os.urandom(size)
    server = ServerProtocol()
    server.state = server.state.__class__.OPEN
    server.parser = server.parse()
    next(server.parser)
    server.receive_data(sockets.frame(sockets.PONG if size == 0 else sockets.TEXT, payload))
    (frame,) = server.events_received()
    assert isinstance(frame, Frame)
    assert (frame.data, frame.fin) == (payload, True)


def test_the_number_of_each_message_is_noted_with_its_arrival() -> None:
    ours, theirs = socket.socketpair()
    client = sockets.Client.__new__(sockets.Client)
    client.socket, client._rest = ours, b""
    arrivals = array("q")
    data = _sent(
        (Opcode.TEXT, b'{"message":"seq-7"}'), (Opcode.PING, b"?"), (Opcode.TEXT, b'{"message":"seq-8"}')
    )
    with ours, theirs:
        theirs.sendall(data[:-3])
        assert client.take(arrivals)
        theirs.sendall(data[-3:])
        assert client.take(arrivals)
        assert theirs.recv(100) == sockets.frame(sockets.PONG, b"?")
        theirs.close()
        assert not client.take(arrivals)
    assert list(arrivals[::2]) == [7, 8]
    assert arrivals[3] >= arrivals[1] > 0
