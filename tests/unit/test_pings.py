"""The rounds in which sockets are asked whether their clients are there. Nothing here is timed from above."""

from __future__ import annotations

import asyncio

from app.pings import TICK_SECONDS, PingRounds
from tests.support.inprocess import until


class _Socket:
    def __init__(self) -> None:
        self.asked: list[float] = []
        self.judged: list[float] = []  # how long after it was asked, once for each time
        self.is_due = False

    def ask(self, payload: bytes, at: float) -> None:
        assert len(payload) == 4
        assert not self.is_due, "asked again before it was judged"
        self.asked.append(at)
        self.is_due = True

    def judge(self, asked_by: float) -> None:
        if self.is_due and self.asked[-1] <= asked_by:
            self.is_due = False
            self.judged.append(asyncio.get_running_loop().time() - self.asked[-1])


async def test_each_is_asked_once_a_round_and_judged_when_the_time_is_up() -> None:
    rounds = PingRounds(interval_seconds=1.0, timeout_seconds=0.5)
    sockets = [_Socket() for _ in range(30)]
    for socket in sockets:
        rounds.join(socket)
    await until(lambda: all(len(socket.judged) >= 2 for socket in sockets))
    for socket in sockets:
        rounds.leave(socket)
        assert all(later - at > 0.9 for at, later in zip(socket.asked, socket.asked[1:], strict=False))
        assert min(socket.judged) > 0.4
    assert len({round(socket.asked[0], 2) for socket in sockets}) >= 5  # spread over the round


async def test_a_long_time_for_the_answer_is_waited_for_though_rounds_are_shorter() -> None:
    rounds = PingRounds(interval_seconds=0.2, timeout_seconds=0.7)

    class Patient(_Socket):
        def ask(self, payload: bytes, at: float) -> None:
            if not self.is_due:
                super().ask(payload, at)

    socket = Patient()
    rounds.join(socket)
    await until(lambda: bool(socket.judged))
    rounds.leave(socket)
    assert socket.judged[0] > 0.6


async def test_the_clock_stands_while_nobody_is_there() -> None:
    rounds, socket = PingRounds(interval_seconds=0.2, timeout_seconds=0.1), _Socket()
    rounds.join(socket)
    rounds.leave(socket)
    rounds.leave(socket)
    assert rounds._timer is None
    await asyncio.sleep(3 * TICK_SECONDS)
    assert not socket.asked
    rounds.join(socket)
    await until(lambda: bool(socket.asked))
    rounds.leave(socket)
