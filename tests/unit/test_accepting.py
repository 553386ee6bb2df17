"""Who accepts: the process that holds the fewest, and after a moment whoever sees the connection."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app import accepting
from app.accepting import NOBODY, Acceptor, Shares, prepare


@dataclass
class Process:
    """What one process holds; the protocols only count."""

    shares: Shares
    held: int = 0
    came: list[asyncio.Protocol] = field(default_factory=list)

    def protocol(self) -> asyncio.Protocol:
        self.came.append(asyncio.Protocol())
        return self.came[-1]

    @asynccontextmanager
    async def accepting(self, listening: socket.socket) -> AsyncIterator[None]:
        with listening.dup() as own:  # a loop has one reader for a descriptor
            acceptor = Acceptor(own, self.protocol, self.shares, lambda: self.held + len(self.came))
            yield
            acceptor.close()
            await acceptor.wait_closed()


@pytest.fixture
def two(tmp_path: Path) -> tuple[Process, Process]:
    prepare(tmp_path / "held", 2)
    return Process(Shares(tmp_path / "held", 1)), Process(Shares(tmp_path / "held", 2))


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


async def connect(listening: socket.socket, count: int, *processes: Process) -> None:
    """So many clients; each has been accepted, and has left, when it returns."""
    came = sum(len(process.came) for process in processes)
    for number in range(1, count + 1):
        _, writer = await asyncio.open_connection(*listening.getsockname())
        async with asyncio.timeout(20.0):
            while sum(len(process.came) for process in processes) < came + number:
                await asyncio.sleep(0.001)
        writer.close()
        await writer.wait_closed()


def test_a_process_that_is_not_there_holds_no_fewer(two: tuple[Process, Process]) -> None:
    one, other = two
    assert one.shares.is_least(1000)
    assert other.shares.is_least(999)
    assert not one.shares.is_least(1000)
    assert one.shares.is_least(999)
    other.shares.tell(NOBODY)
    assert one.shares.is_least(1000)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both processes are one here: on a busy core its loop may be late by more than the usual time."""
    monkeypatch.setattr(accepting, "DEFER_SECONDS", 0.05)


@pytest.mark.usefixtures("patient")
async def test_whoever_has_fewer_takes_what_comes(
    two: tuple[Process, Process], listening: socket.socket
) -> None:
    one, other = two
    one.held = 20
    async with one.accepting(listening), other.accepting(listening):
        await connect(listening, 10, one, other)
    assert (len(one.came), len(other.came)) == (0, 10)


@pytest.mark.usefixtures("patient")
async def test_those_that_hold_the_same_are_given_the_same(
    two: tuple[Process, Process], listening: socket.socket
) -> None:
    one, other = two
    async with one.accepting(listening), other.accepting(listening):
        await connect(listening, 20, one, other)
    assert (len(one.came), len(other.came)) == (10, 10)


class Troubled(socket.socket):
    """Of the first connections that it accepts, each has one of these errors."""

    def __init__(self, listening: socket.socket, *errors: int) -> None:
        super().__init__(fileno=listening.dup().detach())
        self.errors = list(errors)

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        if self.errors:
            connection.close()
            number = self.errors.pop(0)
            raise OSError(number, os.strerror(number))
        return connection, address


async def test_a_connection_that_is_broken_in_the_queue_holds_up_no_other(
    two: tuple[Process, Process], listening: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    one, _ = two
    with Troubled(listening, errno.ENETDOWN, errno.EPROTO, errno.EHOSTUNREACH) as own:
        acceptor = Acceptor(own, one.protocol, one.shares, lambda: len(one.came))
        broken = [await asyncio.open_connection(*listening.getsockname()) for _ in range(3)]
        await connect(listening, 1, one)
        acceptor.close()
        await acceptor.wait_closed()
        for _, writer in broken:
            writer.close()
    assert caplog.records == []  # it says so where it waits


async def test_what_was_accepted_and_opens_after_the_end_is_closed(
    two: tuple[Process, Process], listening: socket.socket
) -> None:
    one, _ = two
    with socket.create_connection(listening.getsockname()) as client, listening.dup() as own:
        acceptor = Acceptor(own, one.protocol, one.shares, lambda: len(one.came))
        assert acceptor._accept()
        acceptor.close()
        await acceptor.wait_closed()
        client.settimeout(5.0)
        assert await asyncio.to_thread(client.recv, 1) == b""


async def test_a_protocol_that_cannot_be_made_leaves_no_connection(
    two: tuple[Process, Process], listening: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    one, _ = two

    def fails() -> asyncio.Protocol:
        raise RuntimeError("none today")

    with socket.create_connection(listening.getsockname()) as client, listening.dup() as own:
        acceptor = Acceptor(own, fails, one.shares, lambda: 0)
        assert acceptor._accept()
        await acceptor.wait_closed()
        acceptor.close()
        client.settimeout(5.0)
        assert await asyncio.to_thread(client.recv, 1) == b""
    assert [record.message for record in caplog.records] == ["a connection could not be opened"]


async def test_nobody_is_waited_for_who_does_not_accept(
    two: tuple[Process, Process], listening: socket.socket
) -> None:
    one, hangs = two
    hangs.shares.tell(0)
    one.held = 20
    async with one.accepting(listening):
        await connect(listening, 5, one)
