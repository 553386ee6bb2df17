"""Reads that are shared: joined before they begin, never after, and by as many as want."""

from __future__ import annotations

import asyncio

import pytest

from domain.shared_reads import SharedReads


class Rows:
    """A query that says which one it was, and may be held."""

    def __init__(self) -> None:
        self.begun = 0
        self.running = 0
        self.most_at_once = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def query(self) -> int:
        self.begun += 1
        number = self.begun
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        await self.may_answer.wait()
        self.running -= 1
        return number


async def test_those_who_ask_at_once_share_one_query() -> None:
    reads, rows = SharedReads(), Rows()
    assert await asyncio.gather(*(reads.read("job", rows.query) for _ in range(500))) == [1] * 500
    assert await reads.read("job", rows.query) == 2


async def test_other_things_are_read_by_themselves() -> None:
    reads, rows = SharedReads(), Rows()
    assert sorted(await asyncio.gather(*(reads.read(key, rows.query) for key in "abc"))) == [1, 2, 3]


async def test_a_read_that_has_begun_is_not_joined() -> None:
    """It may have missed what the one who asks now was woken for."""
    reads, rows = SharedReads(), Rows()
    rows.may_answer.clear()
    first = asyncio.create_task(reads.read("job", rows.query))
    while rows.begun == 0:
        await asyncio.sleep(0)
    later = [asyncio.create_task(reads.read("job", rows.query)) for _ in range(50)]
    await asyncio.sleep(0.01)
    later += [asyncio.create_task(reads.read("job", rows.query)) for _ in range(50)]
    await asyncio.sleep(0.01)
    assert rows.begun == 1  # they wait for their turn together
    rows.may_answer.set()
    assert await first == 1
    assert await asyncio.gather(*later) == [2] * 100
    assert rows.most_at_once == 1


async def test_who_leaves_takes_the_read_from_nobody() -> None:
    reads, rows = SharedReads(), Rows()
    rows.may_answer.clear()
    readers = [asyncio.create_task(reads.read("job", rows.query)) for _ in range(3)]
    await asyncio.sleep(0.01)
    readers[0].cancel()
    await asyncio.sleep(0.01)
    rows.may_answer.set()
    with pytest.raises(asyncio.CancelledError):
        await readers[0]
    assert await asyncio.gather(*readers[1:]) == [1, 1]


async def test_a_failure_is_everybodys_and_the_next_read_is_fresh() -> None:
    reads, rows = SharedReads(), Rows()

    async def fails() -> int:
        raise OSError("away")

    failed = await asyncio.gather(*(reads.read("job", fails) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in failed] == [OSError] * 3
    assert await reads.read("job", rows.query) == 1
    assert reads._waiting == {}
    assert reads._running == {}
