"""The client of the pages' bench counts what is an answer, and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from bench import load

QUERY = "{ hello }"
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{"data":{"hello":"world"}}'
REFUSED = b"HTTP/1.1 503 Unavailable\r\nContent-Length: 17\r\n\r\n" + b"x" * 17
assert len(REFUSED) == len(GOOD)
Serve = Callable[[Callable[[int], bytes]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that answers request `number` of each connection so; its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def converse(connection: socket.socket, answer: Callable[[int], bytes]) -> None:
        number = 0
        with connection:
            while connection.recv(4096):
                data = answer(number)
                connection.sendall(data[:30])
                connection.sendall(data[30:])
                number += 1

    def accept(answer: Callable[[int], bytes]) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=converse, args=(connection, answer)))
            threads[-1].start()

    def start(answer: Callable[[int], bytes]) -> int:
        threads.append(threading.Thread(target=accept, args=(answer,)))
        threads[-1].start()
        port: int = listening.getsockname()[1]
        return port

    yield start
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for thread in threads:
        thread.join(10)


def test_each_answer_is_counted_and_timed(serve: Serve) -> None:
    port = serve(lambda number: GOOD)
    asked = load.ask(port, QUERY)
    assert (asked.body, asked.answer_bytes) == (b'{"data":{"hello":"world"}}', len(GOOD))
    found = load.loaded(port, asked, connections=3, seconds=0.1)
    assert found.requests == len(found.took) >= 3
    assert min(found.took) > 0
    assert found.seconds >= 0.1


def test_a_refusal_of_the_same_length_is_no_answer(serve: Serve) -> None:
    port = serve(lambda number: REFUSED if number == 5 else GOOD)
    asked = load.ask(port, QUERY)
    with pytest.raises(ValueError, match="503"):
        load.loaded(port, asked, connections=1, seconds=60)


def test_a_longer_answer_is_another(serve: Serve) -> None:
    port = serve(lambda number: GOOD + b" " if number == 5 else GOOD)
    asked = load.ask(port, QUERY)
    with pytest.raises(ValueError, match="another answer"):
        load.loaded(port, asked, connections=1, seconds=60)


def test_what_is_asked_first_must_be_a_success(serve: Serve) -> None:
    port = serve(lambda number: REFUSED)
    with pytest.raises(ValueError, match="503"):
        load.ask(port, QUERY)


@pytest.mark.parametrize("cut", range(0, len(GOOD), 7))
def test_an_answer_is_whole_when_all_of_it_is_there(cut: int) -> None:
    assert load.whole_body(GOOD[:cut]) is None
    assert load.whole_body(GOOD) == b'{"data":{"hello":"world"}}'
