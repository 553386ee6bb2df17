"""Reads that are shared: joined before they begin, never after, and by as many as want."""

from __future__ import annotations

import asyncio

import pytest

from db import sql
from db.connection import open_database
from domain.belonging import belonging_to, present_ids
from domain.shared_reads import SharedReads


class Rows:
    """A query that says which one it was, and may be held."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.running = 0
        self.most_at_once = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def query(self) -> int:
        self.begun += 1
        number = self.begun
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
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


async def left(*readers: asyncio.Task[int]) -> None:
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await asyncio.sleep(0.01)


async def test_a_read_that_nobody_waits_for_any_more_is_cancelled() -> None:
    reads, rows = SharedReads(), Rows()
    rows.may_answer.clear()
    readers = [asyncio.create_task(reads.read(key, rows.query)) for key in range(500) for _ in range(2)]
    await asyncio.sleep(0.01)
    assert rows.running == 500
    await left(*readers)
    assert rows.running == 0
    assert rows.cancelled == 500
    assert (reads._waiting, reads._running, reads._readers) == ({}, {}, {})


@pytest.mark.parametrize("steps", range(6))
async def test_who_asks_as_the_last_reader_leaves_has_a_read_of_his_own(steps: int) -> None:
    """At whatever step: before the task began, while it waited for its turn, while it ran."""
    reads, rows = SharedReads(), Rows()
    rows.may_answer.clear()
    running = asyncio.create_task(reads.read("job", rows.query))
    await asyncio.sleep(0.01)
    leaving = asyncio.create_task(reads.read("job", rows.query))
    for _ in range(steps):
        await asyncio.sleep(0)
    leaving.cancel()
    later = asyncio.create_task(reads.read("job", rows.query))
    await asyncio.sleep(0.01)
    rows.may_answer.set()
    assert (await running, await later) == (1, 2)
    assert (reads._waiting, reads._running, reads._readers) == ({}, {}, {})


async def test_a_read_that_is_cancelled_while_it_waits_for_its_turn_leaves_the_one_before() -> None:
    reads, rows = SharedReads(), Rows()
    rows.may_answer.clear()
    first = asyncio.create_task(reads.read("job", rows.query))
    await asyncio.sleep(0.01)
    await left(asyncio.create_task(reads.read("job", rows.query)))
    rows.may_answer.set()
    assert await first == 1
    assert rows.begun == 1


async def test_a_cancelled_read_gives_its_connection_back(database_url: str) -> None:
    reads = SharedReads()

    async def sleeps() -> int:
        return len(await sql.rows("SELECT pg_sleep(60)"))

    async with open_database(database_url, pool_size=2):
        readers = [asyncio.create_task(reads.read(key, sleeps)) for key in range(10)]
        await asyncio.sleep(0.2)
        await left(*readers)
        async with asyncio.timeout(5.0):
            both = await asyncio.gather(*(sql.rows("SELECT pg_sleep(0.1), 1 AS one") for _ in range(2)))
        assert [row["one"] for (row,) in both] == [1, 1]


async def test_a_read_belongs_to_none_of_its_readers() -> None:
    async def ids() -> dict[str, str]:
        return dict(present_ids())

    with belonging_to(operation_id="the first"):
        assert await SharedReads().read("job", ids) == {}


async def test_a_failure_is_everybodys_and_the_next_read_is_fresh() -> None:
    reads, rows = SharedReads(), Rows()

    async def fails() -> int:
        raise OSError("away")

    failed = await asyncio.gather(*(reads.read("job", fails) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in failed] == [OSError] * 3
    assert await reads.read("job", rows.query) == 1
    assert reads._waiting == {}
    assert reads._running == {}
